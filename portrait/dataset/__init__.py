"""The log as examples: what was known at a moment, and what came after it."""
