"""Shops: made, listed, limited and deleted by an operator."""
