"""What is true about regions, organs, persons, clients, mandates and tokens."""
