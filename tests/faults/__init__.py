"""Kills processes of a whole platform under load, and holds it to account afterwards: nothing lost, nothing doubled.

`python -m tests.faults --help` runs it for longer than the tests do.
"""
