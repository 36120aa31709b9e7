"""Profiles: one record per user, how events are folded into it, and its bytes."""
