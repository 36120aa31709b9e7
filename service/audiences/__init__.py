"""Audiences over HTTP."""
