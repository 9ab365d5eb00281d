"""Sealing: what is on the document afterwards, several seals, and a seal across the pages."""

import pytest

from services.eseal.domain.answers import Code, Question, Verdict
from services.eseal.domain.orders import SealingError
from services.eseal.national.ofd import xml
from services.eseal.national.ofd.description import describe, read_list
from services.eseal.national.ofd.package import read
from services.eseal.national.ofd.sealing import LIST, LockedError
from services.eseal.national.ofd.stamps import BadPlaceError, Stamp, riding
from services.eseal.national.ofd.structure import BadDocumentError, Page, read_structure
from services.eseal.national.signatures import read_signature
from services.eseal.national.sm3 import sm3
from tests.eseal.builders import OFFICE
from tests.eseal.national.builders import NOON, authority, inspect, sealed, sealer, stamps, written


def test_a_sealed_notice_is_genuine_and_everything_about_it_is_told() -> None:
    found = inspect(sealed().content)
    (seal,) = found.seals
    assert found.verdict is Verdict.GENUINE
    assert {answer.code for answer in seal.answers} == {
        Code.UNCHANGED, Code.COVERS_ALL, Code.TRUSTED_ISSUER, Code.TIME_CLAIMED, Code.CERTIFICATE_VALID,
        Code.REVOCATION_UNKNOWN, Code.SEAL_VALID,
    }  # fmt: skip
    assert {answer.question for answer in seal.answers} == set(Question) - {Question.FILE}
    assert (seal.signer, seal.seal_name, seal.seal_id) == (OFFICE, OFFICE, "33010600000001")
    assert seal.sealed_at == NOON
    assert seal.signed_digest == sealed().signed_digest
    assert seal.certificate is not None
    assert seal.certificate.serial_number == f"{authority().seal.certificate.serial_number:x}"


def test_the_digest_that_the_register_keeps_is_that_of_what_is_signed() -> None:
    value = read(sealed().content)["Doc_0/Signs/Sign_0/SignedValue.dat"]
    assert sealed().signed_digest == sm3(read_signature(value).signed).hex()


def test_the_seal_covers_every_file_but_those_of_its_signature() -> None:
    files = read(sealed().content)
    described = describe(files, "Doc_0/Signs/Sign_0/Signature.xml")
    assert described.references.keys() == files.keys() - described.own - {LIST}
    assert described.stamps[0].page_id == written().page_ids[-1]


def test_a_second_seal_covers_the_first_and_leaves_it_valid() -> None:
    found = inspect(sealed(3).content)
    assert found.verdict is Verdict.GENUINE
    answers = [answer.code for seal in found.seals for answer in seal.answers if answer.question is Question.CHANGED]
    assert answers == [Code.SEALED_AFTERWARDS, Code.SEALED_AFTERWARDS, Code.UNCHANGED]
    files = read(sealed(3).content)
    first, second, third = (describe(files, each.location) for each in read_list(files, LIST))
    assert {first.location, first.value, first.seal} <= second.references.keys()
    assert {second.location, second.value, second.seal} <= third.references.keys()
    assert len({entry.get("ID") for entry in xml.children(xml.parse(files[LIST], "Signatures"), "Signature")}) == 3


def test_the_same_seal_in_the_same_second_signs_something_else() -> None:
    by = sealer()
    first, second = (by.seal(written().files, stamps(written()), now=NOON) for _ in range(2))
    assert first.signed_digest != second.signed_digest


def test_nothing_of_the_document_changes_by_being_sealed_again() -> None:
    once = read(sealed().content)
    twice = sealer().seal(once, stamps(written()), now=NOON).files
    assert {name for name in once if once[name] != twice[name]} == {LIST}


def test_a_seal_rides_on_the_edges_of_all_pages() -> None:
    document = written(60)
    pages = read_structure(document.files).pages
    strips = riding(pages, 42, 42)
    found = sealer().seal(document.files, [*strips, *stamps(document)], now=NOON)
    assert inspect(found.content).verdict is Verdict.GENUINE
    shown = describe(found.files, "Doc_0/Signs/Sign_0/Signature.xml").stamps
    assert shown[:3] == [
        Stamp("2", (196.0, 127.5, 42.0, 42.0), (0.0, 0.0, 14.0, 42.0)),
        Stamp(pages[1].id, (182.0, 127.5, 42.0, 42.0), (14.0, 0.0, 14.0, 42.0)),
        Stamp(pages[2].id, (168.0, 127.5, 42.0, 42.0), (28.0, 0.0, 14.0, 42.0)),
    ]
    # Laid side by side, the strips are the whole seal, each ending at its page's edge.
    for strip in strips:
        assert strip.shown is not None
        assert strip.box[0] + strip.shown[0] + strip.shown[2] == pytest.approx(210)
    assert sum(strip.shown[2] for strip in strips if strip.shown) == pytest.approx(42)


def test_a_seal_across_the_edges_takes_two_pages() -> None:
    with pytest.raises(SealingError, match="two pages"):
        riding([Page("1", 210, 297)], 42, 42)


@pytest.mark.parametrize("size", [(210, 40), (20, 297)], ids=["too low", "too narrow"])
def test_a_seal_across_the_edges_takes_pages_that_it_fits_on(size: tuple[float, float]) -> None:
    with pytest.raises(BadPlaceError):
        riding([Page("1", 210, 297), Page("2", *size)], 42, 42)


def test_thick_documents_have_several_seals_across_their_edges() -> None:
    strips = riding([Page(str(number), 210, 297) for number in range(45)], 42, 42)
    starts = [number for number, strip in enumerate(strips) if strip.shown and strip.shown[0] == 0]
    assert starts == [0, 15, 30]
    assert {strip.shown[2] for strip in strips if strip.shown} == {42 / 15}


@pytest.mark.parametrize(
    "stamp",
    [
        Stamp("99", (10, 10, 42, 42)),
        Stamp("2", (180, 10, 42, 42)),
        Stamp("2", (10, -10, 42, 42)),
        Stamp("2", (10, 10, 0, 42)),
        Stamp("2", (10, 10, 42, 42), (0, 0, 42, 0)),
    ],
)
def test_a_place_that_is_not_on_the_document_is_refused(stamp: Stamp) -> None:
    with pytest.raises(BadPlaceError):
        sealer().seal(written().files, [stamp], now=NOON)


def test_a_seal_is_shown_somewhere() -> None:
    with pytest.raises(BadPlaceError):
        sealer().seal(written().files, [], now=NOON)


def test_what_is_no_document_is_not_sealed() -> None:
    with pytest.raises(BadDocumentError):
        sealer().seal({"OFD.xml": b"<a/>"}, stamps(written()), now=NOON)


def test_a_document_whose_seal_covers_the_list_of_seals_takes_no_further_one() -> None:
    files = dict(sealed().files)
    location = "Doc_0/Signs/Sign_0/Signature.xml"
    files[location] = files[location].replace(b'FileRef="/OFD.xml"', b'FileRef="/Doc_0/Signs/Signatures.xml"')
    with pytest.raises(LockedError):
        sealer().seal(files, stamps(written()), now=NOON)
