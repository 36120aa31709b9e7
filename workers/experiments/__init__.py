"""The experiment worker: what came of the lists that were recommended, counted."""
