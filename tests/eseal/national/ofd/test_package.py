"""Archives: what is written is read, and what two programs could read differently is refused."""

import io
import stat
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.eseal.national.ofd import package
from services.eseal.national.ofd.package import BadPackageError, read, write

FILES = {"OFD.xml": b"<a/>" * 50, "Doc_0/Document.xml": b"<b/>", "Doc_0/Signs/Seal.esl": bytes(300)}
NAMES = st.lists(
    st.from_regex(r"\A[A-Za-z0-9_\u4e00-\u4eff]{1,8}(/[A-Za-z0-9_]{1,8}){0,3}\.xml\Z"),
    unique_by=str.casefold,
    min_size=1,
    max_size=8,
)


@given(NAMES, st.binary(max_size=3000))
def test_what_was_written_is_read_and_another_library_reads_it_too(names: list[str], data: bytes) -> None:
    files = dict.fromkeys(names, data)
    packed = write(files)
    assert read(packed) == files
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == files


def test_the_same_files_give_the_same_bytes() -> None:
    assert write(FILES) == write(dict(FILES))


def zipped(build: Callable[[zipfile.ZipFile], None]) -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of two files with one name
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            build(archive)
    return out.getvalue()


def test_folders_are_read_and_left_out() -> None:
    def build(archive: zipfile.ZipFile) -> None:
        archive.mkdir("Doc_0")
        archive.writestr("Doc_0/a.xml", b"a")

    assert read(zipped(build)) == {"Doc_0/a.xml": b"a"}


class Unseekable(io.RawIOBase):
    """A stream: what writes to one puts sizes behind the files."""

    def __init__(self) -> None:
        self.written = b""

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]
        self.written += piece
        return len(piece)


def test_sizes_behind_the_files_are_read() -> None:
    stream = Unseekable()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in FILES.items():
            archive.writestr(name, data)
    assert read(stream.written) == FILES
    # The same with the sizes in their place and something else behind them.
    tail = stream.written.index(b"PK\x07\x08")
    with pytest.raises(BadPackageError):
        read(stream.written[: tail + 4] + b"\xff" + stream.written[tail + 5 :])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("OFD.xml", "OFD.xml"),
        ("OFD.xml", "ofd.XML"),
        ("Ａ.xml", "A.xml"),
        ("é.xml", "e\u0301.xml"),
        ("straße.xml", "STRASSE.xml"),
        ("a", "a/b.xml"),
    ],
)
def test_two_names_that_some_program_takes_for_one_are_refused(first: str, second: str) -> None:
    def build(archive: zipfile.ZipFile) -> None:
        archive.writestr(first, b"1")
        archive.writestr(second, b"2")

    with pytest.raises(BadPackageError):
        read(zipped(build))


@pytest.mark.parametrize(
    "name", ["/OFD.xml", "../OFD.xml", "a/../OFD.xml", "a//b", "./a", "a\\b", "C:a", "a\x07b", "a\u202eb", "b" * 501]
)
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(BadPackageError):
        read(zipped(lambda archive: archive.writestr(name, b"1")))


def test_a_bomb_is_refused_without_being_unpacked() -> None:
    with pytest.raises(BadPackageError, match="the most is"):
        read(zipped(lambda archive: archive.writestr("a", bytes(package.LARGEST_FILE + 1))))

    def build(archive: zipfile.ZipFile) -> None:
        for number in range(3):
            archive.writestr(f"a{number}", bytes(package.LARGEST_FILE - 1))

    with pytest.raises(BadPackageError, match="together"):
        read(zipped(build))


def test_a_bomb_that_says_it_is_small_is_refused() -> None:
    bomb = bytearray(zipped(lambda archive: archive.writestr("a", bytes(1_000_000))))
    for start, at in ((bomb.index(b"PK\x03\x04"), 22), (bomb.index(b"PK\x01\x02"), 24)):
        struct.pack_into("<L", bomb, start + at, 100)
    with pytest.raises(BadPackageError, match="another size"):
        read(bytes(bomb))


def test_too_many_files_are_refused() -> None:
    def build(archive: zipfile.ZipFile) -> None:
        for number in range(package.MOST_FILES + 1):
            archive.writestr(str(number), b"")

    with pytest.raises(BadPackageError, match="the most is"):
        read(zipped(build))


GOOD = write(FILES)


@pytest.mark.parametrize(
    "changed",
    [
        b"#!/bin/sh\n" + GOOD,
        GOOD + b"\x00",
        GOOD[:-1],
        GOOD[: len(GOOD) // 2],
        GOOD[:100] + GOOD[101:],
        b"",
        b"PK\x05\x06" + bytes(18),
        GOOD[:-2] + b"\x01\x00" + b"c",
    ],
)
def test_what_comes_before_between_or_after_is_refused(changed: bytes) -> None:
    with pytest.raises(BadPackageError):
        read(changed)


def test_two_archives_behind_each_other_are_refused() -> None:
    """Who looks from the front reads the first, who looks from the end the second."""
    with pytest.raises(BadPackageError):
        read(write({"OFD.xml": b"shown"}) + GOOD)


def test_a_file_that_the_directory_does_not_have_is_refused() -> None:
    hidden = write({"OFD.xml": b"hidden"})
    hidden = hidden[: hidden.index(b"PK\x01\x02")]
    moved = bytearray(hidden + GOOD)
    end = len(moved) - 22
    size, start = struct.unpack_from("<2L", moved, end + 12)
    struct.pack_into("<L", moved, end + 16, start + len(hidden))
    position = start + len(hidden)
    while position < start + len(hidden) + size:
        (offset,) = struct.unpack_from("<L", moved, position + 42)
        struct.pack_into("<L", moved, position + 42, offset + len(hidden))
        name, extra, comment = struct.unpack_from("<3H", moved, position + 28)
        position += 46 + name + extra + comment
    with zipfile.ZipFile(io.BytesIO(bytes(moved))) as archive:
        assert archive.read("OFD.xml") == FILES["OFD.xml"]  # other programs see nothing of it
    with pytest.raises(BadPackageError, match="before"):
        read(bytes(moved))


@pytest.mark.parametrize(
    ("at", "value"), [(6, 1), (6, 0x40), (8, 12), (8, 99), (18, 7), (22, 7), (14, 7), (26, 1), (30, 65)]
)
def test_a_header_that_says_something_else_than_the_directory_is_refused(at: int, value: int) -> None:
    changed = bytearray(GOOD)
    changed[at] ^= value
    with pytest.raises(BadPackageError):
        read(bytes(changed))


def test_extra_fields_with_another_name_are_refused() -> None:
    def build(archive: zipfile.ZipFile) -> None:
        entry = zipfile.ZipInfo("a.xml")
        entry.extra = struct.pack("<2HBL", 0x7075, 10, 1, zlib.crc32(b"a.xml")) + b"b.xml"
        archive.writestr(entry, b"a")

    with pytest.raises(BadPackageError, match="second name"):
        read(zipped(build))


@pytest.mark.parametrize("attributes", [stat.S_IFLNK << 16, stat.S_IFBLK << 16, stat.S_IFDIR << 16, 0x10])
def test_a_file_that_is_a_link_or_a_folder_to_some_programs_is_refused(attributes: int) -> None:
    """Who unpacks `b.xml` with a common tool and reads it then gets what `a.xml` holds."""

    def build(archive: zipfile.ZipFile) -> None:
        archive.writestr("a.xml", b"a")
        entry = zipfile.ZipInfo("b.xml")
        entry.external_attr = attributes
        archive.writestr(entry, b"a.xml")

    with pytest.raises(BadPackageError, match="link"):
        read(zipped(build))


@given(st.integers(0), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_changes_no_content(position: int, change: int) -> None:
    changed = bytearray(GOOD)
    changed[position % len(changed)] ^= change
    try:
        found = read(bytes(changed))
    except BadPackageError:
        return
    assert list(found.values()) == list(FILES.values())
    assert found == FILES


@given(st.binary(max_size=200))
def test_random_bytes_are_no_archive(junk: bytes) -> None:
    for content in (junk, b"PK\x03\x04" + junk, GOOD[:-22] + junk):
        if content != GOOD:
            with pytest.raises(BadPackageError):
                read(content)
