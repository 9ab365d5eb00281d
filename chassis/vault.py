"""Encryption at rest: AES-256-GCM with a key that lies outside the databases."""

import base64
import hashlib
import hmac
import os
from typing import Self

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from chassis.settings import Settings

KEY_SECRET = "vault.key"  # noqa: S105 - the name of the file, not its content
KEY_BYTES = 32
NONCE_BYTES = 12
FORMAT = b"\x01"


def make_key() -> bytes:
    """A fresh key in base64, for the secret `vault.key`."""
    return base64.b64encode(os.urandom(KEY_BYTES))


class Vault:
    """Encrypts values, each bound to a context such as "person.number", so that none can stand in for another."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            message = f"the vault's key has {len(key)} bytes and needs {KEY_BYTES}"
            raise ValueError(message)
        self._cipher = AESGCM(_derive(key, b"encrypt"))
        self._hash_key = _derive(key, b"fingerprint")

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The vault of this installation; its key is the secret `vault.key`, 32 bytes in base64."""
        return cls(base64.b64decode(settings.secret(KEY_SECRET), validate=True))

    def encrypt(self, plain: bytes, *, context: str) -> bytes:
        """Format byte, nonce (12 bytes), ciphertext with its tag."""
        nonce = os.urandom(NONCE_BYTES)
        return FORMAT + nonce + self._cipher.encrypt(nonce, plain, context.encode())

    def decrypt(self, sealed: bytes, *, context: str) -> bytes:
        """The plain value; raises `cryptography.exceptions.InvalidTag` when anything was changed."""
        if sealed[:1] != FORMAT:
            message = "this was not encrypted by the vault"
            raise ValueError(message)
        return self._cipher.decrypt(sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :], context.encode())

    def fingerprint(self, plain: bytes, *, context: str) -> str:
        """HMAC-SHA256 in hexadecimal, to look a value up without storing it."""
        return hmac.new(self._hash_key, context.encode() + b"\0" + plain, hashlib.sha256).hexdigest()


def _derive(key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"duokua vault " + purpose).derive(key)
