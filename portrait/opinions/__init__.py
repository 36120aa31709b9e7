"""Opinions: what is written about items, brands, categories and sources, and when that turns."""
