"""Shops: several that one process serves, each only to who shows one of its keys."""
