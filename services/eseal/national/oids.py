"""Object identifiers of the national algorithms (GM/T 0006)."""

SM3 = "1.2.156.10197.1.401"
SM2_WITH_SM3 = "1.2.156.10197.1.501"
# Purpose of a certificate whose holder makes seals. No standard names one, so this is our own (X.667, UUID).
SEAL_MAKING = "2.25.178050098231941658079614960503368365565"
