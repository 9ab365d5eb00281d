"""Signatures of packages: Ed25519 (RFC 8032), over the list of files, the publisher's name and the time."""

import base64
import binascii
import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from services.matters.package.container import unreadable

MOST_SIGNATURES = 16
# In bytes.
LARGEST_SIGNATURE = 2_000
LONGEST_PUBLISHER = 100
# What else the same key signs begins otherwise.
_PURPOSE = b"duokua package signature 1\n"
_KEYS = ("algorithm", "key", "publisher", "signature", "signed_at")
_KEY_ID_CHARACTERS = 32
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


@dataclass(frozen=True, slots=True)
class Signature:
    """Who says that a package is theirs; only `signature` over all of it makes it so."""

    public_key: bytes
    """32 bytes."""
    publisher: str
    """As the publisher says; whose the key really is, the trust list knows."""
    signed_at: datetime
    """As the publisher says, to the second."""
    signature: bytes

    @property
    def key_id(self) -> str:
        """The key's id."""
        return key_id_of(self.public_key)

    def holds(self, statement: bytes) -> bool:
        """Whether the key signed this list of files, this name and this time."""
        message = _message(statement, self.public_key, self.publisher, self.signed_at)
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(self.signature, message)
        except InvalidSignature:
            return False
        return True


def key_id_of(public_key: bytes) -> str:
    """The id of a key: the first 128 bits of the SHA-256 of its 32 bytes, in hexadecimal."""
    return hashlib.sha256(public_key).hexdigest()[:_KEY_ID_CHARACTERS]


def sign(statement: bytes, key: Ed25519PrivateKey, publisher: str, signed_at: datetime) -> Signature:
    """Sign a list of files. Raises ValueError for a publisher's name that cannot be printed or is too long."""
    if not is_publisher(publisher):
        message = f"a publisher's name is printable and has up to {LONGEST_PUBLISHER} characters, not {publisher!r}"
        raise ValueError(message)
    moment = signed_at.astimezone(UTC).replace(microsecond=0)
    public_key = key.public_key().public_bytes_raw()
    return Signature(public_key, publisher, moment, key.sign(_message(statement, public_key, publisher, moment)))


def is_publisher(name: str) -> bool:
    """Whether a name can be a publisher's."""
    return 0 < len(name) <= LONGEST_PUBLISHER and name.isprintable() and name == name.strip()


def write_signature(signature: Signature) -> bytes:
    """The file of a signature."""
    said = {
        "algorithm": "Ed25519",
        "key": base64.b64encode(signature.public_key).decode(),
        "publisher": signature.publisher,
        "signature": base64.b64encode(signature.signature).decode(),
        "signed_at": _written(signature.signed_at),
    }
    return json.dumps(said, ensure_ascii=False, indent=2, sort_keys=True).encode() + b"\n"


def read_signature(key_id: str, content: bytes) -> Signature:
    """Read the file of a signature. Raises Invalid PACKAGE_UNREADABLE when it is none."""
    name = f"META/signatures/{key_id}.json"
    try:
        said = json.loads(content.decode("utf-8"))
        if (
            not isinstance(said, dict)
            or sorted(said) != list(_KEYS)
            or not all(type(each) is str for each in said.values())
        ):
            raise unreadable(f"should be an object with the texts {', '.join(_KEYS)}", name)
        found = Signature(
            base64.b64decode(said["key"], validate=True),
            said["publisher"],
            _moment(said["signed_at"]),
            base64.b64decode(said["signature"], validate=True),
        )
    except (UnicodeDecodeError, json.JSONDecodeError, binascii.Error, ValueError, RecursionError):
        raise unreadable("cannot be read", name) from None
    shape = said["algorithm"], len(found.public_key), len(found.signature)
    if shape != ("Ed25519", 32, 64) or found.key_id != key_id or not is_publisher(found.publisher):
        raise unreadable("is no signature of the key that it is named after", name)
    if write_signature(found) != content:
        raise unreadable("is written in another way than signatures are", name)
    return found


def _message(statement: bytes, public_key: bytes, publisher: str, signed_at: datetime) -> bytes:
    """What is signed: lines of which none can pass for another, and a name on one line at the end."""
    lines = (hashlib.sha256(statement).hexdigest(), public_key.hex(), _written(signed_at), publisher)
    return _PURPOSE + "\n".join(lines).encode()


def _written(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _moment(text: str) -> datetime:
    if not _TIME.fullmatch(text):
        message = f"{text!r} is no time"
        raise ValueError(message)
    return datetime.fromisoformat(text)
