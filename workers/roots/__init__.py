"""Composition roots: one for each command of the workers. They alone choose adapters."""
