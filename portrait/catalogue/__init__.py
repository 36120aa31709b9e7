"""The catalogue: items and the vectors of their texts, in memory and kept current."""
