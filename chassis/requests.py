"""Repeats of a write get the first answer: what was answered is stored in the transaction of the change."""

import json
from datetime import timedelta

from google.protobuf.message import Message
from sqlalchemy import delete, insert, select

from chassis.api import Caller
from chassis.database import UnitOfWork, service_metadata
from chassis.problems import Invalid, Violation
from chassis.vault import Vault

LONGEST_REQUEST_ID = 100
RETENTION = timedelta(days=30)
"""A client that repeats a request after a month starts it anew."""
PRUNED_AT_ONCE = 200
_requests = service_metadata().tables["requests"]


def check_request_id(request_id: str) -> None:
    """Raise Invalid unless a write names its request."""
    if not 0 < len(request_id) <= LONGEST_REQUEST_ID:
        fault = Violation("request_id", f"give an id of 1 to {LONGEST_REQUEST_ID} characters, the same for a repeat")
        raise Invalid("BAD_REQUEST", "a write needs a request_id", [fault])


def fingerprint(vault: Vault, caller: Caller, request: Message) -> str:
    """What tells a repeat from another request; keyed, because a request may hold an identity number.

    The same words are another request when they are said for another person, or by way of another client.
    """
    for_whom = json.dumps([caller.client_id, caller.organ_id, caller.person_id]).encode()
    said = request.SerializeToString(deterministic=True)
    return vault.fingerprint(for_whom + b"\0" + said, context="request")  # JSON has no NUL


def first_answer(work: UnitOfWork, caller: Caller, method: str, request: Message, print_: str) -> bytes | None:
    """The serialised answer that this request got before, or None; `print_` is its fingerprint.

    Raises Invalid REQUEST_ID_REUSED when the same id stood for another request.
    """
    query = select(_requests.c.method, _requests.c.fingerprint, _requests.c.response).where(
        _requests.c.caller == caller.subject,
        _requests.c.request_id == request.request_id,  # type: ignore[attr-defined] # the edge has checked that it is there
    )
    row = work.connection.execute(query).one_or_none()
    if row is None:
        return None
    if (row.method, row.fingerprint) != (method, print_):
        fault = Violation("request_id", "was used for another request; give a fresh one")
        raise Invalid("REQUEST_ID_REUSED", "this request_id stands for another request", [fault])
    return bytes(row.response)


def remember(work: UnitOfWork, caller: Caller, method: str, request: Message, print_: str, response: Message) -> None:
    """Store an answer for repeats; a concurrent repeat fails here on the primary key and rolls back."""
    work.connection.execute(
        insert(_requests),
        {
            "caller": caller.subject,
            "request_id": request.request_id,  # type: ignore[attr-defined] # the edge has checked that it is there
            "method": method,
            "fingerprint": print_,
            "response": response.SerializeToString(),
            "answered_at": work.now,
        },
    )


def prune(work: UnitOfWork) -> bool:
    """Forget some of the answers given longer ago than `RETENTION`; true when there may be more."""
    old = select(_requests.c.caller, _requests.c.request_id).where(_requests.c.answered_at < work.now - RETENTION)
    keys = work.connection.execute(old.limit(PRUNED_AT_ONCE)).all()
    for key in keys:
        work.connection.execute(
            delete(_requests).where(_requests.c.caller == key.caller, _requests.c.request_id == key.request_id)
        )
    return len(keys) >= PRUNED_AT_ONCE
