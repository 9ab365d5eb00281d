"""The whole platform in one thread, under faults that one seed decides: see README.md.

`python -m tests.simulation --help` runs many seeds, or shows one.
"""
