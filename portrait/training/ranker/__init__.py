"""How the ranker learns: behaviour, neighbours, and what each part of a score counts."""
