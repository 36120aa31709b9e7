"""Why: one item for one user, and what their list would be without an event."""
