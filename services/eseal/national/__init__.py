"""National algorithms and documents: SM2/SM3/SM4, SM2 certificates, GB/T 38540 seals, sealed OFD."""
