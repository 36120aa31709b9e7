"""How texts are read: frozen, by n-grams, and by a BERT that was fine-tuned; on public sets."""
