"""Reading: what producers send, in their words, as events, erasures and items."""
