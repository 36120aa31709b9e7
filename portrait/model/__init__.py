"""Models: what a model is, as arrays; nothing here needs torch."""
