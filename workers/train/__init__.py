"""Train: models are learned, judged, and watched while they serve."""
