"""Licences (电子证照): issued, looked up, verified, and never asked for again."""
