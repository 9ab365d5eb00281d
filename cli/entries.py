"""The rule by which the entries of a history are hashed, written down once more on purpose.

A check that used the platform's own code would say no more than the platform's word. The rule is that of
docs/case-log.md: an entry's hash covers a salted commitment to each of its two parts, so that it can be checked while
a part is withheld, and a part can be checked once it is shown.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import rfc8785

SALT_BYTES = 16


def commitment_to(part: str, salt: bytes, content: Mapping[str, Any]) -> str:
    """What an entry commits to with its "open" or "internal" part; empty when there can be no such part."""
    if len(salt) != SALT_BYTES:
        return ""
    try:
        return hashlib.sha256(f"duokua {part} part\n".encode() + salt + rfc8785.dumps(dict(content))).hexdigest()
    except (ValueError, RecursionError):
        return ""


def entry_hash(case_id: str, sequence: int, at: str, commitments: tuple[str, str], previous_hash: str) -> str:
    """The hash that an entry must have; the commitments are to its open part and to its internal part."""
    lines = ("duokua history", case_id, sequence, at, *commitments, previous_hash)
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
