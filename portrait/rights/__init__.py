"""Rights: what people may ask of what is kept of them, and how far it has come."""
