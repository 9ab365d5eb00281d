"""The services; each owns its data and speaks by contract only."""
