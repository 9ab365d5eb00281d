"""SM4, the national block cipher (GB/T 32907-2016), in the one mode that also notices changes (GCM, RFC 8998)."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

KEY_BYTES = 16
NONCE_BYTES = 12
TAG_BYTES = 16


class AlteredError(Exception):
    """Not what was encrypted with this key for this context."""


def encrypt(key: bytes, plaintext: bytes, context: bytes = b"") -> bytes:
    """Nonce, ciphertext and tag, bound to `context`, which is not in it. `key`: 16 bytes."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + _gcm(key, nonce, plaintext, context)


def decrypt(key: bytes, encrypted: bytes, context: bytes = b"") -> bytes:
    """What `encrypt` was given. Raises AlteredError for anything else."""
    if len(encrypted) < NONCE_BYTES + TAG_BYTES:
        raise AlteredError("too short to have been encrypted")
    nonce, body, tag = encrypted[:NONCE_BYTES], encrypted[NONCE_BYTES:-TAG_BYTES], encrypted[-TAG_BYTES:]
    cipher = Cipher(algorithms.SM4(key), modes.GCM(nonce, tag)).decryptor()
    cipher.authenticate_additional_data(context)
    try:
        return cipher.update(body) + cipher.finalize()
    except InvalidTag as fault:
        raise AlteredError("the key, the context or the ciphertext is another one") from fault


def _gcm(key: bytes, nonce: bytes, plaintext: bytes, context: bytes) -> bytes:
    cipher = Cipher(algorithms.SM4(key), modes.GCM(nonce)).encryptor()
    cipher.authenticate_additional_data(context)
    return cipher.update(plaintext) + cipher.finalize() + cipher.tag
