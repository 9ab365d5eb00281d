"""Packages as one file: the same bytes for the same content, nothing hidden in them, every change told."""

import hashlib
import io
import random
import stat
import struct
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from chassis.problems import Invalid
from services.matters.package.archive import FILES, Package, made_of, pack, statement_of, unpack
from services.matters.package.container import write_entries
from services.matters.package.signatures import Signature, sign, write_signature
from tests.matters.builders import package

NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"o" * 32)

words = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
paths = st.one_of(
    words.map(lambda word: f"matters/{word}.yaml"),
    words.map(lambda word: f"templates/{word}.txt"),
    st.text(alphabet="说明书abc-", min_size=1, max_size=8).map(lambda word: f"docs/{word}.md"),
    st.just("README.md"),
)
packages = st.dictionaries(paths, st.binary(max_size=300), max_size=12).map(lambda some: {"scenario.yaml": b"", **some})


def signed(files: dict[str, bytes], *keys: Ed25519PrivateKey) -> Package:
    statement = statement_of(files)
    return made_of(files, [sign(statement, key, "某市大数据局", NOON) for key in keys])


def refusal(archive: bytes) -> str:
    with pytest.raises(Invalid) as caught:
        unpack(archive)
    assert caught.value.reason == "PACKAGE_UNREADABLE"
    return caught.value.message


@given(packages, st.randoms(use_true_random=False))
def test_what_is_packed_is_unpacked_and_the_order_of_files_does_not_count(
    files: dict[str, bytes], chance: random.Random
) -> None:
    archive = pack(signed(files, KEY))
    shuffled = list(files.items())
    chance.shuffle(shuffled)
    assert pack(signed(dict(shuffled), KEY)) == archive
    again = unpack(archive)
    assert (dict(again.files), again.changed) == (files, ())
    assert [each.holds(again.statement) for each in again.signatures] == [True]
    assert pack(again) == archive
    assert again.digest == made_of(files).digest


@given(packages, st.data())
def test_any_changed_byte_is_noticed(files: dict[str, bytes], data: st.DataObject) -> None:
    archive = bytearray(pack(signed(files, KEY)))
    place = data.draw(st.integers(0, len(archive) - 1))
    archive[place] ^= data.draw(st.integers(1, 255))
    assert noticed(bytes(archive))


def noticed(archive: bytes) -> bool:
    try:
        return bool(unpack(archive).changed)
    except Invalid as problem:
        return problem.reason == "PACKAGE_UNREADABLE"


def test_every_byte_of_a_package_counts() -> None:
    archive = pack(signed(package(), KEY))
    for place in range(len(archive)):
        changed = archive[:place] + bytes([archive[place] ^ 1]) + archive[place + 1 :]
        assert noticed(changed), place


@given(packages, st.data())
def test_what_was_changed_by_somebody_who_packed_it_anew_is_named(files: dict[str, bytes], data: st.DataObject) -> None:
    """With checksums that are right: only the list of digests, which is signed, tells."""
    path = data.draw(st.sampled_from(sorted(files)))
    original = signed(files, KEY)
    entries = {**files, path: files[path] + b"x", FILES: original.statement}
    (signature,) = original.signatures
    name = f"META/signatures/{signature.key_id}.json"
    assert unpack(write_entries({**entries, name: write_signature(signature)})).changed == (path,)
    without = {other: content for other, content in files.items() if other != path}
    assert unpack(write_entries({**without, FILES: original.statement})).changed == (path,)
    own_list = {**entries, FILES: statement_of({**files, path: files[path] + b"x"})}
    again = unpack(write_entries({**own_list, name: write_signature(signature)}))
    assert (again.changed, again.signatures[0].holds(again.statement)) == ((), False)


@pytest.mark.parametrize("cut", [0, 1, 10, 21, 22, 100, -1, -22, -100])
def test_what_is_cut_off_is_no_package(cut: int) -> None:
    refusal(pack(made_of(package()))[:cut])


@pytest.mark.parametrize(("before", "after"), [(b"x", b""), (b"", b"x"), (b"", b"\0" * 22), (b"PK\x03\x04", b"")])
def test_nothing_stands_before_or_behind_a_package(before: bytes, after: bytes) -> None:
    refusal(before + pack(made_of(package())) + after)


def foreign(entries: Sequence[tuple[zipfile.ZipInfo | str, bytes]], compression: int = zipfile.ZIP_STORED) -> bytes:
    """An archive as another program makes it."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as archive:
        for info, content in entries:
            archive.writestr(info, content)
    return made.getvalue()


def link(name: str, kind: int = stat.S_IFLNK) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (kind | 0o777) << 16
    return info


BASE = [("scenario.yaml", b""), (FILES, statement_of({"scenario.yaml": b""}))]


@pytest.mark.parametrize(
    "name",
    [
        "../scenario.yaml",
        "/etc/passwd.md",
        "matters\\x.yaml",
        "C:/matters/x.yaml",
        "matters/./x.yaml",
        "docs/a\0.md",
        "docs//a.md",
        "docs/\u202egm.md",
        "docs/e\u0301.md",
        "META/other",
        "META/signatures/x.txt",
        "run.sh",
        "matters/x.py",
        "docs/" + "a" * 300 + ".md",
        "docs/",
    ],
)
def test_no_entry_leads_anywhere_else(name: str) -> None:
    refusal(write_entries({"scenario.yaml": b"", FILES: statement_of({"scenario.yaml": b""}), name: b""}))


@pytest.mark.parametrize(("one", "other"), [("docs/A.md", "docs/a.md"), ("docs/ß.md", "docs/SS.md")])
def test_two_names_that_a_disk_takes_for_one_are_refused(one: str, other: str) -> None:
    files = {"scenario.yaml": b"", one: b"1", other: b"2"}
    assert "where case does not count" in refusal(pack(made_of(files)))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFDIR])
def test_links_and_devices_are_refused(kind: int) -> None:
    assert "no plain file" in refusal(foreign([*BASE, (link("docs/a.md", kind), b"/etc/passwd")]))


def test_what_is_compressed_is_refused_however_much_it_would_unpack_to() -> None:
    bomb = foreign([*BASE, ("docs/a.md", b"\0" * 100_000_000)], zipfile.ZIP_DEFLATED)
    assert "is compressed" in refusal(bomb)


def test_an_encrypted_entry_is_refused() -> None:
    archive = bytearray(pack(made_of({"scenario.yaml": b""})))
    at = archive.rindex(b"PK\x01\x02")
    archive[at + 8] |= 1
    assert "is encrypted" in refusal(bytes(archive))


def test_an_entry_twice_is_refused() -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = foreign([*BASE, ("docs/a.md", b"1"), ("docs/a.md", b"2")])
    assert "is there twice" in refusal(twice)


def test_another_program_s_archive_is_refused_although_all_of_its_files_are_right() -> None:
    assert "not packed as packages are" in refusal(foreign(BASE))


def test_entries_that_share_their_bytes_are_refused_before_they_fill_the_memory() -> None:
    """Each of many directory entries says that it is the whole archive."""
    content = b"x" * 900_000
    inner = write_entries({"docs/a.md": content})
    at = inner.index(b"PK\x01\x02")
    record = inner[at : inner.index(b"PK\x05\x06")]
    records = b"".join(record.replace(b"docs/a.md", f"docs/{number}.md".encode()) for number in range(9))
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 9, 9, len(records), at, 0)
    assert "unpacks to more than" in refusal(inner[:at] + records + end)


def test_too_much_is_refused_by_its_number() -> None:
    assert "far more than a package may have" in refusal(b"PK\x03\x04" + b"x" * 10_000_000)
    many = {f"docs/{number}.md": b"" for number in range(300)}
    assert "entries: 217 at most" in refusal(pack(made_of({"scenario.yaml": b"", **many})))
    assert "256000 at most" in refusal(pack(made_of({"scenario.yaml": b"x" * 256_001})))


@given(st.binary(max_size=400))
def test_no_bytes_do_anything_but_be_refused(junk: bytes) -> None:
    refusal(junk)
    refusal(b"PK\x03\x04" + junk)


def test_a_nested_package_is_a_file_like_any_other_and_of_no_kind_that_there_may_be() -> None:
    inner = pack(made_of({"scenario.yaml": b""}))
    assert "is no file of a scenario package" in refusal(
        pack(made_of({"scenario.yaml": b"", "docs/inner.duokua": inner}))
    )


def test_several_publishers_sign_the_same_list_and_each_once() -> None:
    files = package()
    statement = statement_of(files)
    later = sign(statement, KEY, "某市大数据局", datetime(2026, 4, 1, tzinfo=UTC))
    both = made_of(files, [*signed(files, KEY, OTHER).signatures, later])
    assert len(both.signatures) == 2
    assert later in both.signatures
    assert unpack(pack(both)) == both


FORGED = [
    (b'"publisher": "\xe6\x9f\x90', b'"publisher": "x\xe6\x9f\x90'),
    (b"2026-03-02", b"2026-03-03"),
]


@pytest.mark.parametrize(("old", "new"), FORGED)
def test_a_signature_holds_for_its_name_and_time_alone(old: bytes, new: bytes) -> None:
    original = signed(package(), KEY)
    (signature,) = original.signatures
    content = write_signature(signature).replace(old, new)
    assert content != write_signature(signature)
    entries = {**package(), FILES: original.statement, f"META/signatures/{signature.key_id}.json": content}
    (read,) = unpack(write_entries(entries)).signatures
    assert not read.holds(original.statement)


BAD_SIGNATURES = [
    b"",
    b"[]",
    b"{}",
    b"\xff",
    b"[" * 1999,
    b'{"algorithm": 1, "key": "", "publisher": "", "signature": "", "signed_at": ""}',
    write_signature(Signature(b"k" * 32, "p", NOON, b"s" * 64)),
    write_signature(sign(b"", KEY, "p", NOON)).replace(b"Ed25519", b"none"),
    write_signature(sign(b"", KEY, "p", NOON)).replace(b'"p"', b'"\\u202e"'),
    write_signature(sign(b"", KEY, "p", NOON)).replace(b'"p"', b'"\\ud800"'),
    write_signature(sign(b"", KEY, "p", NOON)).replace(b"\n  ", b"\n "),
    write_signature(sign(b"", KEY, "p", NOON)).replace(b"T04", b"T25"),
]


@pytest.mark.parametrize("content", BAD_SIGNATURES)
def test_a_file_that_is_no_signature_is_refused(content: bytes) -> None:
    name = f"META/signatures/{sign(b'', KEY, 'p', NOON).key_id}.json"
    entries = {"scenario.yaml": b"", FILES: statement_of({"scenario.yaml": b""}), name: content}
    assert name in refusal(write_entries(entries))


def test_the_bytes_of_a_package_never_change_from_one_release_to_the_next() -> None:
    files = {"scenario.yaml": b"id: x\n", "docs/\u8bf4\u660e.md": b"\x00\xff"}
    assert (
        hashlib.sha256(pack(signed(files, KEY, OTHER))).hexdigest()
        == "2cb12cd1445a90a77f3c90590e2d5e642f6e81fd0c349741eca136ae7c65fb65"
    )


@pytest.mark.parametrize("publisher", ["", " a", "a\n", "a" * 101, "\u202e"])
def test_a_publisher_s_name_can_be_printed(publisher: str) -> None:
    with pytest.raises(ValueError, match="publisher"):
        sign(b"", KEY, publisher, NOON)
