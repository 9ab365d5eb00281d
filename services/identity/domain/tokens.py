"""Client assertions (RFC 7523) and access tokens (RFC 9068): what is accepted and what is issued."""

import json
import math
import re
from binascii import Error as Base64Error
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeGuard

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from joserfc.util import urlsafe_b64decode

from chassis.problems import Forbidden, Unauthenticated
from services.identity.domain.directory import Client, Mandate, Person
from services.identity.domain.permissions import Role

ALGORITHM = "ES256"
AUDIENCE = "duokua"
LONGEST_TOKEN = timedelta(minutes=15)
LONGEST_ASSERTION = timedelta(minutes=5)
CLOCK_LEEWAY = timedelta(seconds=30)
_SHORTEST_TOKEN = timedelta(seconds=1)  # token times are whole seconds
# Anything else, such as NUL or half a surrogate pair, is nothing that a database could store or look up.
_ID_FORM = re.compile(r"[\x21-\x7e]{1,128}")
_LATEST_TIME = 253402300799  # the last second of the year 9999


@dataclass(frozen=True, slots=True)
class Assertion:
    """A client assertion that holds: who sent it, and the id that must never be seen again until it expires."""

    client_id: str
    assertion_id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Acting:
    """For whom a portal acts: the subject who uses it, and the principal when the subject has a mandate."""

    subject: Person
    principal: Person | None = None
    mandate: Mandate | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """Everything that an access token says."""

    client: Client
    scope: tuple[str, ...]
    acting: Acting | None
    issued_at: int
    expires_at: int


def refused(check: str = "") -> Unauthenticated:
    """Return the problem for an assertion that does not hold.

    Without `check` it is the same for unknown clients, foreign keys and broken tokens, so that nobody learns which
    clients there are. Only a caller who has proved to hold a client's key is told which check failed.
    """
    detail = check or f"it should be a JWT signed with {ALGORITHM} by the key that is registered for the client"
    return Unauthenticated("INVALID_CLIENT", f"the client assertion is refused: {detail}")


def claimed_client_id(assertion: str) -> str:
    """Return the client that an assertion claims to come from, unchecked, only to find the key that checks it."""
    try:
        claims = json.loads(urlsafe_b64decode(assertion.split(".")[1].encode()))
    except (IndexError, ValueError, Base64Error, RecursionError):
        raise refused() from None
    claimed = claims.get("sub") if isinstance(claims, dict) else None
    if not _is_id(claimed):
        raise refused()
    return claimed


def check_assertion(assertion: str, key: ECKey, client_id: str, *, issuer: str, now: datetime) -> Assertion:
    """Check an assertion against the client's public key and return it, or raise Unauthenticated INVALID_CLIENT."""
    try:
        claims = jwt.decode(assertion, key, algorithms=[ALGORITHM]).claims
    except (JoseError, ValueError, TypeError, RecursionError):  # TypeError: joserfc trusts the shapes inside a header
        raise refused() from None
    if claims.get("iss") != client_id or claims.get("sub") != client_id:
        raise refused('"iss" and "sub" should both be the client id')
    if claims.get("aud") not in (issuer, [issuer]):
        raise refused('"aud" should be the issuer and nothing else')
    expires = _check_times(claims, now.timestamp())
    assertion_id = claims.get("jti")
    if not _is_id(assertion_id):
        raise refused('"jti" should be a text of 1 to 128 printable ASCII characters')
    return Assertion(client_id, assertion_id, datetime.fromtimestamp(math.ceil(expires), UTC))


def check_mandated(mandate: Mandate | None, subject_id: str, principal_id: str, now: datetime) -> Mandate:
    """Return the mandate under which the subject may act for the principal, or raise Forbidden NO_MANDATE."""
    if mandate is None or mandate.revoked or mandate.expires_at < now + _SHORTEST_TOKEN:
        raise Forbidden(
            "NO_MANDATE",
            f"person {subject_id} has no mandate to act for person {principal_id}",
            subject_person_id=subject_id,
            principal_person_id=principal_id,
        )
    return mandate


def check_may_act(client: Client, subject_id: str, principal_id: str) -> None:
    """Raise Forbidden SUBJECT_NOT_ALLOWED unless the client may name the person whom it acts for."""
    if client.role is not Role.PORTAL and (subject_id or principal_id):
        raise Forbidden("SUBJECT_NOT_ALLOWED", "only a portal may act for a person", role=client.role.value)


def grant(client: Client, scope: tuple[str, ...], acting: Acting | None, now: datetime) -> Grant:
    """Bound a token in time: 15 minutes, and never longer than the mandate that it rests on."""
    issued_at = int(now.timestamp())
    expires_at = issued_at + int(LONGEST_TOKEN.total_seconds())
    if acting and acting.mandate:
        expires_at = min(expires_at, int(acting.mandate.expires_at.timestamp()))
    return Grant(client, scope, acting, issued_at, expires_at)


def access_claims(granted: Grant, *, issuer: str, token_id: str) -> dict[str, Any]:
    """Return the claims of an access token (RFC 9068, 2.2), with `act` for delegation (RFC 8693, 4.1).

    `person_id` is whose cases the token opens. A token that names no person has none, and opens nobody's.
    """
    client, acting = granted.client, granted.acting
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": AUDIENCE,
        "sub": f"client:{client.client_id}",
        "client_id": client.client_id,
        "scope": " ".join(granted.scope),
        "iat": granted.issued_at,
        "exp": granted.expires_at,
        "jti": token_id,
    }
    if client.organ_id:
        claims["organ_id"] = client.organ_id
    if acting:
        claims |= {"sub": f"person:{acting.subject.person_id}", "act": {"sub": f"client:{client.client_id}"}}
        claims["person_id"] = acting.principal.person_id if acting.principal else acting.subject.person_id
    if acting and acting.principal:
        claims["principal"] = acting.principal.person_id
    return claims


def sign(claims: dict[str, Any], key: ECKey, key_id: str) -> str:
    """Sign the claims of an access token (RFC 9068: `typ` is at+jwt)."""
    return jwt.encode({"typ": "at+jwt", "alg": ALGORITHM, "kid": key_id}, claims, key, algorithms=[ALGORITHM])


def _check_times(claims: dict[str, Any], now: float) -> float:
    """Check `iat` and `exp` (seconds since 1970) and return `exp`."""
    issued, expires = claims.get("iat"), claims.get("exp")
    if not _is_time(issued) or not _is_time(expires):
        raise refused('"iat" and "exp" should be seconds since 1970')
    if issued > now + CLOCK_LEEWAY.total_seconds():
        raise refused('"iat" lies in the future; check the clock')
    if expires <= now:
        raise refused('it has expired ("exp"); check the clock')
    if expires - issued > LONGEST_ASSERTION.total_seconds():
        raise refused(f'"exp" should be at most {LONGEST_ASSERTION.total_seconds():.0f} seconds after "iat"')
    return float(expires)


def _is_time(value: object) -> TypeGuard[int | float]:
    # JSON as Python reads it has NaN, infinity and integers of any size, which no later comparison is ready for.
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _LATEST_TIME


def _is_id(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and _ID_FORM.fullmatch(value) is not None
