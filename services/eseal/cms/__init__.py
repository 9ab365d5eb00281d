"""Signatures in CMS (RFC 5652, CAdES), wherever they lie: made, timestamped, and judged."""
