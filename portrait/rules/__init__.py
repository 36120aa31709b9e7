"""Rules by the shop: what lists must hold to, as data."""
