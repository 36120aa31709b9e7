"""The archive: every event as a row in files, each exactly once."""
