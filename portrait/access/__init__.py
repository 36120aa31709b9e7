"""Access: who may ask for what, and what of it is written down."""
