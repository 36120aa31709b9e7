"""How the heads learn: what users are likely to do next, as probabilities."""
