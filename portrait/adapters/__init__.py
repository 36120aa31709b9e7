"""The ports on real wires. Only composition roots choose among them."""
