"""Privacy: what people write of themselves and of others is not kept."""
