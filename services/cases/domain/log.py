"""What the case log says: its leaves, its register of cases, and the heads under which it is signed.

The log is a Merkle tree with one leaf for each entry of each history, in the order in which they were added. Beside it
is the register, a second tree with one leaf for each case, which says how many entries of the case the log holds, and
which is the last. A head signs both, so that neither can change, and so that entries cannot be left out at the end of a
history without a contradiction to the head.

All texts are UTF-8, each line ends in a line feed. Hashes are lower-case hexadecimal. Written down for others in
docs/case-log.md; `cli/case_proof.py` checks it without this code.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from services.cases.domain.history import timestamp
from services.cases.domain.merkle import EMPTY_ROOT, hash_leaf

KEY_ID_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class LoggedEntry:
    """An entry of a history, as far as the log binds it."""

    case_id: str
    sequence: int
    hash: str


@dataclass(frozen=True, slots=True)
class Registered:
    """What the register says of a case."""

    case_id: str
    place: int
    """The index of the case's leaf in the register, which is also part of each of its leaves in the log."""
    entries: int
    """How many entries the log holds; their sequences are 1 to this."""
    hash: str
    """Of the last of them."""

    def leaf(self) -> bytes:
        """Return the hash of the case's leaf in the register."""
        return hash_leaf(_text("duokua case", self.case_id, self.entries, self.hash))


@dataclass(frozen=True, slots=True)
class Head:
    """The state of log and register at one moment."""

    size: int
    """Leaves of the log."""
    root: str
    cases: int
    """Leaves of the register."""
    cases_root: str
    at: datetime

    def text(self) -> bytes:
        """Return what is signed."""
        return _text("duokua case log", self.size, self.root, self.cases, self.cases_root, timestamp(self.at))


@dataclass(frozen=True, slots=True)
class Additions:
    """What a batch of entries adds to the log."""

    leaves: Mapping[int, bytes]
    """The hashes of the new leaves by their index."""
    indexes: Mapping[tuple[str, int], int]
    """The index of each entry's leaf, by case and sequence."""
    registered: Mapping[str, Registered]
    """The cases that have new entries, as they are registered after them."""
    misfits: tuple[LoggedEntry, ...]
    """Entries that do not follow the last one that the log has of their case; they are not added."""


EMPTY = Head(0, EMPTY_ROOT.hex(), 0, EMPTY_ROOT.hex(), datetime.min.replace(tzinfo=UTC))
"""What comes before the first head; never signed."""
NOTHING = Additions({}, {}, {}, ())


def add(head: Head, known: Mapping[str, Registered], waiting: Iterable[LoggedEntry]) -> Additions:
    """Give entries their places after those that a head covers; each case's come in the order of their sequence.

    ``known`` has the cases among them that are registered already.
    """
    cases = head.cases
    leaves: dict[int, bytes] = {}
    indexes: dict[tuple[str, int], int] = {}
    registered: dict[str, Registered] = {}
    misfits: list[LoggedEntry] = []
    for entry in waiting:
        before = registered.get(entry.case_id) or known.get(entry.case_id)
        if entry.sequence != (before.entries if before else 0) + 1:
            misfits.append(entry)
            continue
        place = before.place if before else cases
        cases += before is None
        index = head.size + len(leaves)
        leaves[index] = entry_leaf(entry, place)
        indexes[entry.case_id, entry.sequence] = index
        registered[entry.case_id] = Registered(entry.case_id, place, entry.sequence, entry.hash)
    return Additions(leaves, indexes, registered, tuple(misfits))


def entry_leaf(entry: LoggedEntry, place: int) -> bytes:
    """Return the hash of an entry's leaf; ``place`` is its case's in the register."""
    return hash_leaf(_text("duokua entry", entry.case_id, place, entry.sequence, entry.hash))


class LogKey:
    """The key that signs heads: Ed25519 (RFC 8032)."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public_pem = public_pem(private.public_key())
        self.key_id = key_id(private.public_key())

    @classmethod
    def from_pem(cls, pem: bytes) -> Self:
        """Read a private key in PEM, PKCS #8. Raises ValueError when it is another kind of key."""
        private = load_pem_private_key(pem, password=None)
        if not isinstance(private, Ed25519PrivateKey):
            raise ValueError("the key of the case log is not an Ed25519 key")  # noqa: TRY004 - it is what was read
        return cls(private)

    def sign(self, head: Head) -> bytes:
        """Return the signature of a head's text, 64 bytes."""
        return self._private.sign(head.text())


def make_key() -> bytes:
    """Return a fresh private key in PEM, for the secret `case-log.key`."""
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_pem(key: Ed25519PublicKey) -> str:
    """Return a public key in PEM, SubjectPublicKeyInfo."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def key_id(key: Ed25519PublicKey) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of the key's SubjectPublicKeyInfo in DER."""
    return sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()[:KEY_ID_CHARACTERS]


def _text(*lines: object) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
