"""Putting a seal on an OFD without a key: what is kept, where the seal is shown, and what is believed of it."""

import io
import zipfile
from functools import cache

import ofdkit
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.eseal.domain.answers import Verdict
from services.eseal.domain.orders import At, AtText, Order, SealingError
from services.eseal.national import signatures
from services.eseal.national.ofd import package
from services.eseal.national.ofd.amending import amend
from services.eseal.national.ofd.description import describe
from services.eseal.national.ofd.package import BadPackageError, Files, read, write
from services.eseal.national.ofd.prepared import Prepared
from services.eseal.national.ofd.preparing import prepare
from services.eseal.national.ofd.stamps import Stamp
from services.eseal.national.sm3 import sm3
from tests.eseal.national.builders import NOON, authority, inspect, seal, sealed, written

SIGN = "Doc_0/Signs/Sign_0"


@cache
def own_seal() -> bytes:
    return seal()


def put(content: bytes, order: Order) -> bytes:
    """A file sealed in two halves, as for an official."""
    addition, places = prepare(content, authority().trust_list(), own_seal(), order, NOON)
    prepared = Prepared.of(content, addition, places)
    value, _ = signatures.sign(
        own_seal(), authority().seal, data_hash=prepared.digest, property_info="/" + prepared.location, now=NOON
    )
    return prepared.sealed(content, value)


def shown(content: bytes, sign: str = SIGN) -> list[Stamp]:
    return list(describe(read(content), f"{sign}/Signature.xml").stamps)


def zipped(files: Files, *, described: bool = False) -> bytes:
    """An archive by another program, with folders, and with sizes behind files when they are `described`."""

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return not described

    out = Pipe()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("Doc_0/"), b"")
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize("described", [False, True])
def test_files_that_are_not_touched_stay_as_they_are_packed(*, described: bool) -> None:
    before = zipped(dict(written(60).files), described=described)
    content = put(before, Order(At(-1, 300, 300)))
    assert inspect(content).verdict is Verdict.GENUINE
    old, new = package.read(before), package.read(content)
    assert {name for name in old if old[name] != new[name]} == {"OFD.xml"}
    page = next(entry for entry in package.entries_of(before)[0] if entry.name.endswith("Page_1/Content.xml"))
    moved = next(entry for entry in package.entries_of(content)[0] if entry.name == page.name)
    end = page.start + 30 + len(page.raw_name) + page.packed
    assert content[moved.start : moved.start + end - page.start] == before[page.start : end]


_NAMES = st.sampled_from([f"{folder}{name}" for folder in ("", "a/", "b/c/") for name in ("x", "y.png", "文.xml")])
_CONTENTS = st.dictionaries(_NAMES, st.binary(max_size=200), min_size=1)


@given(before=_CONTENTS, changed=_CONTENTS, last=st.binary(max_size=50), described=st.booleans())
def test_an_archive_holds_what_it_held_and_what_was_put_in(
    *, before: Files, changed: Files, last: bytes, described: bool
) -> None:
    content = zipped(before, described=described)
    whole = amend(content, changed).closed(content, "the/last", last)
    expected = {**before, **changed, "the/last": last}
    assert read(whole) == expected
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        assert {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")} == expected


def test_other_programs_read_what_comes_out() -> None:
    content = put(put(write(written(60).files), Order(At(1, 300, 300), riding=True)), Order(AtText("准予许可")))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
    document = ofdkit.open(content)
    assert (len(document.pages), document.warnings) == (3, [])


def test_a_place_is_counted_in_points_from_the_lower_left() -> None:
    content = put(write(written().files), Order(At(1, 72, 144)))
    # An inch from the left, two from below; a seal of 42 mm, a page of 297.
    (stamp,) = shown(content)
    assert stamp.box == pytest.approx((25.4 - 21, 297 - 50.8 - 21, 42, 42), abs=0.001)


def test_a_text_and_what_the_seal_is_moved_by() -> None:
    plain, moved = (
        shown(put(write(written().files), Order(AtText("准予许可", dx=dx, dy=dy))))[0].box
        for dx, dy in ((0, 0), (72, -36))
    )
    assert (moved[0] - plain[0], moved[1] - plain[1]) == pytest.approx((25.4, 12.7), abs=0.002)


def test_seals_follow_one_another_also_across_the_edges() -> None:
    content = put(write(written(60).files), Order(At(1, 300, 300)))
    content = put(content, Order(None, riding=True))
    content = put(content, Order(AtText("准予许可", 1), certify=True))
    assert inspect(content).verdict is Verdict.GENUINE
    assert [len(shown(content, f"Doc_0/Signs/Sign_{number}")) for number in range(3)] == [1, 3, 1]


def test_a_seal_that_forbids_changes_is_the_last_and_covers_the_list_of_seals() -> None:
    content = put(sealed().content, Order(At(1, 300, 300), certify=True))
    assert inspect(content).verdict is Verdict.GENUINE
    with pytest.raises(SealingError) as raised:
        put(content, Order(At(1, 200, 200)))
    assert raised.value.reason == "CERTIFIED"
    files = read(content)
    last = "Doc_0/Signs/Signatures.xml"
    assert inspect(write({**files, last: files[last] + b" "})).verdict is Verdict.ALTERED


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (Order(None), "NO_PLACE"),
        (Order(At(2, 300, 300)), "NO_SUCH_PAGE"),
        (Order(At(-2, 300, 300)), "NO_SUCH_PAGE"),
        (Order(At(1, 300, 800)), "OFF_THE_PAGE"),
        (Order(At(1, float("nan"), 300)), "OFF_THE_PAGE"),
        (Order(At(1, 300, float("inf"))), "OFF_THE_PAGE"),
        (Order(AtText("（盖章）")), "TEXT_NOT_FOUND"),
        (Order(None, riding=True), "ONE_PAGE"),
        (Order(At(1, 300, 300), reason="签发"), "NO_PLACE_FOR_REASON"),
    ],
)
def test_a_place_that_is_not_there_is_refused(order: Order, reason: str) -> None:
    with pytest.raises(SealingError) as raised:
        put(write(written().files), order)
    assert raised.value.reason == reason


def test_a_list_of_seals_in_a_folder_with_a_name_that_no_signature_can_have_stays_there() -> None:
    files = dict(sealed().files)
    place = "文档/Signatures.xml"
    files["OFD.xml"] = (
        written()
        .files["OFD.xml"]
        .replace(b"</ofd:DocBody>", f"<ofd:Signatures>/{place}</ofd:Signatures></ofd:DocBody>".encode())
    )
    files = {name: data for name, data in files.items() if "Signs/" not in name}
    files[place] = b'<ofd:Signatures xmlns:ofd="http://www.ofdspec.org/2016"/>'
    content = put(write(files), Order(At(1, 300, 300)))
    assert inspect(content).verdict is Verdict.GENUINE
    assert f"{SIGN}/SignedValue.dat" in read(content)


def test_an_archive_gets_no_larger_than_one_that_is_read() -> None:
    content = write({str(number): b"" for number in range(package.MOST_FILES - 1)})
    with pytest.raises(BadPackageError, match="too many"):
        amend(content, {"more": b""})
    assert amend(content, {"0": b""}).count == package.MOST_FILES - 1


def test_what_a_process_says_is_believed_only_where_it_can_be() -> None:
    content = write(written().files)
    addition, places = prepare(content, authority().trust_list(), own_seal(), Order(At(1, 300, 300)), NOON)
    for wrong in (
        {"kept": [[0, len(content) + 1]]},
        {"kept": [[10, 5]]},
        {"kept": [[0, 100], [50, 200]]},
        {"kept": [[-5, 5]]},
        {"description": [0, len(addition) + 1]},
        {"description": [5, 5]},
        {"directory": len(addition) + 1},
        {"folder": "../Sign_0"},
        {"folder": "/Sign_0\0"},
    ):
        with pytest.raises(ValueError, match=r" lies? "):
            Prepared.of(content, addition, {**places, **wrong})


def test_the_digest_is_that_of_the_description_as_it_lies_in_the_file() -> None:
    content = write(written().files)
    addition, places = prepare(content, authority().trust_list(), own_seal(), Order(At(1, 300, 300)), NOON)
    honest = Prepared.of(content, addition, places)
    swapped = addition.replace(b"Boundary=", b"Boundaru=")
    assert Prepared.of(content, swapped, places).digest != honest.digest
    assert honest.digest == sm3(read(honest.sealed(content, b"value"))[f"{SIGN}/Signature.xml"])
