"""Shops: several in one installation, of which none can reach what another's is."""
