"""Checks what the case log signs, with nothing but the public key: heads, and that a tree holds a leaf or only grew.

The rules are written down here once more on purpose, after RFC 9162 and docs/case-log.md: a check that used the
platform's own code would say no more than the platform's word. Nothing here reads settings or calls anybody.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _no_line_end(text: str) -> str:
    if any(ord(character) < 32 for character in text):
        raise ValueError("must not hold control characters")
    return text


LONGEST_PATH = 64
Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Path64 = Annotated[list[Hash], Field(max_length=LONGEST_PATH)]
Number = Annotated[int, Field(ge=0, le=2**53 - 1)]
Line = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_no_line_end)]


class Shape(BaseModel):
    """What comes from a file: exactly the fields that are known, of exactly their types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class SignedHead(Shape):
    """The state of log and register at one moment, and the signature over it."""

    size: Number
    root: Hash
    cases: Number
    cases_root: Hash
    at: Line
    key_id: Line
    signature: Annotated[str, Field(pattern="^[0-9a-f]{128}$")]

    def text(self) -> bytes:
        """What is signed."""
        return text("duokua case log", self.size, self.root, self.cases, self.cases_root, self.at)


class PublicKey:
    """The key that a log's heads are checked with."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key
        der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.key_id = hashlib.sha256(der).hexdigest()[:16]

    @classmethod
    def from_pem(cls, pem: bytes) -> Self:
        """Read a key in PEM, SubjectPublicKeyInfo. Raises ValueError when it holds none."""
        try:
            key = load_pem_public_key(pem)
        except UnsupportedAlgorithm as unsupported:
            raise ValueError(str(unsupported)) from None
        if not isinstance(key, Ed25519PublicKey):
            raise ValueError("it is a key of another kind")  # noqa: TRY004 - it is what was read
        return cls(key)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a key from a file. Raises ValueError, naming the file, when it holds none."""
        try:
            return cls.from_pem(path.read_bytes())
        except ValueError:
            message = f"{path} holds no public Ed25519 key in PEM; `duokua log key` prints that of a platform"
            raise ValueError(message) from None

    def fault_of(self, head: SignedHead) -> str:
        """What is wrong with a head's signature, in words; empty when it is this key's."""
        if head.key_id != self.key_id:
            return f"is signed by another key: it names {head.key_id}, and the key given is {self.key_id}"
        try:
            self._key.verify(bytes.fromhex(head.signature), head.text())
        except InvalidSignature:
            return "is not what was signed: the signature does not fit its size, roots and time"
        return ""


def text(*lines: object) -> bytes:
    """The text of a leaf or a head: lines that each end in a line feed."""
    return "".join(f"{line}\n" for line in lines).encode()


def leaf_hash(data: bytes) -> str:
    """The hash of a leaf."""
    return hashlib.sha256(b"\x00" + data).hexdigest()


def root_above(leaf: str, index: int, size: int, path: Sequence[str]) -> str | None:
    """The root to which a path leads from a leaf (RFC 9162, 2.1.3.2); None when it has the wrong length."""
    if index >= size:
        return None
    here, last, found = index, size - 1, bytes.fromhex(leaf)
    for sibling in map(bytes.fromhex, path):
        if last == 0:
            return None
        if here % 2 or here == last:
            found = _above(sibling, found)
            while here % 2 == 0 and here:
                here, last = here // 2, last // 2
        else:
            found = _above(found, sibling)
        here, last = here // 2, last // 2
    return found.hex() if last == 0 else None


def only_grew(earlier: SignedHead, later: SignedHead, path: Sequence[str]) -> bool:
    """Whether the earlier log is the beginning of the later one (RFC 9162, 2.1.4.2)."""
    if earlier.size == later.size:
        return not path and earlier.root == later.root
    if not 0 < earlier.size < later.size or not path:
        return False
    # A complete tree is a node of the later one, and its root is known.
    steps = [bytes.fromhex(each) for each in ([earlier.root] if earlier.size.bit_count() == 1 else []) + list(path)]
    here, last = earlier.size - 1, later.size - 1
    while here % 2:
        here, last = here // 2, last // 2
    first = second = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if here % 2 or here == last:
            first, second = _above(step, first), _above(step, second)
            while here % 2 == 0 and here:
                here, last = here // 2, last // 2
        else:
            second = _above(second, step)
        here, last = here // 2, last // 2
    return last == 0 and first.hex() == earlier.root and second.hex() == later.root


def _above(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def faults_of_shape(errors: Sequence[Any]) -> str:
    """What pydantic found wrong, the first places only, in one line."""
    told = [f"{'.'.join(str(part) for part in each['loc']) or 'the whole'}: {each['msg']}" for each in errors[:5]]
    return "; ".join(told)


def read_json(path: Path) -> Any:
    """What a file holds as JSON. Raises ValueError, naming the file.

    An integer that a double does not hold exactly is read as the nearest one, as RFC 8785 takes it.
    """
    try:
        return json.loads(path.read_bytes(), parse_int=_exact_or_nearest)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON: {error}") from None


def _exact_or_nearest(digits: str) -> int | float:
    if len(digits) > 400:
        raise ValueError("a number is too large")
    number = int(digits)
    return number if abs(number) < 2**53 else float(number)
