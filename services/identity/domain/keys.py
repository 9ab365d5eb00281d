"""Public and private keys: EC P-256 only, as JWK (RFC 7517), named by their thumbprint (RFC 7638)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from chassis.problems import Invalid, Violation
from services.identity.domain.tokens import ALGORITHM, LONGEST_TOKEN

# A replica may sign with the key that it read a moment before another replica replaced it, and clocks differ a little.
LATE_SIGNING = timedelta(minutes=5)
_SECRET_MEMBERS = frozenset({"d", "k", "p", "q", "dp", "dq", "qi", "oth"})


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that signs access tokens; `sealed` is the encrypted private part, empty once the key is retired."""

    key_id: str
    public_jwk: dict[str, str]
    sealed: bytes
    retired_at: datetime | None = None


def gone_before(now: datetime) -> datetime:
    """Return the time of retirement before which every token that a key signed has expired at `now`."""
    return now - LONGEST_TOKEN - LATE_SIGNING


def public_key(text: str, field: str = "public_jwk") -> ECKey:
    """Read a public key from a JWK in JSON; raise Invalid BAD_KEY naming `field` and what is wrong with it.

    A private key is refused: whoever sends one has let it out, and should make another.
    """
    try:
        members = json.loads(text)
    except (ValueError, RecursionError):
        raise _refused(field, "should be a JWK, a JSON object") from None
    if not isinstance(members, dict):
        raise _refused(field, "should be a JWK, a JSON object")
    if _SECRET_MEMBERS & members.keys():
        raise _refused(field, "holds a private or symmetric key; make a new key pair and send the public part only")
    if members.get("kty") != "EC" or members.get("crv") != "P-256":
        raise _refused(field, 'should be an elliptic-curve key on P-256 ("kty": "EC", "crv": "P-256")')
    if members.get("use", "sig") != "sig" or members.get("alg", ALGORITHM) != ALGORITHM:
        raise _refused(field, f'should be a key for signing with {ALGORITHM} ("use": "sig", "alg": "{ALGORITHM}")')
    try:
        point = ECKey.import_key({name: members[name] for name in ("kty", "crv", "x", "y")})
        return ECKey.import_key(point.public_key)
    except (JoseError, KeyError, TypeError, ValueError):
        raise _refused(field, '"x" and "y" should be a point on P-256, each 32 bytes in base64url') from None


def public_members(key: ECKey) -> dict[str, str]:
    """Return the public JWK of a key with its four required members only, the same for the same key."""
    members = key.as_dict(private=False)
    return {name: str(members[name]) for name in ("kty", "crv", "x", "y")}


def stored_key(members: Mapping[str, str]) -> ECKey:
    """Return the key of a JWK that was checked when it was stored."""
    return ECKey.import_key({**members})


def operator_client_id(key: ECKey) -> str:
    """Return the client id of the first operator, which follows from its key so that both sides know it."""
    return f"operator-{key.thumbprint()[:16]}"


def _refused(field: str, expectation: str) -> Invalid:
    return Invalid("BAD_KEY", f"{field}: {expectation}", violations=[Violation(field, expectation)], field=field)
