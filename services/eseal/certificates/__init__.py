"""The platform's own certification authority: its certificates, and those of the seals under it."""
