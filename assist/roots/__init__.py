"""Composition roots of the help desk."""
