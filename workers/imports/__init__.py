"""Files of a shop: tried, looked at as a whole, and imported."""
