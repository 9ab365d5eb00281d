"""What passes between those who put a seal into an OFD and those who sign it. Loads nothing that reads OFD.

Most of the archive stays as it is; the few files that are new or changed follow it, none of them packed. The last one,
the signature, comes from whoever has the key, who closes the archive behind it.
"""

import re
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

from services.eseal.national.sm3 import sm3

END, CENTRAL, LOCAL = struct.Struct("<4s4H2LH"), struct.Struct("<4s6H3L5H2L"), struct.Struct("<4s5H3L2H")
"""The end of an archive, an entry of its directory, and the header of a file (ZIP)."""
UTF8 = 0x0800
_STORED, _VERSION, _UNIX = 0, 20, 3 << 8
# The first day that an archive knows, and the rights that others read.
_TIME, _DATE, _RIGHTS = 0, 0x21, 0o644 << 16
SIGNED_FOLDER = re.compile(r"(?=.{1,300}$)[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*", re.ASCII)
"""Folders whose names can stand in a signature, as ASCII."""


@dataclass(frozen=True, slots=True)
class Amended:
    """An archive that still takes a file: what is kept of the one before, what follows, and its directory.

    `kept` are places in the archive before, from its beginning on.
    """

    kept: Sequence[tuple[int, int]]
    added: bytes
    directory: bytes
    count: int

    def closed(self, before: bytes, name: str, data: bytes) -> bytes:
        """The whole archive, with this file as its last."""
        start = sum(end - begin for begin, end in self.kept) + len(self.added)
        last, entry = stored(name, data, start)
        directory = self.directory + entry
        count = self.count + 1
        end = END.pack(b"PK\x05\x06", 0, 0, count, count, len(directory), start + len(last), 0)
        parts = [memoryview(before)[begin:end] for begin, end in self.kept]
        return b"".join((*parts, self.added, last, directory, end))


@dataclass(frozen=True, slots=True)
class Prepared:
    """An OFD that lacks its signature: `digest` is that of the file that describes it, which lies in `folder`."""

    amended: Amended
    folder: str
    digest: bytes

    @classmethod
    def of(cls, before: bytes, addition: bytes, places: Mapping[str, Any]) -> Self:
        """A file with what a confined process would put into it, its digest reckoned here.

        `places`: as `places_of` gives them. Raises ValueError for those that cannot be.
        """
        kept = [(int(begin), int(end)) for begin, end in places["kept"]]
        bounds = [0, *(bound for each in kept for bound in each), len(before)]
        begin, end = (int(bound) for bound in places["description"])
        directory, folder = int(places["directory"]), str(places["folder"])
        if any(one > other for one, other in pairwise(bounds)) or not 0 <= begin < end <= directory <= len(addition):
            raise ValueError("what was put into the file lies outside of it")
        if not SIGNED_FOLDER.fullmatch(folder):
            raise ValueError(f"a signature cannot lie in {folder[:50]!r}")
        amended = Amended(kept, addition[:directory], addition[directory:], int(places["count"]))
        return cls(amended, folder, sm3(addition[begin:end]))

    @property
    def location(self) -> str:
        """The file that describes the signature."""
        return f"{self.folder}/Signature.xml"

    def sealed(self, before: bytes, value: bytes) -> bytes:
        """The whole file, `value` being the signature."""
        return self.amended.closed(before, f"{self.folder}/SignedValue.dat", value)


def places_of(amended: Amended, folder: str, description: tuple[int, int]) -> dict[str, object]:
    """Where in an addition, the added files and then the directory, everything is; as JSON has it."""
    return {
        "kept": [list(each) for each in amended.kept],
        "directory": len(amended.added),
        "count": amended.count,
        "folder": folder,
        "description": list(description),
    }


def stored(name: str, data: bytes, start: int) -> tuple[bytes, bytes]:
    """A file of an archive that begins at `start`, not packed, and its entry in the directory."""
    raw, size, checksum = name.encode(), len(data), zlib.crc32(data)
    told = (UTF8, _STORED, _TIME, _DATE, checksum, size, size, len(raw), 0)
    local = LOCAL.pack(b"PK\x03\x04", _VERSION, *told) + raw + data
    return local, CENTRAL.pack(b"PK\x01\x02", _UNIX | _VERSION, _VERSION, *told, 0, 0, 0, _RIGHTS, start) + raw
