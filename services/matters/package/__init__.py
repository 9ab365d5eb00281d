"""Scenario packages: reading, checking and compiling them; every fault has a file, a line and a remedy."""
