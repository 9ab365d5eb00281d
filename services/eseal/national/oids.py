"""Object identifiers of the national algorithms (GM/T 0006)."""

SM3 = "1.2.156.10197.1.401"
SM2_WITH_SM3 = "1.2.156.10197.1.501"
