"""Dead letters: shown, and published again."""
