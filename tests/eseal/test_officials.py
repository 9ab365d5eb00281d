"""Seals that officials put on files: once each, with a record of what was done and of what was refused."""

import io
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pikepdf
import pytest
from pikepdf import Dictionary, Name

from chassis.api import Caller
from chassis.database import Database
from chassis.problems import Conflict, Invalid, NotFound, Problem
from chassis.testing import ManualClock
from duokua.eseal.v1 import seal_service_pb2 as pb
from services.eseal.certificates.authorities import Authorities
from services.eseal.domain.answers import Verdict
from services.eseal.domain.findings import LARGEST_FILE, Finding
from services.eseal.domain.records import Document
from services.eseal.domain.seal import Kind, Seal
from services.eseal.levels import Levels
from services.eseal.seals.application import Application
from services.eseal.seals.store import Use, UseFilter, list_uses
from tests.eseal.builders import (
    APPROVER,
    NOON,
    documents,
    keys,
    made,
    officials,
    organ,
    organ_with_seal,
    register,
    revoked,
)
from tests.eseal.pdf.builders import pages, sealed
from tests.eseal.pdf.oracles import pdfsig
from tests.eseal.verification.test_judges import doubling_fields

OFFICE = Caller("client:office", client_id="office", organ_id="o1", permissions=frozenset({"seals.use"}))
STRANGER = Caller("client:stranger", client_id="stranger", organ_id="o2", permissions=frozenset({"seals.use"}))
PAGE = pages()


def request(
    seal: Seal,
    content: bytes = PAGE,
    *,
    request_id: str = "r1",
    official: str = "张三",
    catalog_code: str = "",
    at: tuple[int, float, float] | None = (1, 300, 300),
    text: str = "",
    riding: bool = False,
    certify: bool = False,
) -> pb.SealDocumentRequest:
    return pb.SealDocumentRequest(
        request_id=request_id,
        seal_id=seal.seal_id,
        content=content,
        title="关于开展专项检查的通知",
        official=official,
        catalog_code=catalog_code,
        reason="签发",
        at=pb.SealPlace(page=at[0], x=at[1], y=at[2]) if at and not text else None,
        text=pb.SealText(text=text) if text else None,
        riding=riding,
        certify=certify,
    )


def seal_file(database: Database, asked: pb.SealDocumentRequest, caller: Caller = OFFICE) -> pb.SealDocumentResponse:
    return officials().seal(database, caller, asked)


def verified(database: Database, content: bytes) -> tuple[Finding, Document | None]:
    with database.read() as work:
        return documents().verify(work, content)


def uses(database: Database) -> list[Use]:
    with database.read() as work:
        return list(list_uses(work.connection, UseFilter(), "", 100))


def refused(database: Database, asked: pb.SealDocumentRequest, caller: Caller = OFFICE) -> str:
    """Why it is refused, when nothing is sealed and the one attempt is recorded with the same reason."""
    with pytest.raises(Problem) as raised:
        seal_file(database, asked, caller)
    (use,) = uses(database)
    assert (use.refusal, use.document_id, use.official) == (raised.value.reason, "", asked.official)
    return raised.value.reason


def with_entry(name: str, value: object) -> bytes:
    """A file whose root has one more entry."""
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(PAGE)) as pdf:
        pdf.Root[f"/{name}"] = value
        pdf.save(out)
    return out.getvalue()


def encrypted() -> bytes:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(PAGE)) as pdf:
        pdf.save(out, encryption=pikepdf.Encryption(owner="o", user="u"))
    return out.getvalue()


def personal(database: Database) -> Seal:
    organ(database)
    return made(database, Application("o1", "启用", kind=Kind.PERSONAL, name="李雷", matters=()))


def test_a_file_is_sealed_kept_and_known_to_a_verification(database: Database) -> None:
    seal = organ_with_seal(database)
    answer = seal_file(database, request(seal))
    found, record = verified(database, answer.content)
    assert (found.verdict, [each.seal_name for each in found.seals]) == (Verdict.GENUINE, [seal.name])
    assert record is not None
    assert (record.document_id, record.title, record.organ_id) == (
        answer.document.document_id,
        "关于开展专项检查的通知",
        "o1",
    )
    assert answer.content.startswith(PAGE)
    (use,) = uses(database)
    assert (use.seal_id, use.actor, use.official, use.title, use.document_id, use.refusal) == (
        seal.seal_id,
        "client:office",
        "张三",
        "关于开展专项检查的通知",
        record.document_id,
        "",
    )


@pytest.mark.usefixtures("poppler_tools", "nss_tools")
def test_others_read_the_seal_too(database: Database, tmp_path: Path) -> None:
    answer = seal_file(database, request(organ_with_seal(database)))
    assert "Signature Validation: Signature is Valid" in pdfsig(answer.content, tmp_path)


def test_a_repeat_gets_the_same_bytes_and_seals_nothing(database: Database, clock: ManualClock) -> None:
    seal = organ_with_seal(database)
    first = seal_file(database, request(seal))
    clock.advance(minutes=5)
    revoked(database, seal)
    assert seal_file(database, request(seal)) == first
    assert len(uses(database)) == 1


@pytest.mark.parametrize("other", [{"content": pages(2)}, {"official": "李四"}, {"at": (1, 200, 200)}])
def test_another_document_under_the_same_id_is_refused(database: Database, other: dict[str, object]) -> None:
    seal = organ_with_seal(database)
    seal_file(database, request(seal))
    with pytest.raises(Invalid, match="REQUEST_ID_REUSED"):
        seal_file(database, request(seal, **other))  # type: ignore[arg-type]
    assert len(uses(database)) == 1


def test_several_seals_go_on_a_file_one_after_another(database: Database) -> None:
    own, person = organ_with_seal(database), personal(database)
    first = seal_file(database, request(own))
    second = seal_file(
        database, request(person, first.content, request_id="r2", official="李雷", at=None, text="Page 1")
    )
    found, record = verified(database, second.content)
    assert (found.verdict, [each.seal_name for each in found.seals]) == (Verdict.GENUINE, [own.name, "李雷"])
    assert record is not None
    assert record.document_id == second.document.document_id


def test_a_seal_across_the_edges_that_forbids_changes(database: Database) -> None:
    seal = organ_with_seal(database)
    answer = seal_file(database, request(seal, pages(3), at=None, riding=True, certify=True))
    assert verified(database, answer.content)[0].verdict is Verdict.GENUINE
    with pytest.raises(Invalid, match="CERTIFIED"):
        seal_file(database, request(seal, answer.content, request_id="r2"))
    assert [use.refusal for use in uses(database)] == ["", "CERTIFIED"]


def test_a_personal_seal_is_for_its_person_alone(database: Database) -> None:
    seal = personal(database)
    assert refused(database, request(seal, official="张三")) == "SEAL_NOT_FOR_OFFICIAL"
    assert seal_file(database, request(seal, official="李雷")).document.seal_id == seal.seal_id


def test_the_seal_of_another_organ_is_not_there_and_its_organ_sees_who_tried(database: Database) -> None:
    seal = organ_with_seal(database)
    with pytest.raises(NotFound, match="SEAL_NOT_FOUND"):
        seal_file(database, request(seal), STRANGER)
    (use,) = uses(database)
    assert (use.organ_id, use.for_organ_id, use.actor, use.refusal) == (
        "o1",
        "o2",
        "client:stranger",
        "SEAL_OF_ANOTHER_ORGAN",
    )


def test_a_seal_for_certain_matters_is_for_no_others(database: Database) -> None:
    organ(database)
    special = Application("o1", "启用", kind=Kind.SPECIAL, name="审批专用章", matters=("330131903000",))
    seal = made(database, special)
    assert refused(database, request(seal)) == "SEAL_NOT_FOR_MATTER"
    assert seal_file(database, request(seal, catalog_code="330131903000")).document.seal_id == seal.seal_id


def test_a_suspended_seal_is_refused(database: Database) -> None:
    seal = organ_with_seal(database)
    with database.begin() as work:
        register().suspend(work, APPROVER, seal.seal_id, "清点")
    assert refused(database, request(seal)) == "SEAL_SUSPENDED"


def test_an_expired_seal_is_refused(database: Database, clock: ManualClock) -> None:
    seal = organ_with_seal(database)
    clock.advance(days=6 * 365)
    assert refused(database, request(seal)) == "SEAL_EXPIRED"


@pytest.mark.parametrize("seal_id", ["nothing", "x" * 1_000])
def test_a_seal_that_nobody_has_is_not_there_and_the_attempt_is_kept(database: Database, seal_id: str) -> None:
    asked = request(organ_with_seal(database))
    asked.seal_id = seal_id
    with pytest.raises(NotFound, match="SEAL_NOT_FOUND"):
        seal_file(database, asked)
    assert [(use.seal_id, use.organ_id, use.refusal) for use in uses(database)] == [("", "o1", "NO_SEAL")]


def test_two_who_ask_for_the_same_at_once_get_the_same(database: Database) -> None:
    seal = organ_with_seal(database)
    together, by = threading.Barrier(2, timeout=30), officials()
    prepare = by._preparers.prepare

    class Together:
        def prepare(self, *given: object) -> object:
            prepared = prepare(*given)  # type: ignore[arg-type]
            together.wait()
            return prepared

    by._preparers = Together()  # type: ignore[assignment]
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda _: by.seal(database, OFFICE, request(seal)), range(2)))
    assert answers[0] == answers[1]
    assert len(uses(database)) == 1


@pytest.mark.parametrize("level", ["B-T", "B-LT"])
def test_the_level_is_that_of_the_installation(database: Database, level: str) -> None:
    by = officials(Levels(Authorities(keys()), level=level, clock=ManualClock(NOON)))
    answer = by.seal(database, OFFICE, request(organ_with_seal(database)))
    found, _ = verified(database, answer.content)
    (seal,) = found.seals
    assert (found.verdict, bool(seal.timestamp_authority)) == (Verdict.GENUINE, True)
    assert (b"/DSS" in answer.content) is (level == "B-LT")


def test_a_seal_that_is_stopped_while_the_file_is_read_is_not_used(database: Database) -> None:
    seal = organ_with_seal(database)
    own = officials()
    prepare = own._preparers.prepare

    class Meanwhile:
        def prepare(self, *given: object) -> object:
            revoked(database, seal)
            return prepare(*given)  # type: ignore[arg-type]

    own._preparers = Meanwhile()  # type: ignore[assignment]
    with pytest.raises(Conflict, match="SEAL_REVOKED"):
        own.seal(database, OFFICE, request(seal))
    assert [use.refusal for use in uses(database)] == ["SEAL_REVOKED"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (lambda: b"%PDF-1.7\n" + bytes(LARGEST_FILE), "TOO_LARGE"),
        (lambda: b"a letter", "UNKNOWN_FORMAT"),
        (lambda: b"PK\x03\x04 an OFD", "SEAL_NOT_FOR_FORMAT"),
        (lambda: b"%PDF-1.7 and nothing else", "BROKEN_PDF"),
        (lambda: b"\n" + PAGE, "BROKEN_PDF"),
        (lambda: sealed() + b"more", "ALTERED"),
        (encrypted, "ENCRYPTED_PDF"),
        (lambda: with_entry("OpenAction", Dictionary(S=Name.JavaScript, JS="x")), "CHANGEABLE_CONTENT"),
        (lambda: doubling_fields(30), "TOO_COMPLEX"),
    ],
)
def test_a_file_that_cannot_carry_a_seal_is_refused(
    database: Database, content: Callable[[], bytes], reason: str
) -> None:
    assert refused(database, request(organ_with_seal(database), content())) == reason


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"at": (2, 300, 300)}, "NO_SUCH_PAGE"),
        ({"at": (0, 300, 300)}, "NO_SUCH_PAGE"),
        ({"at": (1, 5, 5)}, "OFF_THE_PAGE"),
        ({"at": (1, float("nan"), 5)}, "OFF_THE_PAGE"),
        ({"text": "(盖章)"}, "TEXT_NOT_FOUND"),
        ({"at": None, "riding": True}, "ONE_PAGE"),
    ],
)
def test_a_place_that_is_not_there_is_refused(database: Database, how: dict[str, object], reason: str) -> None:
    asked = request(organ_with_seal(database), **how)  # type: ignore[arg-type]
    assert refused(database, asked) == reason
