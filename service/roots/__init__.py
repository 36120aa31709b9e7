"""Composition roots: one for each command."""
