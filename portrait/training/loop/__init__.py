"""The loop that everything learns by, its checkpoints, and several processes at once."""
