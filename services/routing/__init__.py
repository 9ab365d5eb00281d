"""Routing: which office handles a step of a case, and why."""
