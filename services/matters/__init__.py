"""The matters service: the catalogue of matters, and the bundles that scenario packages publish."""
