"""The gRPC face of the register of seals."""

import pytest

from chassis.api import Call, Caller
from chassis.database import Database
from chassis.problems import Invalid, NotFound
from duokua.eseal.v1 import seal_pb2
from duokua.eseal.v1 import seal_register_service_pb2 as pb
from services.eseal.seals.api import RegisterApi
from tests.eseal.builders import NOON, handle, notice_requested, organ, organ_with_seal, register, sealed_document

API = RegisterApi(register())
OPERATOR = Caller("client:ops")
OFFICE_SYSTEM = Caller("client:office", organ_id="o1")
STRANGER = Caller("client:stranger", organ_id="o2")


def test_an_office_applies_and_an_operator_approves(database: Database) -> None:
    organ(database)
    organ(database, "o2", "国家税务总局")
    request = pb.ApplyForSealRequest(
        organ_id="o1",
        kind=seal_pb2.SEAL_CATEGORY_SPECIAL,
        name="审批专用章",
        matters=["330131903000", "330131903000"],
        served_organ_ids=["o2"],
        years=2,
        reason="启用",
    )
    with database.begin() as work:
        seal = API.apply_for_seal(Call(work, OFFICE_SYSTEM), request).seal
    assert (seal.state, list(seal.matters), seal.years) == (seal_pb2.SEAL_STATE_APPLIED, ["330131903000"], 2)
    with database.begin() as work:
        approval = pb.ApproveSealRequest(seal_id=seal.seal_id, reason="同意", hold=True)
        assert API.approve_seal(Call(work, OPERATOR), approval).seal.state == seal_pb2.SEAL_STATE_MADE
        activation = pb.ActivateSealRequest(seal_id=seal.seal_id)
        assert API.activate_seal(Call(work, OPERATOR), activation).seal.state == seal_pb2.SEAL_STATE_ACTIVE
    with database.read() as work:
        shown = API.get_seal(Call(work, OFFICE_SYSTEM), pb.GetSealRequest(seal_id=seal.seal_id))
    assert shown.seal.certificate_pem.startswith("-----BEGIN CERTIFICATE-----")
    assert shown.picture.startswith(b"\x89PNG")
    assert (shown.picture_width_mm, [act.number for act in shown.history]) == (42, [1, 2, 3, 4])
    assert shown.history[0].at.ToDatetime(tzinfo=NOON.tzinfo) == NOON


def test_an_organ_s_own_seal_is_what_is_meant_when_nothing_is_said(database: Database) -> None:
    organ(database)
    with database.begin() as work:
        seal = API.apply_for_seal(Call(work, OPERATOR), pb.ApplyForSealRequest(organ_id="o1", reason="启用")).seal
    assert (seal.kind, list(seal.matters), seal.years) == (seal_pb2.SEAL_CATEGORY_ORGAN, ["*"], 5)


def test_seals_are_listed_by_pages_by_organ_and_by_state(database: Database) -> None:
    seals = [organ_with_seal(database, f"o{number}", f"第{number}局") for number in range(3)]
    ids = sorted(seal.seal_id for seal in seals)
    with database.read() as work:
        first = API.list_seals(Call(work, OPERATOR), pb.ListSealsRequest(page_size=2))
        rest = pb.ListSealsRequest(page_size=2, page_token=first.next_page_token)
        second = API.list_seals(Call(work, OPERATOR), rest)
        own = API.list_seals(Call(work, OFFICE_SYSTEM), pb.ListSealsRequest())
        waiting = API.list_seals(Call(work, OPERATOR), pb.ListSealsRequest(state=seal_pb2.SEAL_STATE_APPLIED))
    assert [seal.seal_id for seal in (*first.seals, *second.seals)] == ids
    assert second.next_page_token == ""
    assert [seal.organ_id for seal in own.seals] == ["o1"]
    assert list(waiting.seals) == []


def test_uses_are_listed_counted_and_kept_from_other_organs(database: Database) -> None:
    seal = organ_with_seal(database)
    document, _ = sealed_document(database)
    with database.begin() as work:
        suspension = pb.SuspendSealRequest(seal_id=seal.seal_id, reason="盘点")
        assert API.suspend_seal(Call(work, OPERATOR), suspension).seal.state == seal_pb2.SEAL_STATE_SUSPENDED
    handle(database, notice_requested("n2"))
    with database.read() as work:
        answer = API.list_seal_uses(Call(work, OFFICE_SYSTEM), pb.ListSealUsesRequest(page_size=1))
        later = pb.ListSealUsesRequest(page_size=1, page_token=answer.next_page_token)
        refused = API.list_seal_uses(Call(work, OPERATOR), later).uses[0]
        for asked in (pb.ListSealUsesRequest(), pb.ListSealUsesRequest(organ_id="o1")):
            assert API.list_seal_uses(Call(work, STRANGER), asked) == pb.ListSealUsesResponse()
        since = pb.ListSealUsesRequest(refused_only=True)
        since.since.FromDatetime(NOON)
        assert API.list_seal_uses(Call(work, OPERATOR), since).refused_count == 1
    assert (answer.used_count, answer.refused_count) == (1, 1)
    assert (answer.uses[0].document_id, answer.uses[0].refused) == (document.document_id, False)
    assert (refused.reason, refused.refused, refused.document_id) == ("SEAL_SUSPENDED", True, "")
    with database.begin() as work:
        resumption = pb.ResumeSealRequest(seal_id=seal.seal_id, reason="完毕")
        assert API.resume_seal(Call(work, OPERATOR), resumption).seal.state == seal_pb2.SEAL_STATE_ACTIVE
        revocation = pb.RevokeSealRequest(seal_id=seal.seal_id, reason="停用")
        assert API.revoke_seal(Call(work, OPERATOR), revocation).seal.state == seal_pb2.SEAL_STATE_REVOKED


def test_what_is_not_the_caller_s_is_not_there(database: Database) -> None:
    seal = organ_with_seal(database)
    with database.read() as work, pytest.raises(NotFound):
        API.get_seal(Call(work, STRANGER), pb.GetSealRequest(seal_id=seal.seal_id))


def test_questions_about_uses_that_nothing_can_answer_are_refused(database: Database) -> None:
    organ_with_seal(database)
    turned = pb.ListSealUsesRequest()
    turned.since.FromDatetime(NOON)
    turned.until.FromDatetime(NOON)
    with database.read() as work:
        with pytest.raises(Invalid) as raised:
            API.list_seal_uses(Call(work, OPERATOR), turned)
        assert [each.field for each in raised.value.violations] == ["until"]
        with pytest.raises(NotFound) as missing:
            API.list_seal_uses(Call(work, OPERATOR), pb.ListSealUsesRequest(seal_id="mistyped"))
        assert missing.value.reason == "SEAL_NOT_FOUND"


def test_another_organ_s_seal_has_no_uses_to_show(database: Database) -> None:
    seal = organ_with_seal(database)
    with database.read() as work, pytest.raises(NotFound) as raised:
        API.list_seal_uses(Call(work, STRANGER), pb.ListSealUsesRequest(seal_id=seal.seal_id))
    assert raised.value.reason == "SEAL_NOT_FOUND"
