"""Planted shops: catalogue, people and what they do are drawn, so that what is true is known."""
