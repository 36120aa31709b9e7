"""The help desk: what customers ask, what may be answered, and what is learned from answers."""
