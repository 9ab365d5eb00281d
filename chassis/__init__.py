"""Plumbing that every service stands on; it carries no domain noun."""
