"""What the tests of identity are made of: keys, assertions, and a directory with a few inhabitants."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from joserfc import jws, jwt
from joserfc.jwk import ECKey, Key

from chassis.clock import new_id
from chassis.database import UnitOfWork
from chassis.vault import Vault
from services.identity.domain.directory import Client, Level, Organ, Person, PersonKind, Region
from services.identity.domain.permissions import Role
from services.identity.service import Identity
from services.identity.token_service import Tokens

ISSUER = "https://identity.example.cn"
NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
RESTAURANT_USCC = "91330106MA2AX1234U"  # numbers of nobody, with right check characters
OFFICE_USCC = "113301060024890112"
PROVINCE_USCC = "11330000002482103E"
LI_LEI = "330106199003071236"
HAN_MEIMEI = "330106199203072348"


def vault(seed: int = 1) -> Vault:
    return Vault(bytes([seed]) * 32)


def identity() -> Identity:
    return Identity(vault())


def tokens() -> Tokens:
    return Tokens(vault(), ISSUER)


def key() -> ECKey:
    return ECKey.generate_key("P-256")


def public(of: ECKey) -> str:
    return json.dumps(of.as_dict(private=False))


def assertion(client_id: str, by: Key, now: datetime = NOON, *, alg: str = "ES256", **claims: Any) -> str:
    """An assertion that holds, but for what `claims` says; a claim that is None is left out."""
    seconds = int(now.timestamp())
    good = {"iss": client_id, "sub": client_id, "aud": ISSUER, "iat": seconds, "exp": seconds + 60, "jti": new_id()}
    said = {name: value for name, value in {**good, **claims}.items() if value is not None}
    # Escaped, so that a text may hold half a surrogate pair as JSON from elsewhere may.
    return jws.serialize_compact({"alg": alg}, json.dumps(said).encode(), by, algorithms=[alg])


def claims_of(token: str, key_set: str) -> dict[str, Any]:
    """The claims of an access token that one of the keys has signed."""
    keys = {members["kid"]: ECKey.import_key(members) for members in json.loads(key_set)["keys"]}
    return jwt.decode(token, lambda found: keys[found.headers()["kid"]], algorithms=["ES256"]).claims


def regions(work: UnitOfWork) -> None:
    identity().register_regions(work, [Region("330000", "浙江省"), Region("330106", "西湖区", "330000")])


def organ(work: UnitOfWork, uscc: str = OFFICE_USCC, name: str = "西湖区市场监督管理局", parent: str = "") -> Organ:
    regions(work)
    return identity().register_organ(work, Organ("", name, uscc, "330106", Level.COUNTY, parent))


def person(work: UnitOfWork, number: str = LI_LEI, name: str = "李雷") -> Person:
    return identity().register_person(work, PersonKind.NATURAL, name, number, 3)


def company(work: UnitOfWork) -> Person:
    return identity().register_person(work, PersonKind.LEGAL, "西湖面馆", RESTAURANT_USCC, 3)


def portal(work: UnitOfWork, of: ECKey) -> Client:
    return identity().register_client(work, "浙里办", Role.PORTAL, "", public(of))


def department(work: UnitOfWork, of: ECKey) -> Client:
    return identity().register_client(work, "食品许可系统", Role.DEPARTMENT, organ(work).organ_id, public(of))


def operator(work: UnitOfWork, of: ECKey) -> Client:
    return identity().register_client(work, "平台", Role.OPERATOR, "", public(of))


def in_days(days: float) -> datetime:
    return NOON + timedelta(days=days)
