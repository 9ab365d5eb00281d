"""The gRPC face of licences: who may see and do what, what is told, and what is written down of a look."""

from typing import Any

import pytest

from chassis.api import Call, Caller
from chassis.database import Database
from chassis.problems import Invalid, NotFound, Problem
from chassis.testing import ManualClock
from duokua.data import from_struct, to_struct
from duokua.licences.v1 import licence_pb2
from duokua.licences.v1 import licence_service_pb2 as pb
from services.licences.api import LicenceApi
from services.licences.importing import Imports
from services.licences.sharing import SharedLicences
from services.licences.tables import accesses
from tests.licences.builders import (
    AGENT,
    DATA,
    FOOD,
    HOLDER,
    ISSUER,
    OPERATOR,
    OTHER,
    STRANGER,
    issued,
    licences,
    vault,
)

API = LicenceApi(licences(), SharedLicences(vault()), Imports(vault()))
PORTAL = Caller("client:portal")


def call(database: Database, rpc: str, caller: Caller, request: Any) -> Any:
    with database.begin() as work:
        return getattr(API, rpc)(Call(work, caller), request)


def refused(database: Database, rpc: str, caller: Caller, request: Any) -> Problem:
    with pytest.raises(Problem) as raised:
        call(database, rpc, caller, request)
    return raised.value


def looks(database: Database) -> list[tuple[str, str, str, str]]:
    with database.read() as work:
        rows = work.connection.execute(accesses.select().order_by(accesses.c.access_id))
        return [(row.subject, row.organ_id, row.action, row.purpose) for row in rows]


def get(licence_id: str, purpose: str = "", request_id: str = "r1") -> pb.GetLicenceRequest:
    return pb.GetLicenceRequest(request_id=request_id, licence_id=licence_id, purpose=purpose)


def test_the_holder_reads_all_and_nothing_is_written_down(database: Database) -> None:
    made = issued(database)
    answer = call(database, "get_licence", HOLDER, get(made.licence_id))
    assert from_struct(answer.licence.data) == DATA
    assert (answer.licence.name, answer.licence.status) == ("食品经营许可证", licence_pb2.LICENCE_STATUS_VALID)
    assert [each.act for each in answer.changes] == ["issued"]
    assert looks(database) == []


@pytest.mark.parametrize("caller", [ISSUER, OPERATOR])
def test_others_who_may_read_say_for_what_and_that_is_written_down_once(database: Database, caller: Caller) -> None:
    made = issued(database)
    assert refused(database, "get_licence", caller, get(made.licence_id)).reason == "PURPOSE_NEEDED"
    for _ in range(2):
        call(database, "get_licence", caller, get(made.licence_id, "监督检查"))
    assert looks(database) == [(caller.subject, caller.organ_id, "read", "监督检查")]


def test_an_agent_s_look_is_written_down_though_nobody_says_for_what(database: Database) -> None:
    made = issued(database)
    call(database, "get_licence", AGENT, get(made.licence_id))
    call(database, "get_licence", AGENT, get(made.licence_id, "年报", "r2"))
    assert looks(database) == [
        ("person:p3", "", "read", "经办人代持证主体查看"),
        ("person:p3", "", "read", "年报"),
    ]


def test_a_request_id_stands_for_one_look_and_for_an_hour(database: Database, clock: ManualClock) -> None:
    made = issued(database)
    call(database, "get_licence", ISSUER, get(made.licence_id, "监督检查"))
    clock.advance(minutes=59)
    call(database, "get_licence", ISSUER, get(made.licence_id, "监督检查"))
    assert refused(database, "get_licence", ISSUER, get(made.licence_id, "好奇")).reason == "REQUEST_ID_REUSED"
    other = pb.VerifyLicenceRequest(request_id="r1", identifier=made.identifier)
    assert refused(database, "verify_licence", ISSUER, other).reason == "REQUEST_ID_REUSED"
    clock.advance(minutes=1)
    assert refused(database, "get_licence", ISSUER, get(made.licence_id, "监督检查")).reason == "REQUEST_ID_REUSED"
    assert len(looks(database)) == 1


@pytest.mark.parametrize("purpose", ["\u200b", "。", "办\x1b[2J理", "办理\n贷款", "\u202e理办"])
def test_a_purpose_that_nobody_can_read_is_none(database: Database, purpose: str) -> None:
    made = issued(database)
    problem = refused(database, "get_licence", ISSUER, get(made.licence_id, purpose))
    assert isinstance(problem, Invalid)
    assert (problem.reason, problem.violations[0].field) == ("PURPOSE_NEEDED", "purpose")
    assert looks(database) == []


@pytest.mark.parametrize("caller", [OTHER, STRANGER, PORTAL])
@pytest.mark.parametrize("rpc", ["get_licence", "renew_licence", "hold_licence", "release_licence", "end_licence"])
def test_a_licence_of_others_is_not_there(database: Database, caller: Caller, rpc: str) -> None:
    made = issued(database)
    requests: dict[str, Any] = {
        "get_licence": get(made.licence_id, "好奇"),
        "renew_licence": pb.RenewLicenceRequest(licence_id=made.licence_id),
        "hold_licence": pb.HoldLicenceRequest(licence_id=made.licence_id),
        "release_licence": pb.ReleaseLicenceRequest(licence_id=made.licence_id),
        "end_licence": pb.EndLicenceRequest(
            licence_id=made.licence_id, ending=licence_pb2.LICENCE_STATUS_REVOKED, reason="x"
        ),
    }
    problem = refused(database, rpc, caller, requests[rpc])
    assert isinstance(problem, NotFound)
    assert problem.reason == "LICENCE_NOT_FOUND"
    assert looks(database) == []


def test_a_holder_cannot_change_a_licence(database: Database) -> None:
    made = issued(database)
    request = pb.HoldLicenceRequest(licence_id=made.licence_id, reason="x")
    assert refused(database, "hold_licence", HOLDER, request).reason == "LICENCE_NOT_FOUND"


def test_an_office_issues_for_itself_and_gets_no_data_back(database: Database) -> None:
    request = pb.IssueLicenceRequest(type="food-licence", holder_person_id="p1", data=to_struct(DATA))
    made = call(database, "issue_licence", ISSUER, request).licence
    assert (made.issuer_organ_id, made.holder.name) == ("o1", "李雷")
    assert not made.HasField("data")
    request.issuer_organ_id = "o2"
    assert refused(database, "issue_licence", ISSUER, request).reason == "BAD_ISSUER"
    assert call(database, "issue_licence", OPERATOR, request).licence.issuer_organ_id == "o2"
    request.issuer_organ_id = ""
    assert refused(database, "issue_licence", OPERATOR, request).reason == "BAD_ISSUER"


def test_the_issuing_office_leads_a_licence_through_its_life(database: Database) -> None:
    made = issued(database)
    told = call(database, "hold_licence", ISSUER, pb.HoldLicenceRequest(licence_id=made.licence_id, reason="整改"))
    assert told.licence.status == licence_pb2.LICENCE_STATUS_HELD
    call(database, "release_licence", ISSUER, pb.ReleaseLicenceRequest(licence_id=made.licence_id, reason="合格"))
    renewed = call(database, "renew_licence", ISSUER, pb.RenewLicenceRequest(licence_id=made.licence_id)).licence
    assert (renewed.version, renewed.previous_licence_id) == (2, made.licence_id)
    end = pb.EndLicenceRequest(
        licence_id=renewed.licence_id, ending=licence_pb2.LICENCE_STATUS_CANCELLED, reason="停业"
    )
    assert call(database, "end_licence", OPERATOR, end).licence.status == licence_pb2.LICENCE_STATUS_CANCELLED
    assert refused(database, "end_licence", OPERATOR, end).reason == "LICENCE_ENDED"
    changes = call(database, "get_licence", HOLDER, get(renewed.licence_id)).changes
    assert [(each.act, each.actor, each.reason) for each in changes] == [
        ("issued", "client:office", ""),
        ("cancelled", "client:operator", "停业"),
    ]


@pytest.mark.parametrize("ending", ["VALID", "HELD", "EXPIRED"])
def test_only_an_end_is_an_end(database: Database, ending: str) -> None:
    request = pb.EndLicenceRequest(
        licence_id=issued(database).licence_id, ending=licence_pb2.LicenceStatus.Value(f"LICENCE_STATUS_{ending}")
    )
    assert refused(database, "end_licence", ISSUER, request).reason == "BAD_ENDING"


def test_a_list_has_the_caller_s_own_newest_first_by_pages(database: Database) -> None:
    made = [issued(database).licence_id for _ in range(3)]
    issued(database, issuer_organ_id="o2", holder_person_id="p2")
    for caller in (HOLDER, ISSUER):
        first = call(database, "list_licences", caller, pb.ListLicencesRequest(page_size=2))
        token = first.next_page_token
        second = call(database, "list_licences", caller, pb.ListLicencesRequest(page_size=2, page_token=token))
        assert [each.licence_id for each in (*first.licences, *second.licences)] == sorted(made, reverse=True)
        assert second.next_page_token == ""
        assert not first.licences[0].HasField("data")
    assert looks(database) == []


def test_an_operator_s_list_of_a_holder_is_a_look_at_each(database: Database) -> None:
    made = [issued(database).licence_id for _ in range(2)]
    one = pb.ListLicencesRequest(request_id="l1", holder_person_id="p1", type=FOOD)
    assert refused(database, "list_licences", OPERATOR, one).reason == "PURPOSE_NEEDED"
    one.purpose = "投诉处理"
    for _ in range(2):
        listed = call(database, "list_licences", OPERATOR, one).licences
        assert sorted(each.licence_id for each in listed) == made
    assert looks(database) == [("client:operator", "", "listed", "投诉处理")] * 2


def test_a_list_can_have_valid_ones_only(database: Database, clock: ManualClock) -> None:
    good = issued(database)
    issued(database, valid_until="2026-06-02")
    issued(database, valid_from="2026-08-01")
    held = issued(database)
    call(database, "hold_licence", ISSUER, pb.HoldLicenceRequest(licence_id=held.licence_id, reason="x"))
    clock.advance(days=10)
    valid = call(database, "list_licences", HOLDER, pb.ListLicencesRequest(valid_only=True)).licences
    assert [each.licence_id for each in valid] == [good.licence_id]
    everything = call(database, "list_licences", HOLDER, pb.ListLicencesRequest()).licences
    assert sorted(each.status for each in everything) == [1, 1, 2, 5]


@pytest.mark.parametrize(
    ("caller", "named", "reason"),
    [(OPERATOR, "", "HOLDER_NEEDED"), (HOLDER, "p2", "BAD_HOLDER"), (PORTAL, "", "HOLDER_NEEDED")],
)
def test_nobody_lists_what_is_not_theirs(database: Database, caller: Caller, named: str, reason: str) -> None:
    request = pb.ListLicencesRequest(holder_person_id=named)
    assert refused(database, "list_licences", caller, request).reason == reason


def verify(database: Database, identifier: str, code: str = "", caller: Caller = STRANGER) -> pb.VerifyLicenceResponse:
    request = pb.VerifyLicenceRequest(request_id="v1", identifier=identifier, code=code)
    answer: pb.VerifyLicenceResponse = call(database, "verify_licence", caller, request)
    return answer


def test_an_identifier_alone_tells_where_a_licence_stands_and_nothing_of_its_holder(database: Database) -> None:
    made = issued(database)
    answer = verify(database, made.identifier.lower())
    assert answer.valid
    assert answer.explanation == (
        "食品经营许可证由西湖区市场监督管理局于2026年6月1日颁发，现行有效，有效期至2031年5月31日。"
    )
    assert not answer.licence.HasField("holder")
    assert not answer.licence.HasField("data")
    named = ("licence_id", "previous_licence_id", "next_licence_id", "case_id")
    assert [getattr(answer.licence, name) for name in named] == [""] * 4
    assert looks(database) == [("person:p2", "", "verified", "核验")]


def test_the_code_of_the_document_shows_what_everyone_may_see(database: Database) -> None:
    made = issued(database)
    code = licences().code(made)
    answer = verify(database, made.identifier, f"{code[:4]} {code[4:].upper()}")
    assert from_struct(answer.licence.data) == {"shop": "西湖面馆", "granted_on": "2026-05-30"}
    assert (answer.licence.holder.name, answer.licence.holder.person_id) == ("李雷", "")
    assert verify(database, f"duokua-licence:{made.identifier}:{code}").licence.holder.name == "李雷"


@pytest.mark.parametrize("code", ["", ":", ": ", ":\n"])
def test_a_qr_code_without_its_code_is_of_no_document(database: Database, code: str) -> None:
    made = issued(database)
    request = pb.VerifyLicenceRequest(identifier=f"duokua-licence:{made.identifier}{code}", code=licences().code(made))
    problem = refused(database, "verify_licence", STRANGER, request)
    assert (problem.reason, "second part is missing" in problem.message) == ("BAD_IDENTIFIER", True)
    assert looks(database) == []


@pytest.mark.parametrize("code", ["0" * 20, "x", "号"])
def test_a_code_of_another_licence_finds_nothing(database: Database, code: str) -> None:
    made = issued(database)
    request = pb.VerifyLicenceRequest(request_id="v1", identifier=made.identifier, code=code)
    assert refused(database, "verify_licence", STRANGER, request).reason == "LICENCE_NOT_FOUND"
    assert looks(database) == []


def test_a_wrong_identifier_is_told_apart_from_an_unknown_one(database: Database) -> None:
    made = issued(database)
    wrong = pb.VerifyLicenceRequest(identifier=made.identifier[:-1] + ("0" if made.identifier[-1] != "0" else "1"))
    assert isinstance(refused(database, "verify_licence", STRANGER, wrong), Invalid)
    unknown = pb.VerifyLicenceRequest(identifier=str(made.named.following()))
    assert refused(database, "verify_licence", STRANGER, unknown).reason == "LICENCE_NOT_FOUND"


def test_what_is_not_valid_is_told_in_words(database: Database, clock: ManualClock) -> None:
    future = issued(database, valid_from="2026-08-01")
    assert "尚未生效" in verify(database, future.identifier).explanation
    assert not verify(database, future.identifier).valid
    made = issued(database)
    call(database, "hold_licence", ISSUER, pb.HoldLicenceRequest(licence_id=made.licence_id, reason="x"))
    held = verify(database, made.identifier)
    assert (held.valid, held.explanation[-15:]) == (False, "已于2026年6月1日暂扣，现非有效。"[-15:])
    old = issued(database)
    call(database, "renew_licence", ISSUER, pb.RenewLicenceRequest(licence_id=old.licence_id))
    assert "换发新版本" in verify(database, old.identifier).explanation
    short = issued(database, valid_until="2026-06-02")
    clock.advance(days=3)
    gone = verify(database, short.identifier)
    assert (gone.valid, gone.licence.status) == (False, licence_pb2.LICENCE_STATUS_EXPIRED)
    assert "已过期" in gone.explanation


def type_request() -> pb.DefineTypeRequest:
    field = licence_pb2.LicenceField(
        name="shop",
        label="名称",
        type=licence_pb2.FIELD_TYPE_TEXT,
        required=True,
        audience=licence_pb2.AUDIENCE_EVERYONE,
    )
    return pb.DefineTypeRequest(
        type=licence_pb2.LicenceType(
            type_code=f"{FOOD[:18]}002",
            kind="sign-permit",
            name="户外招牌设置许可",
            fields=[field],
            template="{{ data.shop }}",
            sharing=licence_pb2.SHARING_OPEN,
        )
    )


def test_types_are_defined_and_listed(database: Database) -> None:
    made = call(database, "define_type", OPERATOR, type_request()).type
    assert made.version == 1
    assert call(database, "get_type", STRANGER, pb.GetTypeRequest(type="sign-permit")).type == made
    first = call(database, "list_types", STRANGER, pb.ListTypesRequest(page_size=1))
    rest = call(database, "list_types", STRANGER, pb.ListTypesRequest(page_token=first.next_page_token))
    assert [each.kind for each in (*first.types, *rest.types)] == ["food-licence", "sign-permit"]


def test_a_value_that_nobody_knows_is_refused(database: Database) -> None:
    request = type_request()
    request.type.sharing = licence_pb2.Sharing.ValueType(9)
    request.type.fields[0].audience = licence_pb2.Audience.ValueType(7)
    problem = refused(database, "define_type", OPERATOR, request)
    assert isinstance(problem, Invalid)
    assert [fault.field for fault in problem.violations] == ["type.sharing", "type.fields[0].audience"]
