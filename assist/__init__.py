"""Assist: customers' messages understood and answered, by a process of its own."""
