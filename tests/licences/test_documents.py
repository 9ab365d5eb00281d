"""Sealed documents of licences: asked for at issue, again after a failure, as a copy for one use; void at the end."""

from datetime import timedelta
from typing import Any

import pytest

from chassis.api import Call, Caller
from chassis.database import Database
from chassis.problems import Problem
from chassis.testing import ManualClock
from chassis.testing.events import emitted
from duokua.data import from_struct
from duokua.eseal.v1 import document_pb2
from duokua.eseal.v1 import events_pb2 as eseal_events
from duokua.licences.v1 import events_pb2, licence_pb2
from duokua.licences.v1 import licence_service_pb2 as pb
from services.licences import types
from services.licences.api import LicenceApi
from services.licences.documents import documents_of, note_failed, note_sealed
from services.licences.domain.licence import Licence
from services.licences.domain.life import Status
from services.licences.domain.types import Sharing
from services.licences.importing import Imports
from services.licences.sharing import SharedLicences
from services.licences.tables import accesses
from tests.licences.builders import (
    DATA,
    FOOD,
    HOLDER,
    ISSUER,
    OPERATOR,
    OTHER,
    STRANGER,
    a_type,
    found,
    issue,
    issued,
    licences,
    vault,
)
from tests.licences.conftest import NOON

API = LicenceApi(licences(), SharedLicences(vault()), Imports(vault()))


def request(database: Database, caller: Caller, licence: Licence, use: str = "", request_id: str = "d1") -> Any:
    with database.begin() as work:
        wanted = pb.RequestDocumentRequest(request_id=request_id, licence_id=licence.licence_id, use=use)
        return API.request_document(Call(work, caller), wanted).document


def refused(database: Database, caller: Caller, licence: Licence, use: str = "") -> str:
    with pytest.raises(Problem) as raised:
        request(database, caller, licence, use)
    return raised.value.reason


def told(database: Database, licence: Licence, caller: Caller = HOLDER) -> list[tuple[str, str]]:
    """Status and annotation of each document, as the caller is told."""
    with database.begin() as work:
        wanted = pb.GetLicenceRequest(request_id="g", licence_id=licence.licence_id, purpose="核对")
        documents = API.get_licence(Call(work, caller), wanted).documents
    status = licence_pb2.LicenceDocumentStatus.Name
    return [
        (status(each.status).removeprefix("LICENCE_DOCUMENT_STATUS_").lower(), each.annotation) for each in documents
    ]


def asked(database: Database, licence: Licence) -> list[str]:
    """The requests for documents of a licence, by their ids."""
    with database.read() as work:
        return [each.request_id for each in documents_of(work, licence.licence_id)]


def answer(database: Database, request_id: str, document_id: str = "", reason: str = "") -> None:
    with database.begin() as work:
        if document_id:
            document = document_pb2.Document(document_id=document_id)
            note_sealed(work, [eseal_events.LicenceDocumentSealed(request_id=request_id, document=document)])
        else:
            failed = eseal_events.LicenceDocumentFailed(request_id=request_id, reason=reason, description="no seal.")
            note_failed(work, [failed])


def test_a_licence_that_is_issued_asks_for_its_document_with_all_that_goes_on_it(database: Database) -> None:
    with database.begin() as work:
        made = issue(work)
        (event,) = (each for each in emitted(work) if isinstance(each, events_pb2.LicenceDocumentRequested))
        code = licences().code(made)
    assert from_struct(event.data) == DATA
    assert (event.title, event.identifier, event.annotation) == ("食品经营许可证", made.identifier, "")
    assert (event.holder_person_id, event.issuer_organ_id, event.reader_organ_id) == ("p1", "o1", "o1")
    assert (event.holder_name, event.holder_number) == ("李雷", "330***********1236")
    assert (event.qr_text, event.code) == (f"duokua-licence:{made.identifier}:{code}", code)
    assert told(database, made) == [("requested", "")]


def test_a_licence_is_sealed_as_the_matter_that_its_type_names(database: Database) -> None:
    with database.begin() as work:
        types.define(work, a_type(catalog_code="330131903000"))
        assert types.type_of(work, FOOD).catalog_code == "330131903000"
        issue(work)
        (event,) = (each for each in emitted(work) if isinstance(each, events_pb2.LicenceDocumentRequested))
    assert event.catalog_code == "330131903000"


def test_what_cannot_be_sealed_is_told_and_asked_for_again(database: Database) -> None:
    made = issued(database)
    (request_id,) = asked(database, made)
    assert refused(database, ISSUER, made) == "DOCUMENT_THERE"
    for keeper in (OPERATOR, ISSUER):
        answer(database, request_id, reason="NO_SEAL")
        assert told(database, made) == [("failed", "")]
        request(database, keeper, made)
    assert asked(database, made) == [request_id]
    assert told(database, made) == [("requested", "")]
    answer(database, request_id, "doc-1")
    answer(database, request_id, reason="NO_SEAL")  # an older answer that comes late
    assert told(database, made) == [("sealed", "")]
    assert refused(database, ISSUER, made) == "DOCUMENT_THERE"


def test_a_copy_says_what_it_is_for_and_is_for_whoever_asked(database: Database) -> None:
    made = issued(database)
    copy = request(database, ISSUER, made, "核对档案")
    assert copy.annotation == "仅供核对档案使用"
    request(database, HOLDER, made, "办理贷款", "d2")
    assert {each[1] for each in told(database, made)} == {"", "仅供核对档案使用", "仅供办理贷款使用"}
    assert {each[1] for each in told(database, made, ISSUER)} == {"", "仅供核对档案使用"}
    assert len(told(database, made, OPERATOR)) == 3
    with database.read() as work:
        rows = work.connection.execute(accesses.select().where(accesses.c.action == "copied")).all()
    assert [(row.subject, row.purpose) for row in rows] == [("client:office", "核对档案")]


def test_another_organ_gets_a_copy_with_consent_and_a_use_only(database: Database) -> None:
    made = issued(database)
    assert refused(database, OTHER, made, "审批") == "LICENCE_NOT_FOUND"
    with database.begin() as work:
        SharedLicences(vault()).grant(
            work, "p1", "o2", "food-licence", ("审批", NOON + timedelta(days=1)), HOLDER.subject
        )
    assert refused(database, OTHER, made) == "PURPOSE_NEEDED"
    assert request(database, OTHER, made, "审批").annotation == "仅供审批使用"
    assert refused(database, OTHER, made, "广告推销") == "OTHER_PURPOSE"
    assert refused(database, STRANGER, made, "好奇") == "LICENCE_NOT_FOUND"


def test_an_organ_that_had_a_copy_made_is_told_where_it_stands_and_nothing_else(database: Database) -> None:
    with database.begin() as work:
        types.define(work, a_type(sharing=Sharing.OPEN))
    made = issued(database)
    with pytest.raises(Problem, match="there is no licence"):
        told(database, made, OTHER)
    request(database, HOLDER, made, "办理贷款", "d2")
    request(database, OTHER, made, "审批", "d3")
    answer(database, asked(database, made)[-1], "doc-3")
    with database.begin() as work:
        seen = API.get_licence(Call(work, OTHER), pb.GetLicenceRequest(licence_id=made.licence_id))
        (*_, look) = work.connection.execute(accesses.select().order_by(accesses.c.access_id)).all()
    assert (look.organ_id, look.action, look.purpose) == ("o2", "read", "查询所申请副本的办理情况")
    assert [(each.document_id, each.annotation) for each in seen.documents] == [("doc-3", "仅供审批使用")]
    assert seen.licence.identifier == made.identifier
    assert not seen.changes
    assert not seen.licence.HasField("data")
    assert not seen.licence.HasField("holder")


def test_of_one_licence_an_organ_has_so_many_copies_and_no_more(database: Database) -> None:
    made = issued(database)
    with database.begin() as work:
        for _ in range(200):
            licences().document(work, made, "o1", "核对档案")
    assert refused(database, ISSUER, made, "核对档案") == "TOO_MANY_COPIES"
    assert request(database, HOLDER, made, "办理贷款").annotation == "仅供办理贷款使用"


@pytest.mark.parametrize("use", ["办理\n贷款", "任何用途。本证长期有效", "x\x1b[2J", "\u200b", "\u202e款贷"])
@pytest.mark.parametrize("caller", [HOLDER, ISSUER])
def test_a_use_is_words_that_make_no_sentence_of_their_own(database: Database, caller: Caller, use: str) -> None:
    made = issued(database)
    assert refused(database, caller, made, use) == "BAD_USE"
    assert len(asked(database, made)) == 1


def test_a_copy_has_a_code_of_its_own_that_tells_what_it_is_for(database: Database) -> None:
    made = issued(database)
    request(database, HOLDER, made, "办理贷款")
    request(database, HOLDER, made, "参加投标", "d2")
    with database.begin() as work:
        codes = dict(licences().codes(work, made))
    assert len(set(codes.values())) == 3
    for annotation, code in codes.items():
        wanted = pb.VerifyLicenceRequest(request_id=code, identifier=f"duokua-licence:{made.identifier}:{code}")
        with database.begin() as work:
            answer = API.verify_licence(Call(work, STRANGER), wanted)
        assert (answer.valid, answer.annotation) == (True, annotation)
        assert answer.licence.holder.name == "李雷"
        assert answer.explanation.endswith(
            f"此为限定用途的副本：{annotation}。" if annotation else "有效期至2031年5月31日。"
        )


@pytest.mark.parametrize("ending", [Status.REVOKED, Status.CANCELLED])
def test_the_end_of_a_licence_makes_all_its_documents_void(database: Database, ending: Status) -> None:
    made = issued(database)
    request(database, HOLDER, made, "办理贷款")
    first, second = asked(database, made)
    with database.begin() as work:
        licences().end(work, found(work, made), ending, "client:office", "停业")
        void = emitted(work)
    said = [(each.request_id, each.reason) for each in void if isinstance(each, events_pb2.LicenceDocumentWithdrawn)]
    assert sorted(said) == sorted([(first, "停业"), (second, "停业")])
    answer(database, first, "doc-1")
    assert [each[0] for each in told(database, made)] == ["withdrawn", "withdrawn"]
    assert refused(database, HOLDER, made, "办理贷款") == "LICENCE_ENDED"


@pytest.mark.parametrize("days", [1, 400])
def test_a_renewal_makes_the_documents_of_the_version_before_void_and_asks_for_its_own(
    database: Database, clock: ManualClock, days: int
) -> None:
    before = issued(database, valid_until="2026-12-31")
    clock.advance(days=days)
    with database.begin() as work:
        after = licences().renew(work, found(work, before), {}, ("", ""), "client:office")
        (void,) = (each for each in emitted(work) if isinstance(each, events_pb2.LicenceDocumentWithdrawn))
    assert void.reason == f"已换发新版本 {after.identifier}"
    assert told(database, before) == [("withdrawn", "")]
    assert told(database, after) == [("requested", "")]
