"""The bytes of a `*.duokua` file: a zip archive in the one form that its entries can have, and nothing else.

Every entry is stored, not compressed: the same content gives the same bytes with any library and on any machine, and
nothing can unpack to more than it is. Times, owners, comments and extra fields have one value each. What is read is
written again and compared, so whatever a reader could overlook is refused: data before, between and behind the entries,
second directories, links, encrypted entries.
"""

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chassis.problems import Invalid, Violation

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_LOCAL_MARK, _CENTRAL_MARK, _END_MARK = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_NEEDED_VERSION = 20
_MADE_BY_UNIX = 3 << 8 | _NEEDED_VERSION
_UTF8 = 0x800
_ENCRYPTED = 0x1
_MIDNIGHT = 0
_FIRST_DAY = 1 << 5 | 1  # 1980-01-01, the first that there is
_FILE_MODE = 0o100644
_KIND_OF_FILE = 0o170000
_REGULAR = 0o100000
_LONGEST_NAME = 1_000


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry as the directory at the archive's end has it."""

    name: str
    crc: int
    size: int
    offset: int


def write_entries(entries: Mapping[str, bytes]) -> bytes:
    """The archive of some entries, by name."""
    body, directory = bytearray(), bytearray()
    for name in sorted(entries, key=str.encode):
        content, encoded = entries[name], name.encode()
        crc = zlib.crc32(content)
        common = (_UTF8, 0, _MIDNIGHT, _FIRST_DAY, crc, len(content), len(content), len(encoded), 0)
        directory += _CENTRAL.pack(
            _CENTRAL_MARK, _MADE_BY_UNIX, _NEEDED_VERSION, *common, 0, 0, 0, _FILE_MODE << 16, len(body)
        )
        directory += encoded
        body += _LOCAL.pack(_LOCAL_MARK, _NEEDED_VERSION, *common) + encoded + content
    end = _END.pack(_END_MARK, 0, 0, len(entries), len(entries), len(directory), len(body), 0)
    return bytes(body + directory + end)


def read_entries(archive: bytes, *, most: int, largest: int) -> dict[str, bytes]:
    """The entries of an archive by name, as far as they can be told; `check_form` says whether it has more to it.

    Raises Invalid PACKAGE_UNREADABLE, which says why. `most` entries of `largest` bytes together are read.
    """
    if len(archive) > largest + most * (_LONGEST_NAME + _LOCAL.size + _CENTRAL.size):
        raise unreadable(f"has {len(archive)} bytes, far more than a package may have")
    entries: dict[str, bytes] = {}
    total = 0
    for entry in _directory(archive, most):
        total += entry.size
        if total > largest:
            raise unreadable(f"unpacks to more than {largest} bytes")
        if entry.name in entries:
            raise unreadable("is there twice", entry.name)
        entries[entry.name] = _content(archive, entry)
    return entries


def check_form(archive: bytes, entries: Mapping[str, bytes]) -> None:
    """Refuse an archive that has anything but its entries in it, or has them in another form."""
    written = write_entries(entries)
    if written == archive:
        return
    place = next((at for at, (one, other) in enumerate(zip(archive, written, strict=False)) if one != other), None)
    at = min(len(archive), len(written)) if place is None else place
    raise unreadable(f"is not packed as packages are, from byte {at} on: pack its files anew")


def damaged(archive: bytes, most: int) -> list[str]:
    """The entries whose content is not what their checksum says."""
    return [entry.name for entry in _directory(archive, most) if zlib.crc32(_content(archive, entry)) != entry.crc]


def unreadable(message: str, entry: str = "") -> Invalid:
    """The problem PACKAGE_UNREADABLE; `entry` is what it is about, empty for the archive."""
    shown = entry[:200] if entry.isprintable() else ascii(entry)[:200]
    about = f"{shown} {message}" if entry else f"the package {message}"
    return Invalid("PACKAGE_UNREADABLE", about, violations=[Violation(shown or "package", message)], entry=shown)


def _directory(archive: bytes, most: int) -> Iterator[_Entry]:
    if not archive.startswith((_LOCAL_MARK, _END_MARK)):
        raise unreadable("does not begin as a package does: it is another kind of file, or something was put before it")
    if len(archive) < _END.size:
        raise unreadable("is too short")
    mark, disk, first_disk, here, count, size, start, comment = _END.unpack_from(archive, len(archive) - _END.size)
    if mark != _END_MARK or comment or disk or first_disk or here != count:
        raise unreadable("does not end as a package does: it was cut off, or something was added")
    if count > most:
        raise unreadable(f"has {count} entries: {most} at most")
    if start + size + _END.size != len(archive):
        raise unreadable("has a directory that is not where it should be")
    at = start
    for _ in range(count):
        entry, at = _central(archive, at, start + size)
        yield entry


def _central(archive: bytes, at: int, end: int) -> tuple[_Entry, int]:
    if at + _CENTRAL.size > end:
        raise unreadable("has a directory that is too short")
    (mark, _, _, flags, method, _, _, crc, packed, size, length, extra, comment, _, _, attributes, offset) = (
        _CENTRAL.unpack_from(archive, at)
    )
    name_end = at + _CENTRAL.size + length
    if mark != _CENTRAL_MARK or length > _LONGEST_NAME or name_end > end:
        raise unreadable("has a directory that cannot be read")
    try:
        name = archive[at + _CENTRAL.size : name_end].decode("utf-8")
    except UnicodeDecodeError:
        raise unreadable("has a name that is not UTF-8") from None
    if flags & _ENCRYPTED:
        raise unreadable("is encrypted: packages are not", name)
    if method or packed != size:
        raise unreadable("is compressed, which entries of packages are not: pack the files with `duokua`", name)
    kind = attributes >> 16 & _KIND_OF_FILE
    if kind not in {0, _REGULAR}:
        raise unreadable("is no plain file: a package has no links, folders and devices", name)
    return _Entry(name, crc, size, offset), name_end + extra + comment


def _content(archive: bytes, entry: _Entry) -> bytes:
    start = entry.offset + _LOCAL.size + len(entry.name.encode())
    content = archive[start : start + entry.size]
    if len(content) != entry.size:
        raise unreadable("reaches beyond the end of the package", entry.name)
    return content
