"""Regions, organs, persons, clients and mandates, as operators and portals register them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey
from sqlalchemy import select

from chassis.database import Database, UnitOfWork
from chassis.problems import Forbidden, Invalid, NotFound, Problem
from duokua.identity.v1 import events_pb2
from services.identity import store
from services.identity.domain.directory import Level, Mandate, Organ, Person, PersonKind, Region
from services.identity.domain.permissions import Role
from tests.identity.builders import (
    HAN_MEIMEI,
    LI_LEI,
    NOON,
    OFFICE_USCC,
    PROVINCE_USCC,
    company,
    identity,
    in_days,
    key,
    organ,
    person,
    public,
    regions,
)

TOMORROW = in_days(1)
Event = TypeVar("Event", events_pb2.RegionRegistered, events_pb2.OrganRegistered)


def refused(problem: type[Problem], database: Database, use_case: Callable[[UnitOfWork], object]) -> Problem:
    """The problem with which a use case is refused, in a transaction of its own."""
    with pytest.raises(problem) as caught, database.begin() as work:
        use_case(work)
    return caught.value


def faults(database: Database, use_case: Callable[[UnitOfWork], object]) -> dict[str, str]:
    """The field violations with which a use case is refused."""
    problem = refused(Invalid, database, use_case)
    assert isinstance(problem, Invalid)
    return {violation.field: violation.description for violation in problem.violations}


def emitted(database: Database, kind: type[Event]) -> list[Event]:
    outbox = store.metadata.tables["outbox"]
    with database.read() as work:
        query = select(outbox.c.body).where(outbox.c.type == kind.DESCRIPTOR.full_name).order_by(outbox.c.id)
        return [kind.FromString(body) for body in work.connection.scalars(query)]


def codes(database: Database) -> list[str]:
    with database.read() as work:
        return [region.code for region in identity().list_regions(work, "", 100)]


def test_regions_are_registered_parents_first_and_announced(database: Database) -> None:
    with database.begin() as work:
        regions(work)
    assert codes(database) == ["330000", "330106"]
    found = emitted(database, events_pb2.RegionRegistered)
    assert sorted((event.region.code, event.region.parent_code, event.version) for event in found) == [
        ("330000", "", 1),
        ("330106", "330000", 1),
    ]


def test_a_renamed_region_is_announced_with_a_higher_version_and_an_unchanged_one_is_not(database: Database) -> None:
    with database.begin() as work:
        regions(work)
    with database.begin() as work:
        identity().register_regions(work, [Region("330000", "浙江省"), Region("330106", "西湖新区", "330000")])
    renamed = emitted(database, events_pb2.RegionRegistered)[2:]
    assert [(event.region.name, event.version) for event in renamed] == [("西湖新区", 2)]


def test_a_region_named_twice_in_one_call_gets_its_last_name(database: Database) -> None:
    with database.begin() as work:
        identity().register_regions(work, [Region("330000", "浙"), Region("330000", "浙江省")])
    with database.read() as work:
        assert [region.name for region in identity().list_regions(work, "", 9)] == ["浙江省"]


def test_every_bad_region_is_named_and_none_is_registered(database: Database) -> None:
    batch = [
        Region("330000", "浙江省"),
        Region("33010", "短", "330000"),
        Region("330106", "西湖区", "330100"),
        Region("330200", "宁波市", "330200"),
    ]
    assert faults(database, lambda work: identity().register_regions(work, batch)) == {
        "regions[1].code": "should be six digits (GB/T 2260)",
        "regions[2].parent_code": "there is no region 330100; register parents first",
        "regions[3].parent_code": "a region cannot be above itself",
    }
    assert codes(database) == []


def test_a_region_cannot_be_moved_below_itself(database: Database) -> None:
    chain = [Region("330000", "省"), Region("330100", "市", "330000"), Region("330106", "区", "330100")]
    with database.begin() as work:
        identity().register_regions(work, chain)
    moved = [Region("330000", "省", "330106")]
    assert faults(database, lambda work: identity().register_regions(work, moved)) == {
        "regions[0].parent_code": "a region cannot be above itself"
    }


def test_the_faults_of_a_large_batch_fit_into_the_answer(database: Database) -> None:
    batch = [Region(f"{number:06}", "无", "999999") for number in range(3000)]
    problem = refused(Invalid, database, lambda work: identity().register_regions(work, batch))
    assert isinstance(problem, Invalid)
    assert len(problem.violations) == 20
    assert "3000 of 3000" in problem.message


def test_an_organ_is_registered_and_announced(database: Database) -> None:
    with database.begin() as work:
        registered = organ(work)
    (event,) = emitted(database, events_pb2.OrganRegistered)
    assert event.version == 1
    assert event.organ.organ_id == registered.organ_id
    assert (event.organ.uscc, event.organ.region_code) == (OFFICE_USCC, "330106")
    with database.read() as work:
        assert identity().get_organ(work, registered.organ_id) == registered


def test_an_organ_of_the_same_code_is_changed_with_a_higher_version(database: Database) -> None:
    with database.begin() as work:
        before = organ(work)
        again = organ(work)
        after = organ(work, name="西湖区市场监管局")
    assert again == before
    assert (after.organ_id, after.name, after.version) == (before.organ_id, "西湖区市场监管局", 2)
    assert [event.version for event in emitted(database, events_pb2.OrganRegistered)] == [1, 2]


def test_a_wrong_check_character_of_an_organ_is_refused_with_the_right_one(database: Database) -> None:
    assert faults(database, lambda work: organ(work, uscc=OFFICE_USCC[:-1] + "9")) == {
        "organ.uscc": f"the check character should be {OFFICE_USCC[-1]}, not 9"
    }


def test_an_organ_needs_a_region_and_a_parent_that_are_there(database: Database) -> None:
    draft = Organ("", "局", OFFICE_USCC, "110000", Level.CITY, "nobody")
    assert faults(database, lambda work: identity().register_organ(work, draft)) == {
        "organ.region_code": "there is no region 110000",
        "organ.parent_organ_id": "there is no organ nobody",
    }
    assert emitted(database, events_pb2.OrganRegistered) == []


def test_an_organ_cannot_be_moved_below_itself(database: Database) -> None:
    with database.begin() as work:
        above = organ(work, PROVINCE_USCC, "浙江省市场监督管理局")
        below = organ(work, parent=above.organ_id)
    for parent in (below.organ_id, above.organ_id):
        assert faults(database, lambda work, to=parent: organ(work, PROVINCE_USCC, parent=to)) == {  # type: ignore[misc]
            "organ.parent_organ_id": "an organ cannot be above itself"
        }


def test_an_unknown_organ_is_not_found(database: Database) -> None:
    problem = refused(NotFound, database, lambda work: identity().get_organ(work, "nobody"))
    assert (problem.reason, problem.metadata) == ("ORGAN_NOT_FOUND", {"organ_id": "nobody"})


def test_lists_go_on_after_a_key(database: Database) -> None:
    with database.begin() as work:
        first, second = organ(work), organ(work, PROVINCE_USCC, "浙江省市场监督管理局")
        assert identity().list_organs(work, "", 1) == [first]
        assert identity().list_organs(work, first.organ_id, 5) == [second]
        one = identity().register_client(work, "a", Role.OPERATOR, "", public(key()))
        other = identity().register_client(work, "b", Role.OPERATOR, "", public(key()))
        by_id = sorted([one, other], key=lambda client: client.client_id)
        assert identity().list_clients(work, "", 5) == by_id
        assert identity().list_clients(work, by_id[0].client_id, 5) == by_id[1:]


def test_the_same_number_is_the_same_person(database: Database) -> None:
    with database.begin() as work:
        first = person(work)
        assert person(work) == first
        assert person(work, HAN_MEIMEI, "韩梅梅").person_id != first.person_id
    assert first.masked_number == "330***********1236"
    assert LI_LEI[-6:] not in first.person_id


def test_a_person_vouched_for_less_keeps_the_better_name(database: Database) -> None:
    def registered(name: str, assurance: int) -> Person:
        with database.begin() as work:
            return identity().register_person(work, PersonKind.NATURAL, name, LI_LEI, assurance)

    assert registered("李磊", 1).assurance == 1
    better = registered("李雷", 3)
    assert (better.name, better.assurance) == ("李雷", 3)
    assert registered("王五", 2) == better
    assert registered("李蕾", 3).name == "李蕾"


def test_a_person_needs_a_number_of_their_kind(database: Database) -> None:
    def registered(kind: PersonKind, number: str) -> Callable[[UnitOfWork], object]:
        return lambda work: identity().register_person(work, kind, "某某", number, 1)

    wrong = faults(database, registered(PersonKind.NATURAL, LI_LEI[:-1] + "7"))
    assert wrong == {"identity_number": f"the check character should be {LI_LEI[-1]}, not 7"}
    assert "identity_number" in faults(database, registered(PersonKind.NATURAL, OFFICE_USCC))
    assert "identity_number" in faults(database, registered(PersonKind.LEGAL, LI_LEI))


def test_assurance_ends_at_three(database: Database) -> None:
    assert faults(database, lambda work: identity().register_person(work, PersonKind.NATURAL, "李雷", LI_LEI, 4)) == {
        "assurance": "should be 0 to 3"
    }


def private(of: ECKey) -> str:
    return str(of.as_dict(private=True)).replace("'", '"')


@pytest.mark.parametrize(
    ("jwk", "told"),
    [
        ("", "JSON object"),
        ("[]", "JSON object"),
        ("[" * 1900, "JSON object"),
        (private(key()), "private"),
        (str(OctKey.import_key(bytes(32)).as_dict(private=True)).replace("'", '"'), "symmetric"),
        (public(ECKey.generate_key("P-384")), "P-256"),
        (public(ECKey.generate_key("secp256k1")), "P-256"),
        (str(RSAKey.generate_key(2048).as_dict(private=False)).replace("'", '"'), "P-256"),
        ('{"kty": "EC", "crv": "P-256"}', "point on P-256"),
        ('{"kty": "EC", "crv": "P-256", "x": 1, "y": 2}', "point on P-256"),
        ('{"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"}', "point on P-256"),
        ('{"kty": "EC", "crv": "P-256", "x": "", "y": ""}', "point on P-256"),
        ('{"kty": "EC", "crv": "P-256", "x": "\\ud800", "y": "中"}', "point on P-256"),
        ('{"kty": "EC", "crv": "P-256", "use": "enc"}', "signing"),
        ('{"kty": "EC", "crv": "P-256", "alg": "ES384"}', "signing"),
    ],
)
def test_only_a_public_key_on_p_256_is_taken(database: Database, jwk: str, told: str) -> None:
    wrong = faults(database, lambda work: identity().register_client(work, "系统", Role.OPERATOR, "", jwk))
    assert told in wrong["public_jwk"]


def test_a_key_is_kept_without_what_else_the_jwk_says(database: Database) -> None:
    of = key()
    jwk = public(of).replace("{", '{"kid": "mine", "use": "sig", "alg": "ES256", "x5u": "http://127.0.0.1/", ', 1)
    with database.begin() as work:
        client = identity().register_client(work, "系统", Role.PORTAL, "", jwk)
        assert store.client_by_id(work.connection, client.client_id) == client
    assert client.public_jwk == of.as_dict(private=False)
    assert (client.created_at, client.disabled) == (NOON, False)


def test_a_department_works_for_an_organ_and_nobody_else_does(database: Database) -> None:
    def registered(role: Role, organ_id: str) -> Callable[[UnitOfWork], object]:
        return lambda work: identity().register_client(work, "系统", role, organ_id, public(key()))

    assert "organ_id" in faults(database, registered(Role.DEPARTMENT, ""))
    assert "organ_id" in faults(database, registered(Role.PORTAL, "some"))
    assert refused(NotFound, database, registered(Role.DEPARTMENT, "nobody")).reason == "ORGAN_NOT_FOUND"


def test_an_unknown_client_cannot_be_changed(database: Database) -> None:
    for change in (
        lambda work: identity().disable_client(work, "nobody"),
        lambda work: identity().replace_client_key(work, "nobody", public(key())),
    ):
        assert refused(NotFound, database, change).reason == "CLIENT_NOT_FOUND"


def granted(
    work: UnitOfWork, agent: Person, principal: Person, until: datetime = TOMORROW, acting: tuple[str, str] = ("", "")
) -> Mandate:
    agent_id, principal_id = agent.person_id, principal.person_id
    return identity().grant_mandate(work, agent_id, principal_id, until, acting=acting[0], acting_for=acting[1])


def test_a_mandate_lasts_a_year_at_most_and_binds_two_persons(database: Database) -> None:
    with database.begin() as work:
        agent, principal = person(work), company(work)
        assert granted(work, agent, principal, in_days(366)).expires_at == in_days(366)
    assert "expires_at" in faults(database, lambda work: granted(work, agent, principal, NOON))
    assert "expires_at" in faults(database, lambda work: granted(work, agent, principal, in_days(366.1)))
    assert "agent_person_id" in faults(database, lambda work: granted(work, principal, agent))
    assert "principal_person_id" in faults(database, lambda work: granted(work, agent, agent))


def test_a_mandate_needs_persons_who_are_there(database: Database) -> None:
    with database.begin() as work:
        agent = person(work)
    nobody = Person("nobody", PersonKind.NATURAL, "", "", 0)
    assert refused(NotFound, database, lambda work: granted(work, agent, nobody)).reason == "PERSON_NOT_FOUND"
    assert refused(NotFound, database, lambda work: granted(work, nobody, agent)).reason == "PERSON_NOT_FOUND"


def test_only_the_principal_in_person_gives_leave_in_their_name(database: Database) -> None:
    with database.begin() as work:
        agent, principal, other = person(work), company(work), person(work, HAN_MEIMEI, "韩梅梅")
        me = principal.person_id
        assert not granted(work, agent, principal, acting=(me, me)).revoked
    for acting in ((agent.person_id, me), (other.person_id, other.person_id)):
        problem = refused(Forbidden, database, lambda work, by=acting: granted(work, agent, principal, acting=by))  # type: ignore[misc]
        assert problem.reason == "NOT_YOUR_MANDATE"


def test_a_mandate_is_ended_by_either_of_its_persons_and_by_no_other(database: Database) -> None:
    with database.begin() as work:
        agent, principal, other = person(work), company(work), person(work, HAN_MEIMEI, "韩梅梅")
        mandate = granted(work, agent, principal)
    for acting in (agent, principal):
        with database.begin() as work:
            assert identity().revoke_mandate(work, mandate.mandate_id, acting=acting.person_id).revoked
    stranger = refused(
        Forbidden,
        database,
        lambda work: identity().revoke_mandate(work, mandate.mandate_id, acting=other.person_id),
    )
    assert stranger.reason == "NOT_YOUR_MANDATE"
    missing = refused(NotFound, database, lambda work: identity().revoke_mandate(work, "nothing", acting=""))
    assert missing.reason == "MANDATE_NOT_FOUND"


def test_a_mandate_ends_on_its_own(database: Database) -> None:
    with database.begin() as work:
        agent, principal = person(work), company(work)
        mandate = granted(work, agent, principal, NOON + timedelta(hours=1))
        agents = (agent.person_id, principal.person_id)
        assert store.longest_mandate(work.connection, *agents, NOON) == mandate
        assert store.longest_mandate(work.connection, *agents, NOON + timedelta(hours=1)) is None
