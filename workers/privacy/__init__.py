"""Privacy: who reads all places, to give somebody what is kept of them, or to see it gone."""
