"""The register of seals: their applications and lives, and every use of them."""
