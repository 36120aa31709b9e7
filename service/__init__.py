"""The HTTP side: what Portrait answers."""
