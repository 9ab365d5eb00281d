"""Ends what takes long together with the token that it was begun with."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TypeVar

from chassis.problems import Unauthenticated

Response = TypeVar("Response")

FAREWELL_SECONDS = 10.0
"""How long before its end a call is told of it, so that its client can leave in good order."""
FAREWELL_SHARE = 0.05
"""Of the token's remaining life, when that is shorter: a client renews a token when a tenth is left, so that one that
dials again has a new one."""


def expired() -> Unauthenticated:
    """The problem of a token that has had its day."""
    return Unauthenticated("TOKEN_EXPIRED", "the access token has expired; get a new one")


@contextlib.asynccontextmanager
async def foretold(stopping: asyncio.Event, expires_at: float) -> AsyncIterator[asyncio.Event]:
    """An event that is set when `stopping` is, or shortly before a token expires at `expires_at` (Unix seconds)."""
    left = expires_at - time.time()
    ending = asyncio.Event()

    async def foretell() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(left - min(FAREWELL_SECONDS, left * FAREWELL_SHARE)):
                await stopping.wait()
        ending.set()

    foretelling = asyncio.create_task(foretell())
    try:
        yield ending
    finally:
        foretelling.cancel()


async def until_expired(responses: AsyncIterator[Response], expires_at: float) -> AsyncGenerator[Response]:
    """What a stream brings until its token expires at `expires_at` (Unix seconds).

    Raises Unauthenticated TOKEN_EXPIRED then, whatever the stream is doing.
    """
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + expires_at - time.time()
    while loop.time() < ends_at:  # looked at each time: a stream that never has to wait never times out
        end = asyncio.timeout_at(ends_at)
        try:
            async with end:
                response = await anext(responses)
        except StopAsyncIteration:
            return
        except TimeoutError:
            if end.expired():
                break
            raise
        yield response
    raise expired()
