"""Putting files into the archive that an OFD is, and leaving the others as they are: not unpacked, not packed anew."""

from collections.abc import Sequence
from itertools import pairwise

from services.eseal.national.ofd.package import LARGEST_TOTAL, MOST_FILES, BadPackageError, Entry, Files, entries_of
from services.eseal.national.ofd.prepared import Amended, stored

# Where an entry of the directory says where its file begins, at the end of what all entries have.
_START = slice(42, 46)
# For the file that closes the archive: a signature with its seal.
_ROOM = 1_000_000


def amend(content: bytes, changed: Files) -> Amended:
    """An archive with these files in place of those with their names, and behind the others.

    `content` was read by `package.read`. Raises BadPackageError when it would get larger than one may be.
    """
    entries, directory = entries_of(content)
    ordered = sorted(entries, key=lambda entry: entry.start)
    ends = [*(entry.start for entry in ordered[1:]), directory]
    kept = [(entry, end) for entry, end in zip(ordered, ends, strict=True) if entry.name not in changed]
    _check([entry for entry, _ in kept], changed)
    records, position = [], 0
    for entry, end in kept:
        records.append(_moved(entry.record, position))
        position += end - entry.start
    added = []
    for name, data in changed.items():
        file, record = stored(name, data, position)
        added.append(file)
        records.append(record)
        position += len(file)
    joined = _joined([(entry.start, end) for entry, end in kept])
    return Amended(joined, b"".join(added), b"".join(records), len(records))


def _check(kept: Sequence[Entry], changed: Files) -> None:
    count = len(kept) + len(changed) + 1
    size = sum(entry.size for entry in kept) + sum(map(len, changed.values())) + _ROOM
    if count > MOST_FILES or size > LARGEST_TOTAL:
        raise BadPackageError(f"with the seal the archive would have {count} files and {size} bytes: too many")


def _moved(record: bytes, start: int) -> bytes:
    return record[: _START.start] + start.to_bytes(4, "little") + record[_START.stop :]


def _joined(places: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The places, those that follow one another put together."""
    if not places:
        return []
    breaks = [number for number, (one, other) in enumerate(pairwise(places), start=1) if one[1] != other[0]]
    bounds = [0, *breaks, len(places)]
    return [(places[first][0], places[last - 1][1]) for first, last in pairwise(bounds)]
