"""What is true of matters, bundles and their codes; no framework is imported here."""
