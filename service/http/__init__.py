"""HTTP itself: connections, bodies, who may ask, and how errors are told."""
