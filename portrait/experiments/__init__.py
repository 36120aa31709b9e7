"""Experiments: who sees which variant, what came of it, and what that says at any time."""
