"""What holds of a platform that came to rest, whatever struck it before: for tests/simulation and tests/faults."""
