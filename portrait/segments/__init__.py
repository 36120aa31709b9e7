"""Segments: the people whom an expression over their profiles describes, as they come and go."""
