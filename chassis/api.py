"""What a service's api.py is made of: servicers, callers and calls.

A servicer is a plain class with `service` (the descriptor of a gRPC service) and one method an rpc, named in
snake_case: `(call, request) -> response` for a single answer, run in a thread and in one transaction;
`async (stream_call, request or requests) -> response` for a long poll, and for a stream of requests;
`async (stream_call, request or requests) -> async iterator` for a stream. For a single answer it may have
`async before_<rpc>(stream_call, request)`, which does what would take too long within the transaction, may refuse, and
is done again for a repeat. It may have `async start(database, threads)` and `async stop()` for work of its own.
"""

import asyncio
import math
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Protocol, TypeVar

from google.protobuf.descriptor import ServiceDescriptor

from chassis.database import Database, UnitOfWork

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, as the token says.

    `subject` is "client:<id>" or "person:<id>"; `person_id` is whom the caller acts for as an applicant, empty for
    nobody; `organ_id` is the organ that a department's system works for.
    """

    subject: str
    client_id: str = ""
    organ_id: str = ""
    person_id: str = ""
    permissions: frozenset[str] = frozenset()
    expires_at: float = math.inf
    """When the token expires, in Unix seconds."""

    def may(self, permission: str) -> bool:
        """Whether the token holds `permission`."""
        return permission in self.permissions


ANONYMOUS = Caller(subject="anonymous")


@dataclass(frozen=True, slots=True)
class Call:
    """One call with a single answer: its transaction, and who makes it."""

    work: UnitOfWork
    caller: Caller


@dataclass(frozen=True, slots=True)
class StreamCall:
    """One call with a stream of answers; it opens its own transactions."""

    database: Database
    caller: Caller
    threads: Executor
    stopping: asyncio.Event
    """Set when the server is about to stop, or the caller's token to expire: a stream says so to its client, a long
    poll ends. A stream that only answers learns of a stop; when the token expires, it ends with TOKEN_EXPIRED."""

    async def run(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Run what may wait for the database in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, function, *arguments)


class Servicer(Protocol):
    """The implementation of one gRPC service: its methods are found by their names.

    It may have `unstored`, a frozenset of the methods whose answers must not be kept for repeats, because they hold a
    secret: those make themselves idempotent by `request_id`.
    """

    @property
    def service(self) -> ServiceDescriptor:
        """The service that it implements."""
