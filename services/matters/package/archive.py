"""A scenario package as one file, `*.duokua`: its files, a list of their digests, and signatures of that list."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from services.matters.package.container import check_form, damaged, read_entries, unreadable, write_entries
from services.matters.package.faults import Faults
from services.matters.package.files import LARGEST_PACKAGE, MOST_FILES, check_collisions, largest_of, path_fault
from services.matters.package.signatures import (
    LARGEST_SIGNATURE,
    MOST_SIGNATURES,
    Signature,
    read_signature,
    write_signature,
)

FILES = "META/files"
SIGNATURES = "META/signatures/"
_FIRST_LINE = "duokua package 1"
_MOST_ENTRIES = MOST_FILES + MOST_SIGNATURES + 1
_LARGEST = LARGEST_PACKAGE + MOST_SIGNATURES * LARGEST_SIGNATURE + MOST_FILES * 400


@dataclass(frozen=True, slots=True)
class Package:
    """A package: what is in it, and who signed that."""

    files: Mapping[str, bytes]
    statement: bytes
    """META/files: what is signed."""
    signatures: tuple[Signature, ...] = ()
    """By key id."""
    changed: tuple[str, ...] = ()
    """The files that are not as META/files has them: other bytes, added, missing."""

    @property
    def digest(self) -> str:
        """SHA-256 of META/files, in hexadecimal: the same for the same files, whoever signed them."""
        return hashlib.sha256(self.statement).hexdigest()


def made_of(files: Mapping[str, bytes], signatures: Iterable[Signature] = ()) -> Package:
    """The package of some files."""
    kept = {each.key_id: each for each in signatures}
    return Package(files, statement_of(files), tuple(kept[key_id] for key_id in sorted(kept)))


def statement_of(files: Mapping[str, bytes]) -> bytes:
    """META/files: a line for each file, with the digest and size of its content."""
    told = (
        f"{hashlib.sha256(files[path]).hexdigest()} {len(files[path])} {path}\n"
        for path in sorted(files, key=str.encode)
    )
    return f"{_FIRST_LINE}\n{''.join(told)}".encode()


def pack(package: Package) -> bytes:
    """The bytes of a package: the same content gives the same ones."""
    signed = {f"{SIGNATURES}{each.key_id}.json": write_signature(each) for each in package.signatures}
    return write_entries({**package.files, FILES: package.statement, **signed})


def unpack(archive: bytes) -> Package:
    """Read a package. Raises Invalid PACKAGE_UNREADABLE, which says why.

    A file that is not as META/files has it is named in `changed`, so that whoever asks can be told which it is; such a
    package is not to be used.
    """
    entries = read_entries(archive, most=_MOST_ENTRIES, largest=_LARGEST)
    statement = entries.get(FILES)
    if statement is None:
        raise unreadable(f"has no {FILES}: it is an archive of another kind")
    files = {name: content for name, content in entries.items() if not name.startswith("META/")}
    _check_names(entries)
    changed = _changed(statement, files)
    if not changed:
        for name in damaged(archive, _MOST_ENTRIES):
            raise unreadable("is not what its checksum says: the package was damaged or changed", name)
        check_form(archive, entries)
    signatures = [
        read_signature(name.removeprefix(SIGNATURES).removesuffix(".json"), content)
        for name, content in entries.items()
        if name.startswith(SIGNATURES)
    ]
    return Package(files, statement, tuple(sorted(signatures, key=lambda each: each.key_id)), changed)


def _check_names(entries: Mapping[str, bytes]) -> None:
    faults = Faults()
    for name, content in entries.items():
        is_signature = name.startswith(SIGNATURES) and name.endswith(".json")
        if name.startswith("META/") and name != FILES and not is_signature:
            raise unreadable("is unknown: META has the list of files and signatures", name)
        if not name.startswith("META/") and (message := path_fault(name)):
            raise unreadable(message, name)
        largest = LARGEST_SIGNATURE if is_signature else largest_of(name)
        if len(content) > largest:
            raise unreadable(f"has {len(content)} bytes: {largest} at most", name)
    check_collisions(entries, faults)
    for fault in faults.all():
        raise unreadable(fault.message, fault.file)


def _changed(statement: bytes, files: Mapping[str, bytes]) -> tuple[str, ...]:
    """The files that are not as the list has them; the list itself where it is only written in another way."""
    right = statement_of(files)
    if statement == right:
        return ()
    said, there = dict(_lines(statement)), dict(_lines(right))
    return tuple(sorted(path for path in said.keys() | there.keys() if said.get(path) != there.get(path))) or (FILES,)


def _lines(statement: bytes) -> Iterator[tuple[str, list[str]]]:
    """What a list says of each file: digest and size."""
    for line in statement.decode("utf-8", "replace").split("\n")[1:-1]:
        *said, path = line.split(" ", 2)
        yield path, said
