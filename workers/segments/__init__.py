"""The segment worker: who is in the shop's segments, and who enters and leaves them."""
