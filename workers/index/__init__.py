"""Index: the catalogue, and the vectors of every space that may serve."""
