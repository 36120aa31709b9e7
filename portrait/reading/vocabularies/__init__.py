"""Vocabularies: how producers of each kind say what was done. One file each, with a `read`."""
