"""Encryption at rest: AES-256-GCM with a key that lies outside the databases."""

import base64
import fcntl
import hashlib
import hmac
import os
import weakref
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
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
        first, *others = secret.strip().splitlines() or [b""]
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
        """The vault of this installation; its keys are in the secret `vault.key`.

        For as long as the vault is there nobody can be `alone_with_key`: what was encrypted with a key that is replaced
        meanwhile could never be read again. Raises ValueError while somebody is.
        """
        held = _lock(_key_file(settings), fcntl.LOCK_SH)
        if held is None:
            message = "vault.key is being replaced (duokua vault rotate): start again when that has ended"
            raise ValueError(message)
        try:
            vault = cls(VaultKeys.read(settings.secret(KEY_SECRET)))
        except BaseException:
            os.close(held)
            raise
        weakref.finalize(vault, os.close, held)
        return vault

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


@contextmanager
def alone_with_key(settings: Settings) -> Iterator[Path]:
    """The secret `vault.key`, with nobody else on this machine working with it or replacing it.

    Raises ValueError when somebody does: whoever runs on with a key that is gone writes what nobody can read.
    """
    path = _key_file(settings)
    with ExitStack() as held:
        # Replacing the file leaves its lock behind; the folder's tells two who replace it from each other.
        for locked, message in (
            (path.parent, "another duokua vault rotate goes on: wait for its end"),
            (path, f"somebody works with {path}: stop the platform, every process of it, and try again"),
        ):
            descriptor = _lock(locked, fcntl.LOCK_EX)
            if descriptor is None:
                raise ValueError(message)
            held.callback(os.close, descriptor)
        yield path


def _key_file(settings: Settings) -> Path:
    """Raises FileNotFoundError, which says what to do, when there is none."""
    settings.secret(KEY_SECRET)
    return settings.secrets_folder / KEY_SECRET


def _lock(path: Path, kind: int) -> int | None:
    """An open file that keeps a lock until it is closed, or the process ends; None when another's lock forbids it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if isinstance(error, BlockingIOError):
            return None
        raise
    return descriptor


def _decoded(text: bytes) -> bytes:
    message = f"vault.key is damaged: it has to hold keys of {KEY_BYTES} bytes in base64; take it from its backup"
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError:
        raise ValueError(message) from None
    if len(key) != KEY_BYTES:
        raise ValueError(message)
    return key


def _derive(key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"duokua vault " + purpose).derive(key)
