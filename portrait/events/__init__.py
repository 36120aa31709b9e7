"""Events: what enters, in which shapes it may come, and how the log is read."""
