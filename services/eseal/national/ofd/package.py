"""The ZIP archive that an OFD is, read so strictly that every reader sees the same files in it.

Programs differ in what they take from an archive: the directory at its end or the headers along the way, the first or
the last of two files with one name, what a name means in upper case. Where two could differ, the archive is refused.
"""

import io
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from services.eseal.national.ofd.prepared import CENTRAL, END, LOCAL, UTF8

MOST_FILES = 2_000
LARGEST_FILE = 32_000_000
LARGEST_TOTAL = 64_000_000
_LONGEST_NAME = 500
_STORED, _DEFLATED = 0, 8
_DOS_FOLDER = 0x10
_ENCRYPTED_NO, _HAS_DESCRIPTOR = 0x0001, 0x0008
# Bits 1 and 2 tell how hard it was compressed.
_KNOWN_FLAGS = 0x0006 | _HAS_DESCRIPTOR | UTF8
# Extra fields that give a file another name, size or content: ZIP64, a name in Unicode, encryption.
_TELLING_EXTRAS = frozenset({0x0001, 0x7075, 0x9901, 0x0017})
# Compressing what is compressed costs time and gains nothing.
_COMPRESSED = (".esl", ".dat", ".png", ".jpg", ".jpeg", ".gif")
_SOME_DAY = (1980, 1, 1, 0, 0, 0)

Files: TypeAlias = dict[str, bytes]


class BadPackageError(Exception):
    """Not an archive that can be read in one way only; the message says why."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file as the directory at the end has it; `record` are the directory's own bytes."""

    name: str
    raw_name: bytes
    flags: int
    method: int
    checksum: int
    packed: int
    size: int
    start: int
    record: bytes


def read(content: bytes) -> Files:
    """The files by their names, without folders. Raises BadPackageError."""
    try:
        return _read(content)
    except struct.error as fault:
        raise BadPackageError("the archive is cut off") from fault


def write(files: Mapping[str, bytes]) -> bytes:
    """An archive of these files, in this order; the same files give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, _SOME_DAY)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(_COMPRESSED) else zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return out.getvalue()


def _read(content: bytes) -> Files:
    entries, directory = entries_of(content)
    files: Files = {}
    left = LARGEST_TOTAL
    for entry, following in pairwise([*sorted(entries, key=lambda each: each.start), None]):
        if entry is None:
            raise BadPackageError("the archive is empty")
        data = _content(content, entry, following.start if following else directory)
        left -= len(data)
        if left < 0:
            raise BadPackageError(f"the files have more than {LARGEST_TOTAL} bytes together")
        if entry.name.endswith("/"):
            if data:
                raise BadPackageError(f"the folder {entry.name} has content")
        else:
            files[entry.name] = data
    if entries and min(entry.start for entry in entries) != 0:
        raise BadPackageError("something comes before the archive")
    return files


def entries_of(content: bytes) -> tuple[list[Entry], int]:
    """The entries of the directory at the end, and where it begins. Raises BadPackageError, struct.error."""
    end = len(content) - END.size
    if end < 0 or content[end : end + 4] != b"PK\x05\x06":
        raise BadPackageError("the archive does not end where it should")
    _, disk, first_disk, here, count, size, start, comment = END.unpack_from(content, end)
    if disk or first_disk or here != count or comment or start + size != end:
        raise BadPackageError("the archive has several parts, a comment, or gaps")
    if not 0 < count <= MOST_FILES:
        raise BadPackageError(f"the archive has {count} files, the most is {MOST_FILES}")
    entries, position = [], start
    for _ in range(count):
        entry, position = _entry(content, position)
        entries.append(entry)
    if position != end:
        raise BadPackageError("the archive's directory has another size than it says")
    names = [_folded(entry.name) for entry in entries]
    if len(set(names)) != len(names):
        raise BadPackageError("two files of the archive have the same name")
    files = {name for name in names if not name.endswith("/")}
    if any(_parents(name) & files for name in names):
        raise BadPackageError("a name of the archive is both a file and a folder")
    return entries, start


def _entry(content: bytes, position: int) -> tuple[Entry, int]:
    (signature, _, _, flags, method, _, _, checksum, packed, size, name_size, extra_size, comment_size, disk, _, kind,
     start) = CENTRAL.unpack_from(content, position)  # fmt: skip
    if signature != b"PK\x01\x02" or disk:
        raise BadPackageError("the archive's directory is damaged")
    if flags & ~_KNOWN_FLAGS or method not in (_STORED, _DEFLATED):
        raise BadPackageError("a file of the archive is encrypted, or packed in a way that is not read here")
    names = position + CENTRAL.size
    raw_name = content[names : names + name_size]
    after_name = names + name_size
    _check_extras(content[after_name : after_name + extra_size])
    _check_kind(raw_name, kind)
    following = after_name + extra_size + comment_size
    record = content[position:following]
    return Entry(_name(raw_name, flags), raw_name, flags, method, checksum, packed, size, start, record), following


def _content(content: bytes, entry: Entry, until: int) -> bytes:
    """What the file holds; its own header must say what the directory says, and nothing may lie between two files."""
    (signature, _, flags, method, _, _, checksum, packed, size, name_size, extra_size) = LOCAL.unpack_from(
        content, entry.start
    )
    names = entry.start + LOCAL.size
    if signature != b"PK\x03\x04" or content[names : names + name_size] != entry.raw_name:
        raise BadPackageError(f"{entry.name} has another name in its own header")
    _check_extras(content[names + name_size : names + name_size + extra_size])
    described = bool(entry.flags & _HAS_DESCRIPTOR)
    told, known = (checksum, packed, size), (entry.checksum, entry.packed, entry.size)
    if (flags, method) != (entry.flags, entry.method) or (told != known and not (described and told == (0, 0, 0))):
        raise BadPackageError(f"{entry.name} has another size or kind in its own header")
    begin = names + name_size + extra_size
    end = begin + entry.packed
    if not described and end != until:
        raise BadPackageError(f"something lies behind {entry.name}")
    descriptor = struct.pack("<3L", *known)
    if described and content[end:until] not in (descriptor, b"PK\x07\x08" + descriptor):
        raise BadPackageError(f"something lies behind {entry.name}")
    return _unpacked(content[begin:end], entry)


def _unpacked(packed: bytes, entry: Entry) -> bytes:
    if entry.size > LARGEST_FILE:
        raise BadPackageError(f"{entry.name} has {entry.size} bytes, the most is {LARGEST_FILE}")
    data = packed
    if entry.method == _DEFLATED:
        stream = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            # One byte more than it says, so that what is longer shows without being unpacked.
            data = stream.decompress(packed, entry.size + 1)
        except zlib.error as fault:
            raise BadPackageError(f"{entry.name} cannot be unpacked") from fault
        if not stream.eof or stream.unused_data or stream.unconsumed_tail:
            raise BadPackageError(f"{entry.name} has another size than it says")
    if len(packed) != entry.packed or len(data) != entry.size or zlib.crc32(data) != entry.checksum:
        raise BadPackageError(f"{entry.name} has another size or checksum than it says")
    return data


def _name(raw: bytes, flags: int) -> str:
    try:
        name = raw.decode("utf-8" if flags & UTF8 else "ascii")
    except UnicodeDecodeError as fault:
        raise BadPackageError("a name of the archive is in no known encoding") from fault
    parts = name.removesuffix("/").split("/")
    if len(name) > _LONGEST_NAME or any(part in ("", ".", "..") for part in parts):
        raise BadPackageError(f"the archive has a file with the name {name[:50]!r}")
    if any(character in '\\:*?"<>|' or not character.isprintable() for character in name):
        raise BadPackageError(f"the archive has a file with the name {name[:50]!r}")
    return name


def _check_kind(raw_name: bytes, attributes: int) -> None:
    """What is called a file is one, and no link to another: who unpacks a link sees the other one's content."""
    is_folder = raw_name.endswith(b"/")
    plain = (0, stat.S_IFDIR if is_folder else stat.S_IFREG)
    if stat.S_IFMT(attributes >> 16) not in plain or (attributes & _DOS_FOLDER and not is_folder):
        raise BadPackageError("the archive has a link, or a folder that is called a file")


def _check_extras(extras: bytes) -> None:
    position = 0
    while position < len(extras):
        kind, size = struct.unpack_from("<2H", extras, position)
        position += 4 + size
        if kind in _TELLING_EXTRAS or position > len(extras):
            raise BadPackageError("a file of the archive has a second name or size")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def _parents(name: str) -> set[str]:
    parts = name.removesuffix("/").split("/")
    return {"/".join(parts[:count]) for count in range(1, len(parts))}
