"""Encryption at rest: AES-256-GCM with a key that lies outside the databases."""

import base64
import hashlib
import hmac
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from cryptography.exceptions import InvalidTag
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


@dataclass(frozen=True, slots=True)
class VaultKeys:
    """What the secret `vault.key` holds.

    Its first line is the key, in base64, as `make_key` gives it. After a rotation there is a line `fingerprint` with
    what values are looked up by, which stays for good; while it goes on, lines `older` with keys that go.
    """

    key: bytes
    older: Sequence[bytes] = ()
    fingerprint: bytes = b""

    @classmethod
    def read(cls, secret: bytes) -> Self:
        """What the secret says; raises ValueError when it says something else."""
        first, *others = secret.strip().splitlines()
        told: dict[bytes, list[bytes]] = {b"older": [], b"fingerprint": []}
        for line in others:
            name, _, value = line.partition(b" ")
            if name not in told:
                message = "a line of the vault's key is neither older nor fingerprint"
                raise ValueError(message)
            told[name].append(_decoded(value))
        return cls(_decoded(first), tuple(told[b"older"]), b"".join(told[b"fingerprint"]))

    def write(self) -> bytes:
        """The secret."""
        lines = [base64.b64encode(self.key)]
        lines += [b"older " + base64.b64encode(each) for each in self.older]
        lines += [b"fingerprint " + base64.b64encode(self.fingerprint)] if self.fingerprint else []
        return b"\n".join(lines)

    def rotated(self) -> Self:
        """With a fresh key before this one, which still reads what it wrote."""
        fingerprint = self.fingerprint or _derive(self.key, b"fingerprint")
        return replace(self, key=os.urandom(KEY_BYTES), older=(self.key, *self.older), fingerprint=fingerprint)

    def settled(self) -> Self:
        """Without the older keys, once nothing is encrypted with them."""
        return replace(self, older=())


class Vault:
    """Encrypts values, each bound to a context such as "person.number", so that none can stand in for another."""

    def __init__(self, key: bytes | VaultKeys) -> None:
        keys = VaultKeys(key) if isinstance(key, bytes) else key
        for each in (keys.key, *keys.older):
            if len(each) != KEY_BYTES:
                message = f"the vault's key has {len(each)} bytes and needs {KEY_BYTES}"
                raise ValueError(message)
        self._cipher, *self._older = (AESGCM(_derive(each, b"encrypt")) for each in (keys.key, *keys.older))
        self._hash_key = keys.fingerprint or _derive(keys.key, b"fingerprint")

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The vault of this installation; its keys are in the secret `vault.key`."""
        return cls(VaultKeys.read(settings.secret(KEY_SECRET)))

    def encrypt(self, plain: bytes, *, context: str) -> bytes:
        """Format byte, nonce (12 bytes), ciphertext with its tag."""
        nonce = os.urandom(NONCE_BYTES)
        return FORMAT + nonce + self._cipher.encrypt(nonce, plain, context.encode())

    def decrypt(self, sealed: bytes, *, context: str) -> bytes:
        """The plain value; raises `cryptography.exceptions.InvalidTag` when anything was changed."""
        plain, _ = self._opened(sealed, context)
        return plain

    def renew(self, sealed: bytes, *, context: str) -> bytes | None:
        """The value encrypted with the newest key; None when it is already. Raises as `decrypt` does."""
        plain, newest = self._opened(sealed, context)
        return None if newest else self.encrypt(plain, context=context)

    def fingerprint(self, plain: bytes, *, context: str) -> str:
        """HMAC-SHA256 in hexadecimal, to look a value up without storing it."""
        return hmac.new(self._hash_key, context.encode() + b"\0" + plain, hashlib.sha256).hexdigest()

    def _opened(self, sealed: bytes, context: str) -> tuple[bytes, bool]:
        """The plain value, and whether it was encrypted with the newest key."""
        if sealed[:1] != FORMAT:
            message = "this was not encrypted by the vault"
            raise ValueError(message)
        nonce, data = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
        for cipher in self._older:
            try:
                return cipher.decrypt(nonce, data, context.encode()), False
            except InvalidTag:
                continue
        return self._cipher.decrypt(nonce, data, context.encode()), True


def _decoded(text: bytes) -> bytes:
    return base64.b64decode(text, validate=True)


def _derive(key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"duokua vault " + purpose).derive(key)
