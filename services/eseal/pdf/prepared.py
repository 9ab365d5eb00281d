"""What passes between those who write a seal into a PDF and those who sign it. Loads nothing that reads PDF."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

# Bytes for the signature: three certificates take 2,000, a timestamp with its own as many again, up to 6,000 from
# authorities with long chains of RSA keys. Written as hexadecimal digits, of which there are twice as many.
ROOM = 4_096
ROOM_WITH_TIMESTAMP = 14_336


@dataclass(frozen=True, slots=True)
class Validation:
    """What level B-LT puts into the file for those who check it later: certificates, lists, answers, all DER."""

    certificates: Sequence[bytes] = ()
    revocation_lists: Sequence[bytes] = ()
    responses: Sequence[bytes] = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A file that lacks its signature: the SHA-256 of what is to be signed, and where the signature goes.

    `start` and `end` are those of the string in angle brackets, in bytes.
    """

    content: bytes
    digest: bytes
    start: int
    end: int

    @classmethod
    def appended(cls, content: bytes, addition: bytes, start: int, end: int, room: int) -> Self:
        """A file with what a confined process would have appended, its digest reckoned here.

        Raises ValueError when there is no room for a signature of `room` bytes where it says, in what it appended.
        """
        whole = content + addition
        if not len(content) <= start < end <= len(whole) or whole[start:end] != b"<" + b"0" * (2 * room) + b">":
            raise ValueError(f"what was appended has no room for a signature of {room} bytes at {start}")
        digest = hashlib.sha256(memoryview(whole)[:start])
        digest.update(memoryview(whole)[end:])
        return cls(whole, digest.digest(), start, end)

    def sealed(self, signature: bytes) -> bytes:
        """The file with its signature (CMS, DER) in place."""
        digits = signature.hex().encode()
        room = self.end - self.start - 2
        if len(digits) > room:
            raise ValueError(f"the signature takes {len(digits)} digits, and there is room for {room}")
        begin = self.start + 1
        return b"".join((self.content[:begin], digits.ljust(room, b"0"), self.content[begin + room :]))
