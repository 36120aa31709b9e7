"""Segments over HTTP."""
