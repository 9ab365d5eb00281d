"""Checking access tokens with keys that are fetched, rotated, and at times not to be had."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import grpc
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from chassis import tokens
from chassis.api import Caller
from chassis.problems import Problem, Unauthenticated, Unavailable
from chassis.tokens import KeySource, TokenVerifier
from duokua.identity.v1 import token_service_pb2 as pb

Result = TypeVar("Result")


class Identity:
    """What a channel to the identity service answers: its keys, or that nobody is there."""

    def __init__(self, *keys: ECKey) -> None:
        self.keys = list(keys)
        self.away = False
        self.fetches = 0
        self.hold: asyncio.Event | None = None
        self.held = asyncio.Event()

    def unary_unary(self, *_: object, **__: object) -> Callable[..., Awaitable[pb.GetKeysResponse]]:
        """A stub asks a channel for each of its methods; only GetKeys is called here."""

        async def get_keys(*_: object, **__: object) -> pb.GetKeysResponse:
            self.fetches += 1
            if self.away:
                metadata: Any = grpc.aio.Metadata()
                raise grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, metadata, metadata, "nobody is there")
            members = [{**key.as_dict(private=False), "kid": key.thumbprint()} for key in self.keys]
            if self.hold is not None:
                self.held.set()
                await self.hold.wait()
            return pb.GetKeysResponse(jwks=json.dumps({"keys": members}))

        return get_keys


INTERVAL = 0.05


@pytest.fixture(autouse=True)
def interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "FETCH_INTERVAL_SECONDS", INTERVAL)


@pytest.fixture
def key() -> ECKey:
    return ECKey.generate_key("P-256")


@pytest.fixture
def identity(key: ECKey) -> Identity:
    return Identity(key)


def verifier(identity: Identity) -> TokenVerifier:
    channel: Any = identity
    return TokenVerifier(KeySource(channel), "duokua")


def a_token(by: ECKey, kid: str = "", typ: str = "at+jwt", **claims: Any) -> str:
    good = {
        "iss": "duokua",
        "aud": "duokua",
        "sub": "client:c1",
        "client_id": "c1",
        "scope": "cases.read cases.submit",
        "exp": int(time.time()) + 600,
    }
    said = {name: value for name, value in {**good, **claims}.items() if value is not None}
    return jwt.encode({"typ": typ, "alg": "ES256", "kid": kid or by.thumbprint()}, said, by)


def refused(story: Awaitable[Any]) -> tuple[type[Problem], str]:
    async def run() -> tuple[type[Problem], str]:
        with pytest.raises(Problem) as caught:
            await story
        return type(caught.value), caught.value.reason

    return asyncio.run(run())


def test_a_good_token_stands_for_its_caller(identity: Identity, key: ECKey) -> None:
    expires_at = int(time.time()) + 60
    token = a_token(key, sub="person:p1", organ_id="o1", person_id="p2", exp=expires_at)
    caller = asyncio.run(verifier(identity).verify(token))
    permissions = frozenset({"cases.read", "cases.submit"})
    assert caller == Caller("person:p1", "c1", "o1", "p2", permissions, expires_at)
    assert caller.may("cases.read")
    assert not caller.may("cases")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"typ": "JWT"}, "TOKEN_INVALID"),
        ({"iss": "other"}, "TOKEN_INVALID"),
        ({"aud": "other"}, "TOKEN_INVALID"),
        ({"aud": None}, "TOKEN_INVALID"),
        ({"sub": None}, "TOKEN_INVALID"),
        ({"exp": 1_000_000_000}, "TOKEN_EXPIRED"),
        ({"exp": None}, "TOKEN_EXPIRED"),
    ],
)
def test_a_token_with_a_wrong_claim_is_refused(
    identity: Identity, key: ECKey, changes: dict[str, Any], reason: str
) -> None:
    assert refused(verifier(identity).verify(a_token(key, **changes))) == (Unauthenticated, reason)


@pytest.mark.parametrize("token", ["", ".", "..", "x.y.z", "W10.e30.x", "bnVsbA.e30.x", "eyJraWQiOjF9.e30.x", "é" * 9])
def test_what_is_no_token_is_refused(identity: Identity, token: str) -> None:
    assert refused(verifier(identity).verify(token)) == (Unauthenticated, "TOKEN_INVALID")


def test_a_token_without_a_signature_is_refused(identity: Identity, key: ECKey) -> None:
    header, payload, _ = a_token(key).split(".")
    unsigned = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0"
    for token in (f"{unsigned}.{payload}.", f"{header}.{payload}."):
        assert refused(verifier(identity).verify(token)) == (Unauthenticated, "TOKEN_INVALID")


def test_a_token_of_another_key_under_a_known_id_is_refused(identity: Identity, key: ECKey) -> None:
    forged = a_token(ECKey.generate_key("P-256"), kid=key.thumbprint())
    assert refused(verifier(identity).verify(forged)) == (Unauthenticated, "TOKEN_INVALID")


def test_keys_are_fetched_once_for_many_tokens(identity: Identity, key: ECKey) -> None:
    async def story() -> None:
        checking = verifier(identity)
        await asyncio.gather(*(checking.verify(a_token(key, sub=f"client:{number}")) for number in range(20)))

    asyncio.run(story())
    assert identity.fetches == 1


def test_a_key_that_is_new_is_fetched_at_once(identity: Identity, key: ECKey) -> None:
    async def story() -> None:
        checking = verifier(identity)
        await checking.verify(a_token(key))
        newer = ECKey.generate_key("P-256")
        identity.keys.append(newer)
        await checking.verify(a_token(newer))
        await checking.verify(a_token(key, sub="client:c2"))

    asyncio.run(story())
    assert identity.fetches == 2


async def forge(checking: TokenVerifier, times: int) -> None:
    """Come with tokens under made-up key ids, one after another."""
    forger = ECKey.generate_key("P-256")
    for number in range(times):
        with pytest.raises(Unauthenticated, match="TOKEN_INVALID"):
            await checking.verify(a_token(forger, kid=f"made up {number}"))


def test_key_ids_that_are_made_up_cost_one_fetch_an_interval(identity: Identity, key: ECKey) -> None:
    async def story() -> float:
        checking = verifier(identity)
        await checking.verify(a_token(key))
        began = time.monotonic()
        await asyncio.gather(*(forge(checking, times=4) for _ in range(25)))
        return time.monotonic() - began

    passed = asyncio.run(story())
    assert passed >= 3 * INTERVAL
    assert identity.fetches <= 2 + passed / INTERVAL
    assert identity.fetches <= 1 + 4 * 2


def test_a_new_key_works_at_once_under_any_number_of_forgeries(identity: Identity, key: ECKey) -> None:
    async def story() -> None:
        checking = verifier(identity)
        await checking.verify(a_token(key))
        forgers = [asyncio.create_task(forge(checking, times=1000)) for _ in range(10)]
        for _ in range(10):
            newer = ECKey.generate_key("P-256")
            identity.keys.append(newer)
            async with asyncio.timeout(20 * INTERVAL):
                await checking.verify(a_token(newer))
            async with asyncio.timeout(20 * INTERVAL):
                await checking.verify(a_token(key, sub=f"client:{newer.thumbprint()}"))
        for forger in forgers:
            forger.cancel()
        await asyncio.gather(*forgers, return_exceptions=True)

    asyncio.run(story())


def test_a_key_made_while_others_are_fetched_is_fetched_after_them(identity: Identity, key: ECKey) -> None:
    async def story() -> None:
        checking = verifier(identity)
        await checking.verify(a_token(key))
        identity.hold = asyncio.Event()
        early = asyncio.create_task(forge(checking, times=1))
        await identity.held.wait()
        newer = ECKey.generate_key("P-256")
        identity.keys.append(newer)
        late = asyncio.create_task(checking.verify(a_token(newer)))
        await asyncio.sleep(0)
        early.cancel()
        identity.hold.set()
        await late

    asyncio.run(story())
    assert identity.fetches == 3


def test_keys_at_hand_go_on_serving_while_identity_is_away(
    identity: Identity, key: ECKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        checking = verifier(identity)
        await checking.verify(a_token(key))
        identity.away = True
        monkeypatch.setattr(tokens, "REFRESH_SECONDS", 0.0)
        await checking.verify(a_token(key, sub="client:c2"))

    asyncio.run(story())
    assert identity.fetches == 2


def test_without_any_keys_the_service_is_unavailable_until_it_gets_them(identity: Identity, key: ECKey) -> None:
    identity.away = True

    async def story() -> None:
        checking = verifier(identity)
        for _ in range(2):
            with pytest.raises(Unavailable, match="KEYS_UNAVAILABLE"):
                await checking.verify(a_token(key))
        identity.away = False
        await checking.verify(a_token(key))

    asyncio.run(story())


def test_a_token_is_checked_once_and_forgotten_when_it_expires(
    identity: Identity, key: ECKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = a_token(key)

    async def story() -> None:
        checking = verifier(identity)
        caller = await checking.verify(token)
        identity.away = True
        assert await checking.verify(token) is caller
        later = time.time() + 3600
        monkeypatch.setattr(time, "time", lambda: later)
        with pytest.raises(Unauthenticated, match="TOKEN_EXPIRED"):
            await checking.verify(token)
        with pytest.raises(Unauthenticated, match="TOKEN_EXPIRED"):
            await checking.verify(token)

    asyncio.run(story())


def test_the_memory_of_tokens_is_bounded(identity: Identity, key: ECKey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MOST_CACHED", 3)

    async def story() -> None:
        checking = verifier(identity)
        for number in range(10):
            await checking.verify(a_token(key, sub=f"client:{number}"))
            assert len(checking._verified) <= 3

    asyncio.run(story())
