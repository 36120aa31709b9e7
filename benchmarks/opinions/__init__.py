"""How soon a turn of opinion is noticed, and how often one is that is none."""
