"""Privacy: what people let be done, what is kept of them, and that they are forgotten."""
