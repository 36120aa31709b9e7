"""A Kafka broker, a Redis and a shop on this machine, for demo, tests and benchmarks."""
