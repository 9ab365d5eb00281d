"""The `duokua` command."""
