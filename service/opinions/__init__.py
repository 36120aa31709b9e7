"""Opinions over HTTP."""
