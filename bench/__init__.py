"""Benchmarks: what the platform costs, measured on whole processes and real servers."""
