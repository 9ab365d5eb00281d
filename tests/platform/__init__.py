"""Whole platforms for tests: processes of every service, offices with their systems' keys, a portal, an applicant."""
