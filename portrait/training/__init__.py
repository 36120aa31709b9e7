"""Training: everything that learns, in torch."""
