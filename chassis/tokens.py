"""Checks access tokens (RFC 9068) with the identity service's public keys."""

import asyncio
import base64
import json
import math
import time
from typing import Any

import grpc.aio
import structlog
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from chassis.api import Caller
from chassis.expiry import expired
from chassis.problems import Unauthenticated, Unavailable
from duokua.identity.v1 import token_service_pb2, token_service_pb2_grpc

log = structlog.get_logger()

AUDIENCE = "duokua"
TOKEN_TYPE = "at+jwt"  # noqa: S105 - the type that RFC 9068 names
REFRESH_SECONDS = 600.0
RETRY_SECONDS = 5.0
FETCH_SECONDS = 5.0
FETCH_INTERVAL_SECONDS = 2.0
"""From the start of one fetch to the next: no more of them for whoever makes up key ids, and no longer than this does
a token wait whose key is new."""
MOST_CACHED = 10_000
LEEWAY_SECONDS = 30
"""What clocks of different machines may differ by."""


class KeySource:
    """The public keys of the identity service: fetched on first use, and anew when a token names an unknown key.

    All who need a fetch at the same time share one, and fetches keep a distance. So keys that are made up can neither
    load the identity service nor use up anything that a token with a new key would need.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._tokens = token_service_pb2_grpc.TokenServiceStub(channel)
        self._keys: KeySet | None = None
        self._kids: frozenset[str] = frozenset()
        self._fetched_at = time.monotonic() - REFRESH_SECONDS
        self._begun_at = -math.inf
        self._fetching: asyncio.Task[None] | None = None

    async def keys(self, kid: str) -> KeySet:
        """The keys, fetched anew when they are old or when `kid` is not among them.

        Old keys go on serving while the identity service is away. Raises Unavailable when there are none yet.
        """
        asked_at = time.monotonic()
        if asked_at - self._fetched_at >= REFRESH_SECONDS:
            await self._fetch_together()
        # A fetch that had begun before may have missed a key that was made in the meantime.
        while kid not in self._kids and self._begun_at < asked_at:
            await self._fetch_together()
        if self._keys is None:
            raise Unavailable("KEYS_UNAVAILABLE", "the identity service's keys cannot be fetched; try again")
        return self._keys

    async def _fetch_together(self) -> None:
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetch_in_turn())
        await asyncio.shield(self._fetching)  # whoever gives up waiting does not end it for the others

    async def _fetch_in_turn(self) -> None:
        if self._keys is not None:  # without any, nothing can be checked, and everybody waits for the first
            await asyncio.sleep(self._begun_at + FETCH_INTERVAL_SECONDS - time.monotonic())
        self._begun_at = time.monotonic()
        await self._fetch()

    async def _fetch(self) -> None:
        try:
            response = await self._tokens.GetKeys(token_service_pb2.GetKeysRequest(), timeout=FETCH_SECONDS)
        except grpc.aio.AioRpcError as error:
            log.warning("keys_not_fetched", code=error.code().name)
            self._fetched_at = time.monotonic() - REFRESH_SECONDS + (RETRY_SECONDS if self._keys else 0)
            return
        self._keys = KeySet.import_key_set(json.loads(response.jwks))
        self._kids = frozenset(key.kid for key in self._keys.keys if key.kid)
        self._fetched_at = time.monotonic()


class TokenVerifier:
    """Turns a bearer token into a Caller; what was verified once is remembered until it expires."""

    def __init__(self, source: KeySource, issuer: str) -> None:
        self._source = source
        self._claims = jwt.JWTClaimsRegistry(
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": AUDIENCE},
            exp={"essential": True},
            sub={"essential": True},
            leeway=LEEWAY_SECONDS,
        )
        self._verified: dict[str, Caller] = {}

    async def verify(self, token: str) -> Caller:
        """The caller that a token stands for.

        Raises Unauthenticated (TOKEN_INVALID, TOKEN_EXPIRED), Unavailable (no keys to check it with).
        """
        known = self._verified.get(token)
        if known is not None and known.expires_at > time.time():
            return known
        if known is not None:
            del self._verified[token]
            raise expired()
        claims = await self._check(token)
        caller = _caller(claims)
        if len(self._verified) >= MOST_CACHED:
            self._verified.clear()
        self._verified[token] = caller
        return caller

    async def _check(self, token: str) -> dict[str, Any]:
        decoded = self._decode(token, await self._source.keys(_key_id(token)))
        if decoded is None or decoded.header.get("typ") != TOKEN_TYPE:
            raise Unauthenticated("TOKEN_INVALID", "the access token was not issued by this platform")
        if float(decoded.claims.get("exp", 0)) <= time.time():
            raise expired()
        try:
            self._claims.validate(decoded.claims)
        except JoseError as error:
            raise Unauthenticated("TOKEN_INVALID", f"the access token is not good here: {error}") from error
        return decoded.claims

    @staticmethod
    def _decode(token: str, keys: KeySet) -> jwt.Token | None:
        try:
            return jwt.decode(token, keys, algorithms=["ES256"])
        except (JoseError, ValueError, TypeError, KeyError):  # TypeError: for headers of types that no header has
            return None


def _key_id(token: str) -> str:
    """The key id that a token's header names, unchecked; empty when there is none."""
    header = token.partition(".")[0]
    try:
        named = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4))).get("kid")
    except (ValueError, AttributeError, RecursionError):
        return ""
    return named if isinstance(named, str) else ""


def _caller(claims: dict[str, Any]) -> Caller:
    return Caller(
        subject=str(claims["sub"]),
        client_id=str(claims.get("client_id", "")),
        organ_id=str(claims.get("organ_id", "")),
        person_id=str(claims.get("person_id", "")),
        permissions=frozenset(str(claims.get("scope", "")).split()),
        expires_at=float(claims["exp"]),
    )
