"""SM3, the national hash (GB/T 32905-2016)."""

from cryptography.hazmat.primitives.hashes import SM3, Hash

BYTES = 32


def sm3(data: bytes) -> bytes:
    """The digest, 32 bytes."""
    digest = Hash(SM3())
    digest.update(data)
    return digest.finalize()
