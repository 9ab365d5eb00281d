"""Seals of the national suite that officials put on OFD files: the same as on PDFs, by the same call."""

from collections.abc import Callable

import pytest

from chassis.database import Database
from chassis.problems import Invalid
from chassis.testing import ManualClock
from duokua.eseal.v1 import seal_service_pb2 as pb
from services.eseal.certificates.authorities import Authorities
from services.eseal.domain.answers import Code, Question, Verdict
from services.eseal.domain.findings import LARGEST_FILE
from services.eseal.domain.records import OFD
from services.eseal.domain.seal import Kind, Seal
from services.eseal.levels import Levels
from services.eseal.national.ofd.description import describe
from services.eseal.national.ofd.package import read, write
from services.eseal.seals.application import Application
from tests.eseal.builders import NOON, keys, made, officials, organ_with_seal, revoked
from tests.eseal.national.builders import sealed, written
from tests.eseal.national.ofd.test_screening import CHANGEABLE, HOSTILE, changed
from tests.eseal.test_national_notices import national_organ
from tests.eseal.test_officials import OFFICE, PAGE, refused, request, seal_file, uses, verified

ONE, THREE = write(written().files), write(written(60).files)


def asked(
    seal: Seal,
    content: bytes = ONE,
    *,
    request_id: str = "r1",
    official: str = "张三",
    at: tuple[int, float, float] | None = (1, 300, 300),
    text: str = "",
    riding: bool = False,
    certify: bool = False,
) -> pb.SealDocumentRequest:
    made = request(
        seal, content, request_id=request_id, official=official, at=at, text=text, riding=riding, certify=certify
    )
    made.reason = ""
    return made


def test_a_file_is_sealed_kept_and_known_to_a_verification(database: Database) -> None:
    seal = national_organ(database)
    answer = seal_file(database, asked(seal))
    found, record = verified(database, answer.content)
    assert (found.verdict, [each.seal_name for each in found.seals]) == (Verdict.GENUINE, [seal.name])
    assert record is not None
    assert (record.document_id, record.media_type, record.title) == (
        answer.document.document_id,
        OFD,
        "关于开展专项检查的通知",
    )
    assert found.remarks[-1].code is Code.REGISTERED_DOCUMENT
    (use,) = uses(database)
    assert (use.seal_id, use.official, use.document_id, use.refusal) == (seal.seal_id, "张三", record.document_id, "")


def test_a_repeat_gets_the_same_bytes_and_seals_nothing(database: Database, clock: ManualClock) -> None:
    seal = national_organ(database)
    first = seal_file(database, asked(seal))
    clock.advance(minutes=5)
    revoked(database, seal)
    assert seal_file(database, asked(seal)) == first
    with pytest.raises(Invalid, match="REQUEST_ID_REUSED"):
        seal_file(database, asked(seal, THREE))
    assert len(uses(database)) == 1


def test_the_same_file_may_be_sealed_twice_in_a_moment(database: Database) -> None:
    seal = national_organ(database)
    answers = [seal_file(database, asked(seal, request_id=f"r{number}")) for number in range(2)]
    for answer in answers:
        found, record = verified(database, answer.content)
        assert found.verdict is Verdict.GENUINE
        assert record is not None
        assert record.document_id == answer.document.document_id


def test_seals_follow_one_another_until_one_forbids_it(database: Database) -> None:
    own = national_organ(database)
    person = made(database, Application("o1", "启用", kind=Kind.PERSONAL, name="李雷", matters=()))
    first = seal_file(database, asked(own, THREE, text="准予许可"))
    second = seal_file(database, asked(own, first.content, request_id="r2", at=None, riding=True))
    third = seal_file(database, asked(person, second.content, request_id="r3", official="李雷", certify=True))
    found, record = verified(database, third.content)
    assert (found.verdict, [each.seal_name for each in found.seals]) == (
        Verdict.GENUINE,
        [own.name, own.name, "李雷"],
    )
    assert record is not None
    assert record.document_id == third.document.document_id
    assert len(describe(read(third.content), "Doc_0/Signs/Sign_1/Signature.xml").stamps) == 3
    with pytest.raises(Invalid, match="CERTIFIED"):
        seal_file(database, asked(own, third.content, request_id="r4"))
    assert [use.refusal for use in uses(database)] == ["", "", "", "CERTIFIED"]


def test_the_level_is_that_of_the_installation(database: Database) -> None:
    by = officials(Levels(Authorities(keys()), level="B-T", clock=ManualClock(NOON)))
    answer = by.seal(database, OFFICE, asked(national_organ(database)))
    (seal,) = verified(database, answer.content)[0].seals
    assert (bool(seal.timestamp_authority), seal.answer(Question.TIME) is not None) == (True, True)


def test_a_seal_goes_on_files_of_its_own_format_alone(database: Database) -> None:
    assert refused(database, asked(national_organ(database), PAGE)) == "SEAL_NOT_FOR_FORMAT"


def test_a_seal_of_the_other_suite_goes_on_no_ofd(database: Database) -> None:
    assert refused(database, asked(organ_with_seal(database))) == "SEAL_NOT_FOR_FORMAT"


def test_an_ofd_has_no_place_for_a_reason(database: Database) -> None:
    assert refused(database, request(national_organ(database), ONE)) == "NO_PLACE_FOR_REASON"


def wide() -> bytes:
    """A page with more elements than there is memory for."""
    page = "Doc_0/Pages/Page_0/Content.xml"
    pad = b"<ofd:PageBlock/>" * 1_900_000
    files = written().files
    return write({**files, page: files[page].replace(b"</ofd:Layer>", pad + b"</ofd:Layer>")})


def altered() -> bytes:
    return changed(lambda files: files.update({"Doc_0/PublicRes.xml": b"<a/>"}), files=sealed().files)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (lambda: b"PK\x03\x04" + bytes(LARGEST_FILE), "TOO_LARGE"),
        (lambda: b"PK\x03\x04 and nothing else", "BROKEN_OFD"),
        (HOSTILE["a bomb"], "BROKEN_OFD"),
        (HOSTILE["a name outside"], "BROKEN_OFD"),
        (HOSTILE["entities"], "BROKEN_OFD"),
        (HOSTILE["a name twice"], "BROKEN_OFD"),
        (altered, "ALTERED"),
        (lambda: changed(*CHANGEABLE["sound"]), "CHANGEABLE_CONTENT"),
        (wide, "TOO_COMPLEX"),
    ],
)
def test_a_file_that_cannot_carry_a_seal_is_refused(
    database: Database, content: Callable[[], bytes], reason: str
) -> None:
    assert refused(database, asked(national_organ(database), content())) == reason


def test_a_file_that_gets_too_large_with_the_seal_is_refused(database: Database) -> None:
    size = LARGEST_FILE - len(ONE) - 60_000
    files = {**written().files, "Doc_0/a.png": bytes(size)}
    assert refused(database, asked(national_organ(database), write(files))) == "TOO_LARGE"
