"""Heads on real shops, each beside its baseline."""
