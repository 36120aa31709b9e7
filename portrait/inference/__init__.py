"""A model applied: portraits, rankings, and every score's reasons."""
