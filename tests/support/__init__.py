"""What tests stand on: fakes, builders, and whole stacks as processes."""
