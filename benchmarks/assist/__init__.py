"""The help desk measured: intents, don't know, passages, latency, and how many labels it takes."""
