"""Tokens: what a client gets for an assertion, and every assertion that gets nothing."""

from datetime import timedelta
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey

from chassis.database import Database
from chassis.problems import Forbidden, Invalid, NotFound, Unauthenticated
from chassis.testing import ManualClock
from services.identity.domain.directory import Client
from services.identity.domain.permissions import PERMISSIONS, Role
from tests.identity.builders import (
    HAN_MEIMEI,
    ISSUER,
    NOON,
    assertion,
    claims_of,
    company,
    department,
    identity,
    in_days,
    key,
    operator,
    person,
    portal,
    public,
    tokens,
)

SECONDS = int(NOON.timestamp())


def refusal(database: Database, text: str) -> str:
    """The message with which an assertion is refused."""
    with pytest.raises(Unauthenticated) as caught, database.begin() as work:
        tokens().issue(work, text)
    assert caught.value.reason == "INVALID_CLIENT"
    assert caught.value.metadata == {}
    return caught.value.message


def registered(database: Database) -> tuple[Client, ECKey]:
    of = key()
    with database.begin() as work:
        return portal(work, of), of


def claims(database: Database, client: Client, by: ECKey, **wishes: Any) -> dict[str, Any]:
    with database.begin() as work:
        issued = tokens().issue(work, assertion(client.client_id, by), **wishes)
        return claims_of(issued.access_token, tokens().public_keys(work))


def test_a_department_gets_a_token_for_its_organ(database: Database) -> None:
    of = key()
    with database.begin() as work:
        client = department(work, of)
        issued = tokens().issue(work, assertion(client.client_id, of))
        found = claims_of(issued.access_token, tokens().public_keys(work))
    assert issued.expires_in == timedelta(minutes=15)
    assert found.pop("jti")
    assert found == {
        "iss": ISSUER,
        "aud": "duokua",
        "sub": f"client:{client.client_id}",
        "client_id": client.client_id,
        "organ_id": client.organ_id,
        "scope": " ".join(sorted(PERMISSIONS[Role.DEPARTMENT])),
        "iat": SECONDS,
        "exp": SECONDS + 900,
    }


def test_a_token_allows_what_was_asked_for_only(database: Database) -> None:
    client, of = registered(database)
    assert claims(database, client, of, scope=["cases.read"])["scope"] == "cases.read"


def test_a_scope_beyond_the_role_is_refused(database: Database) -> None:
    client, of = registered(database)
    with pytest.raises(Forbidden, match=r"INVALID_SCOPE.*clients\.write"):
        claims(database, client, of, scope=["clients.write"])


def test_a_portals_token_without_a_subject_opens_nobodys_cases(database: Database) -> None:
    client, of = registered(database)
    found = claims(database, client, of)
    assert found["sub"] == f"client:{client.client_id}"
    assert not {"person_id", "principal", "act", "organ_id"} & found.keys()


def test_a_portal_acts_for_the_person_who_uses_it(database: Database) -> None:
    client, of = registered(database)
    with database.begin() as work:
        subject = person(work)
    found = claims(database, client, of, subject_id=subject.person_id)
    assert found["sub"] == f"person:{subject.person_id}"
    assert found["act"] == {"sub": f"client:{client.client_id}"}
    assert found["person_id"] == subject.person_id
    assert "principal" not in found


def test_who_names_themself_as_principal_acts_for_themself(database: Database) -> None:
    client, of = registered(database)
    with database.begin() as work:
        subject = person(work)
    found = claims(database, client, of, subject_id=subject.person_id, principal_id=subject.person_id)
    assert found["person_id"] == subject.person_id
    assert "principal" not in found


def mandated(database: Database, days: float = 1) -> tuple[str, str, str]:
    """Li Lei may act for a company: the mandate, the agent, the principal."""
    with database.begin() as work:
        agent, principal = person(work), company(work)
        mandate = identity().grant_mandate(
            work, agent.person_id, principal.person_id, in_days(days), acting="", acting_for=""
        )
    return mandate.mandate_id, agent.person_id, principal.person_id


def test_an_agent_acts_for_the_principal_of_a_mandate(database: Database) -> None:
    client, of = registered(database)
    _, agent, principal = mandated(database)
    found = claims(database, client, of, subject_id=agent, principal_id=principal)
    assert found["sub"] == f"person:{agent}"
    assert found["person_id"] == found["principal"] == principal
    assert found["exp"] == SECONDS + 900


def test_a_token_never_outlives_its_mandate(database: Database) -> None:
    client, of = registered(database)
    _, agent, principal = mandated(database, days=90 / 86400)
    assert claims(database, client, of, subject_id=agent, principal_id=principal)["exp"] == SECONDS + 90


def test_the_longest_of_several_mandates_counts(database: Database) -> None:
    client, of = registered(database)
    mandated(database, days=1)
    _, agent, principal = mandated(database, days=90 / 86400)
    assert claims(database, client, of, subject_id=agent, principal_id=principal)["exp"] == SECONDS + 900


def test_without_a_mandate_nobody_acts_for_another(database: Database) -> None:
    client, of = registered(database)
    with database.begin() as work:
        subject, principal = person(work), person(work, HAN_MEIMEI, "韩梅梅")
    with pytest.raises(Forbidden, match="NO_MANDATE"):
        claims(database, client, of, subject_id=subject.person_id, principal_id=principal.person_id)


def test_a_mandate_does_not_hold_the_other_way_round(database: Database) -> None:
    client, of = registered(database)
    _, agent, principal = mandated(database)
    with pytest.raises(Forbidden, match="NO_MANDATE"):
        claims(database, client, of, subject_id=principal, principal_id=agent)


@pytest.mark.parametrize("passed", [timedelta(days=1), timedelta(days=1, milliseconds=-500), timedelta(days=400)])
def test_an_expired_mandate_is_refused(database: Database, clock: ManualClock, passed: timedelta) -> None:
    client, of = registered(database)
    _, agent, principal = mandated(database, days=1)
    clock.advance(seconds=passed.total_seconds())
    text = assertion(client.client_id, of, NOON + passed)
    with pytest.raises(Forbidden, match="NO_MANDATE"), database.begin() as work:
        tokens().issue(work, text, subject_id=agent, principal_id=principal)


def test_a_revoked_mandate_is_refused(database: Database) -> None:
    client, of = registered(database)
    mandate, agent, principal = mandated(database)
    with database.begin() as work:
        identity().revoke_mandate(work, mandate, acting="")
    with pytest.raises(Forbidden, match="NO_MANDATE"):
        claims(database, client, of, subject_id=agent, principal_id=principal)


def test_an_unknown_subject_or_principal_is_not_found(database: Database) -> None:
    client, of = registered(database)
    with database.begin() as work:
        subject = person(work)
    with pytest.raises(NotFound, match="PERSON_NOT_FOUND"):
        claims(database, client, of, subject_id="nobody")
    with pytest.raises(NotFound, match="PERSON_NOT_FOUND"):
        claims(database, client, of, subject_id=subject.person_id, principal_id="nobody")


def test_a_principal_needs_a_subject(database: Database) -> None:
    client, of = registered(database)
    with pytest.raises(Invalid, match="NO_SUBJECT"):
        claims(database, client, of, principal_id="somebody")


@pytest.mark.parametrize("register", [department, operator])
def test_only_a_portal_acts_for_persons(database: Database, register: Any) -> None:
    of = key()
    with database.begin() as work:
        client, subject = register(work, of), person(work)
    with pytest.raises(Forbidden, match="SUBJECT_NOT_ALLOWED"):
        claims(database, client, of, subject_id=subject.person_id)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"iat": SECONDS - 120, "exp": SECONDS}, "expired"),
        ({"iat": SECONDS - 120, "exp": SECONDS - 60}, "expired"),
        ({"exp": SECONDS + 301}, "at most 300 seconds"),
        ({"iat": SECONDS - 200, "exp": SECONDS + 101}, "at most 300 seconds"),
        ({"iat": SECONDS + 31}, "future"),
        ({"iat": SECONDS + 10**9, "exp": SECONDS + 10**9 + 60}, "future"),
        ({"iat": None}, "seconds since 1970"),
        ({"exp": None}, "seconds since 1970"),
        ({"exp": str(SECONDS + 60)}, "seconds since 1970"),
        ({"iat": True}, "seconds since 1970"),
        ({"exp": float("nan")}, "seconds since 1970"),
        ({"exp": float("inf"), "iat": float("inf")}, "seconds since 1970"),
        ({"exp": 10**400, "iat": 1.5}, "seconds since 1970"),
        ({"aud": "https://other.example.cn"}, "aud"),
        ({"aud": [ISSUER, "https://other.example.cn"]}, "aud"),
        ({"aud": []}, "aud"),
        ({"aud": ISSUER + "/"}, "aud"),
        ({"aud": None}, "aud"),
        ({"iss": "somebody-else"}, "iss"),
        ({"iss": None}, "iss"),
        ({"jti": None}, "jti"),
        ({"jti": ""}, "jti"),
        ({"jti": 7}, "jti"),
        ({"jti": "x" * 129}, "jti"),
        ({"jti": "nul\0"}, "jti"),
        ({"jti": "\ud800"}, "jti"),
    ],
)
def test_an_assertion_with_a_wrong_claim_is_refused(database: Database, wrong: dict[str, Any], told: str) -> None:
    client, of = registered(database)
    assert told in refusal(database, assertion(client.client_id, of, **wrong))


@pytest.mark.parametrize(
    "right",
    [
        {"aud": [ISSUER]},
        {"exp": SECONDS + 300},
        {"iat": SECONDS + 30, "exp": SECONDS + 330},
        {"iat": SECONDS - 299, "exp": SECONDS + 1},
        {"iat": SECONDS - 0.5, "exp": SECONDS + 59.5},
    ],
)
def test_an_assertion_at_the_edge_of_the_rules_is_taken(database: Database, right: dict[str, Any]) -> None:
    client, of = registered(database)
    with database.begin() as work:
        assert tokens().issue(work, assertion(client.client_id, of, **right)).access_token


def test_an_assertion_gets_one_token(database: Database) -> None:
    client, of = registered(database)
    text = assertion(client.client_id, of)
    with database.begin() as work:
        tokens().issue(work, text)
    assert "used before" in refusal(database, text)


def test_two_clients_may_use_the_same_assertion_id(database: Database) -> None:
    one, its = registered(database)
    other, others = registered(database)
    with database.begin() as work:
        tokens().issue(work, assertion(one.client_id, its, jti="1"))
        assert tokens().issue(work, assertion(other.client_id, others, jti="1")).access_token


def test_a_refused_wish_does_not_use_up_the_assertion(database: Database) -> None:
    client, of = registered(database)
    text = assertion(client.client_id, of)
    with pytest.raises(Forbidden), database.begin() as work:
        tokens().issue(work, text, ["clients.write"])
    with database.begin() as work:
        assert tokens().issue(work, text).access_token


def test_nobody_learns_which_clients_there_are(database: Database) -> None:
    client, of = registered(database)
    foreign = key()
    shared = OctKey.import_key(public(of))
    told = {
        refusal(database, assertion("unknown", of)),
        refusal(database, assertion("nul\0", of)),
        refusal(database, assertion(client.client_id, foreign)),
        refusal(database, assertion(client.client_id, foreign, exp=SECONDS - 1)),
        refusal(database, assertion(client.client_id, shared, alg="HS256")),
        refusal(database, assertion(client.client_id, ECKey.generate_key("P-384"), alg="ES384")),
        refusal(database, unsigned(assertion(client.client_id, of))),
        refusal(database, assertion(client.client_id, of)[:-4]),
        *(
            refusal(database, text)
            for text in ("", "x", "..", "a.b.c", "中.文.字", "e30.W10.", "e30.IiI.", "WyJhbGciXQ.e30.")
        ),
        refusal(database, ".".join(["WyJhbGciXQ", assertion(client.client_id, of).split(".")[1], ""])),
    }
    assert len(told) == 1, told


def unsigned(text: str) -> str:
    """The assertion with `{"alg":"none"}` and no signature."""
    return "eyJhbGciOiJub25lIn0." + text.split(".")[1] + "."


def test_a_disabled_client_gets_no_token(database: Database) -> None:
    client, of = registered(database)
    with database.begin() as work:
        identity().disable_client(work, client.client_id)
    assert "disabled" in refusal(database, assertion(client.client_id, of))
    assert "disabled" not in refusal(database, assertion(client.client_id, key()))


def test_a_replaced_key_gets_no_token_and_the_new_one_does(database: Database) -> None:
    client, before = registered(database)
    after = key()
    with database.begin() as work:
        identity().replace_client_key(work, client.client_id, public(after))
        assert tokens().issue(work, assertion(client.client_id, after)).access_token
    refusal(database, assertion(client.client_id, before))
