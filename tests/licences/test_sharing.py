"""Organs look licences up with consent and purpose, and holders see who looked."""

from datetime import timedelta
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from chassis.api import Call, Caller
from chassis.database import Database
from chassis.problems import Problem
from chassis.testing import ManualClock
from duokua.data import from_struct
from duokua.licences.v1 import licence_service_pb2
from duokua.licences.v1 import sharing_service_pb2 as pb
from services.licences import types
from services.licences.api import LicenceApi
from services.licences.domain.sharing import Grant, may_look_up
from services.licences.domain.types import Sharing
from services.licences.importing import Imports
from services.licences.sharing import SharedLicences
from services.licences.sharing_api import SharingApi
from tests.licences.builders import (
    AGENT,
    FOOD,
    HOLDER,
    ISSUER,
    NUMBER,
    OPERATOR,
    OTHER,
    STRANGER,
    a_type,
    issue,
    issued,
    licences,
    vault,
)
from tests.licences.conftest import NOON

API = SharingApi(SharedLicences(vault()))
LICENCES = LicenceApi(licences(), SharedLicences(vault()), Imports(vault()))
PORTAL = Caller("client:portal")
DAY = timedelta(days=1)


def call(database: Database, rpc: str, caller: Caller, request: Any) -> Any:
    with database.begin() as work:
        return getattr(API, rpc)(Call(work, caller), request)


def refused(database: Database, rpc: str, caller: Caller, request: Any) -> str:
    with pytest.raises(Problem) as raised:
        call(database, rpc, caller, request)
    return raised.value.reason


def consent(
    after: timedelta = 30 * DAY, organ_id: str = "o2", name: str = "food-licence", purpose: str = "核验经营资格"
) -> pb.GrantAccessRequest:
    expires_at = Timestamp()
    expires_at.FromDatetime(NOON + after)
    return pb.GrantAccessRequest(organ_id=organ_id, type=name, purpose=purpose, expires_at=expires_at)


def look(request_id: str = "l1", **said: str) -> pb.LookUpLicencesRequest:
    who = said or {"holder_person_id": "p1"}
    return pb.LookUpLicencesRequest(request_id=request_id, type="food-licence", purpose="核验经营资格", **who)


def seen(database: Database, caller: Caller = OTHER, request_id: str = "l1") -> list[str]:
    answer = call(database, "look_up_licences", caller, look(request_id))
    return [each.licence_id for each in answer.licences]


def looks(database: Database, caller: Caller = HOLDER, licence_id: str = "") -> list[tuple[str, str, str, bool]]:
    answer = call(database, "list_accesses", caller, pb.ListAccessesRequest(licence_id=licence_id))
    return [(each.organ_name, each.action, each.purpose, bool(each.grant_id)) for each in answer.accesses]


def test_nothing_is_shown_and_nothing_told_without_consent(database: Database) -> None:
    nobody = call(database, "look_up_licences", OTHER, look())
    issued(database)
    somebody = call(database, "look_up_licences", OTHER, look())
    assert somebody == nobody
    assert (list(somebody.licences), somebody.consent_needed) == ([], True)
    assert looks(database) == []


def test_consent_shows_what_organs_may_see_and_each_look_is_written_down_once(database: Database) -> None:
    made = issued(database)
    call(database, "grant_access", HOLDER, consent())
    call(database, "look_up_licences", OTHER, look())
    answer = call(database, "look_up_licences", OTHER, look())
    (found,) = answer.licences
    assert not answer.consent_needed
    assert found.licence_id == made.licence_id
    assert set(from_struct(found.data)) == {"shop", "address", "area", "granted_on"}
    call(database, "look_up_licences", OTHER, look("l2", holder_number=NUMBER))
    assert looks(database) == [("西湖区城市管理局", "looked_up", "核验经营资格", True)] * 2


def test_consent_ends_with_its_time_and_when_it_is_withdrawn(database: Database, clock: ManualClock) -> None:
    made = issued(database)
    call(database, "grant_access", HOLDER, consent(2 * DAY))
    clock.advance(days=2, seconds=-1)
    assert seen(database) == [made.licence_id]
    clock.advance(seconds=1)
    assert seen(database) == []
    grant_id = call(database, "grant_access", HOLDER, consent()).grant.grant_id
    assert seen(database) == [made.licence_id]
    call(database, "withdraw_access", HOLDER, pb.WithdrawAccessRequest(grant_id=grant_id))
    given_up = call(database, "withdraw_access", HOLDER, pb.WithdrawAccessRequest(grant_id=grant_id)).grant
    assert given_up.HasField("withdrawn_at")
    assert seen(database) == []


@pytest.mark.parametrize(("purpose", "shown"), [(" 核验，经营资格。", 1), ("广告推销", 0), ("核验", 0)])
def test_consent_is_for_one_purpose(database: Database, purpose: str, shown: int) -> None:
    issued(database)
    call(database, "grant_access", HOLDER, consent())
    request = look()
    request.purpose = purpose
    answer = call(database, "look_up_licences", OTHER, request)
    assert (len(answer.licences), answer.consent_needed) == (shown, not shown)
    assert len(looks(database)) == shown


def test_a_repeat_with_another_purpose_is_another_look(database: Database) -> None:
    issued(database)
    seen(database, ISSUER)
    request = look()
    request.purpose = "广告推销"
    assert refused(database, "look_up_licences", ISSUER, request) == "REQUEST_ID_REUSED"
    request.purpose = "\u200b"
    assert refused(database, "look_up_licences", ISSUER, request) == "PURPOSE_NEEDED"


def test_who_is_told_that_there_are_none_has_looked_too(database: Database) -> None:
    assert seen(database) == []
    assert looks(database) == []
    call(database, "grant_access", HOLDER, consent())
    for _ in range(2):
        assert seen(database, request_id="l2") == []
    (access,) = call(database, "list_accesses", HOLDER, pb.ListAccessesRequest()).accesses
    assert (access.licence_id, access.identifier, access.none_of_type, access.action) == ("", "", FOOD, "looked_up")
    assert access.grant_id
    other = look("l2", holder_person_id="p2")
    with database.begin() as work:
        types.define(work, a_type(sharing=Sharing.OPEN))
    assert refused(database, "look_up_licences", OTHER, other) == "REQUEST_ID_REUSED"
    assert looks(database, STRANGER) == []


def test_an_organ_finds_its_own_among_many_of_others_and_is_told_of_more(database: Database) -> None:
    own = issued(database, issuer_organ_id="o2")
    with database.begin() as work:
        for _ in range(101):
            issue(work)
    assert seen(database) == [own.licence_id]
    call(database, "grant_access", HOLDER, consent())
    answer = call(database, "look_up_licences", OTHER, look("l2"))
    assert (len(answer.licences), answer.more) == (100, True)


@pytest.mark.parametrize(("organ_id", "person"), [("o1", "p1"), ("o2", "p2")])
def test_consent_is_for_one_organ_and_one_holder(database: Database, organ_id: str, person: str) -> None:
    issued(database)
    call(database, "grant_access", Caller("client:portal", person_id=person), consent(organ_id=organ_id))
    assert seen(database) == []


def test_what_is_shared_freely_needs_no_consent_and_what_is_closed_gets_none(database: Database) -> None:
    made = issued(database)
    with database.begin() as work:
        types.define(work, a_type(sharing=Sharing.OPEN))
    assert seen(database) == [made.licence_id]
    with database.begin() as work:
        types.define(work, a_type(sharing=Sharing.CLOSED))
    assert refused(database, "grant_access", HOLDER, consent()) == "NOT_SHARED"
    answer = call(database, "look_up_licences", OTHER, look())
    assert (list(answer.licences), answer.consent_needed) == ([], False)
    assert seen(database, ISSUER) == [made.licence_id]


def test_only_what_is_valid_today_is_found(database: Database) -> None:
    issued(database, valid_from="2027-01-01")
    issued(database, valid_from="2026-01-01", valid_until="2026-05-31")
    assert seen(database, ISSUER) == []


def test_a_number_of_nobody_finds_nothing(database: Database) -> None:
    assert list(call(database, "look_up_licences", ISSUER, look(holder_number="11010519491231002X")).licences) == []


@pytest.mark.parametrize(
    ("caller", "request_", "reason"),
    [
        (OTHER, look(holder_person_id="p1", holder_number=NUMBER), "HOLDER_NEEDED"),
        (OTHER, pb.LookUpLicencesRequest(type="food-licence", purpose="x"), "HOLDER_NEEDED"),
        (PORTAL, look(), "ORGAN_NEEDED"),
        (OTHER, pb.LookUpLicencesRequest(type="no-such", purpose="x"), "LICENCE_TYPE_NOT_FOUND"),
    ],
)
def test_a_look_that_cannot_be_is_told_why(
    database: Database, caller: Caller, request_: pb.LookUpLicencesRequest, reason: str
) -> None:
    assert refused(database, "look_up_licences", caller, request_) == reason


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (consent(timedelta(0)), "BAD_GRANT"),
        (consent(367 * DAY), "BAD_GRANT"),
        (consent(organ_id="o9"), "ORGAN_NOT_FOUND"),
        (consent(name="no-such"), "LICENCE_TYPE_NOT_FOUND"),
        (consent(purpose="\u200b"), "BAD_GRANT"),
    ],
)
def test_consent_that_cannot_be_is_told_why(database: Database, request_: pb.GrantAccessRequest, reason: str) -> None:
    assert refused(database, "grant_access", HOLDER, request_) == reason
    assert refused(database, "grant_access", PORTAL, request_) == "HOLDER_NEEDED"


def test_consent_tells_who_gave_it_and_who_took_it_back(database: Database) -> None:
    made = call(database, "grant_access", AGENT, consent()).grant
    assert (made.granted_by, made.withdrawn_by) == ("person:p3", "")
    for caller in (HOLDER, AGENT):
        call(database, "withdraw_access", caller, pb.WithdrawAccessRequest(grant_id=made.grant_id))
    (listed,) = call(database, "list_grants", HOLDER, pb.ListGrantsRequest()).grants
    assert (listed.granted_by, listed.withdrawn_by) == ("person:p3", "person:p1")


def test_consent_of_others_is_not_there(database: Database) -> None:
    grant_id = call(database, "grant_access", HOLDER, consent()).grant.grant_id
    request = pb.WithdrawAccessRequest(grant_id=grant_id)
    assert refused(database, "withdraw_access", STRANGER, request) == "GRANT_NOT_FOUND"
    assert list(call(database, "list_grants", STRANGER, pb.ListGrantsRequest()).grants) == []
    assert list(call(database, "list_grants", ISSUER, pb.ListGrantsRequest()).grants) == []
    for caller in (HOLDER, OTHER):
        assert [each.grant_id for each in call(database, "list_grants", caller, pb.ListGrantsRequest()).grants] == [
            grant_id
        ]


def test_a_holder_sees_every_kind_of_look_and_others_none(database: Database) -> None:
    made = issued(database)
    issued(database, holder_person_id="p2")
    with database.begin() as work:
        verify = licence_service_pb2.VerifyLicenceRequest(request_id="v", identifier=made.identifier)
        LICENCES.verify_licence(Call(work, PORTAL), verify)
    with database.begin() as work:
        read = licence_service_pb2.GetLicenceRequest(request_id="r", licence_id=made.licence_id, purpose="监督检查")
        LICENCES.get_licence(Call(work, ISSUER), read)
    seen(database, ISSUER)
    assert sorted(each[1] for each in looks(database)) == ["looked_up", "read", "verified"]
    assert looks(database, STRANGER) == []
    assert looks(database, STRANGER, made.licence_id) == []
    assert len(looks(database, OPERATOR, made.licence_id)) == 3
    assert refused(database, "list_accesses", OPERATOR, pb.ListAccessesRequest()) == "HOLDER_NEEDED"


def test_looks_are_given_by_pages(database: Database) -> None:
    issued(database)
    for number in range(3):
        seen(database, ISSUER, f"l{number}")
    first = call(database, "list_accesses", HOLDER, pb.ListAccessesRequest(page_size=2))
    rest = call(database, "list_accesses", HOLDER, pb.ListAccessesRequest(page_token=first.next_page_token))
    assert (len(first.accesses), len(rest.accesses), rest.next_page_token) == (2, 1, "")


@given(st.sampled_from(Sharing), st.booleans(), st.booleans())
def test_a_closed_type_is_for_its_issuer_alone_and_consent_opens_no_other(
    sharing: Sharing,
    own: bool,  # noqa: FBT001 - drawn
    consented: bool,  # noqa: FBT001 - drawn
) -> None:
    grant = Grant("g", "p1", "o2", "t", "x", NOON, NOON + DAY) if consented else None
    allowed = may_look_up(a_type(sharing=sharing), "o2", "o2" if own else "o1", grant)
    assert allowed is (own or sharing is Sharing.OPEN or (sharing is Sharing.CONSENT and consented))
