"""Migrations of the tables that every service has; a revision of each service calls one of these."""
