"""How the text encoder is fine-tuned on what shoppers do."""
