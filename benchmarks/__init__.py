"""Benchmarks: speed and quality, against plain baselines in the same run."""
