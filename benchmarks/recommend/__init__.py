"""Recommendations beside their baselines: today the next basket, what is bought again and new."""
