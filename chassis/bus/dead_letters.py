"""Dead letters: events that a service gave up, in its own database, until an operator replays or discards them.

An event is parked in a transaction of the service before the broker may forget it. What an operator does to it is
written down in the transaction of the deed (table `repairs`). See docs/adr/0012-dead-letters-in-the-database.md.
"""

import hashlib
import json
import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, Select, TextClause, func, literal, select, text, update
from sqlalchemy import insert as plain_insert

from chassis.bus import inbox
from chassis.bus.broker import Failure
from chassis.bus.events import Envelope
from chassis.bus.inbox import LONGEST_ID
from chassis.clock import new_id
from chassis.database import OUTBOX_TOPIC, Instant, UnitOfWork, insert, service_metadata
from chassis.paging import KeyValue, Page
from chassis.problems import Invalid, NotFound, Violation

TOPIC = "dead-letters"
"""Wakes the worker when a replay is asked for."""
INTERRUPTED = Failure("REPLAY_INTERRUPTED", "the worker ended while it handled the event; replay it again")

_LONGEST_REASON = 100
_LONGEST_TEXT = 200
_LONGEST_MESSAGE = 2_000
_LONGEST_STACK = 16_000
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# One statement whatever the number of ids, so that it is compiled and planned once: it is part of each batch.
_FORGET: dict[str, TextClause] = {
    "postgresql": text("DELETE FROM dead_letters WHERE letter_id = ANY(CAST(:ids AS text[]))"),
    "sqlite": text("DELETE FROM dead_letters WHERE letter_id IN (SELECT value FROM json_each(:ids))"),
}

letters = service_metadata().tables["dead_letters"]
repairs = service_metadata().tables["repairs"]
_outbox = service_metadata().tables["outbox"]


class Direction(StrEnum):
    """Which way the event was going."""

    RECEIVED = "received"
    SENT = "sent"


class Action(StrEnum):
    """What an operator did."""

    REPLAY = "replay"
    DISCARD = "discard"


def park(work: UnitOfWork, envelope: Envelope, failure: Failure, direction: Direction = Direction.RECEIVED) -> None:
    """Keep an event that is given up; parked again, it takes the place of its earlier copy.

    Texts are cut to bounds and cleaned of what a database cannot hold: an event that cannot be read can be anything.
    """
    row = {
        "letter_id": letter_id(envelope),
        "direction": str(direction),
        "event_id": _clean(envelope.id, _LONGEST_TEXT),
        "type": _clean(envelope.type, _LONGEST_TEXT),
        "source": _clean(envelope.source, _LONGEST_TEXT),
        "subject": _clean(envelope.subject, _LONGEST_TEXT),
        "time": _clean(envelope.time, _LONGEST_TEXT),
        "traceparent": _clean(envelope.traceparent, _LONGEST_TEXT),
        "body": envelope.body,
        "attempts": envelope.attempts,
        "parked_at": work.now,
        **_why(failure),
    }
    statement = insert(work.connection, letters).values(row)
    # A replay that was asked for stays asked for, when a late copy fails meanwhile.
    kept = {name: statement.excluded[name] for name in row if name not in ("letter_id", "replay_requested_at")}
    work.connection.execute(statement.on_conflict_do_update(index_elements=["letter_id"], set_=kept))


def note_begun(work: UnitOfWork, row: Row[Any]) -> None:
    """Count a replay that begins, as if it were interrupted already; why the event failed before is kept."""
    before = f"{INTERRUPTED.message} (before: {row.reason}: {row.message})"
    message = row.message if row.reason == INTERRUPTED.reason else before
    note_attempt(work, row, Failure(INTERRUPTED.reason, message, row.stack))


def note_attempt(work: UnitOfWork, row: Row[Any], failure: Failure) -> None:
    """Count one more attempt at a letter, and keep why it failed."""
    changed = {"attempts": row.attempts + 1, **_why(failure)}
    work.connection.execute(update(letters).where(letters.c.letter_id == row.letter_id).values(changed))


def letter_id(envelope: Envelope) -> str:
    """The event's id, so that its copies are one letter; of what has no proper id, a digest of all that it has."""
    if _UUID.fullmatch(envelope.id):
        return envelope.id
    attributes = json.dumps([envelope.id, envelope.type, envelope.source, envelope.subject]).encode()
    return hashlib.sha256(attributes + envelope.body).hexdigest()[:36]


def envelope_of(row: Row[Any]) -> Envelope:
    """The event of a letter."""
    return Envelope(
        row.event_id, row.type, row.source, row.subject, row.time, bytes(row.body), row.traceparent, row.attempts
    )


def find(work: UnitOfWork, wanted: str) -> Row[Any]:
    """A letter with everything. Raises NotFound DEAD_LETTER_NOT_FOUND."""
    row = work.connection.execute(select(letters).where(letters.c.letter_id == wanted)).one_or_none()
    if row is None:
        raise _not_found(wanted)
    return row


def list_letters(
    work: UnitOfWork, page: Page, *, reason: str = "", event_type: str = "", letter_ids: Collection[str] = ()
) -> Sequence[Row[Any]]:
    """Letters by the time they were parked, without bodies and stacks (`body_bytes` stands for the body).

    Raises Invalid when the page's key is none that `key_of` gave.
    """
    query = _overview().order_by(letters.c.parked_at, letters.c.letter_id).limit(page.fetch)
    if reason:
        query = query.where(letters.c.reason == reason)
    if event_type:
        query = query.where(letters.c.type == event_type)
    if letter_ids:
        query = query.where(letters.c.letter_id.in_(letter_ids))
    if page.after:
        parked_at, after = _instant(str(page.after[0])), str(page.after[1])
        later = (letters.c.parked_at == parked_at) & (letters.c.letter_id > after)
        query = query.where((letters.c.parked_at > parked_at) | later)
    return work.connection.execute(query).all()


def key_of(row: Row[Any]) -> list[KeyValue]:
    """A letter's place in a list."""
    return [row.parked_at.isoformat(), row.letter_id]


def list_repairs(work: UnitOfWork, page: Page) -> Sequence[Row[Any]]:
    """What operators did, newest first."""
    query = select(repairs).order_by(repairs.c.repair_id.desc()).limit(page.fetch)
    if page.after:
        query = query.where(repairs.c.repair_id < str(page.after[0]))
    return work.connection.execute(query).all()


def replay(work: UnitOfWork, wanted: Sequence[str], *, actor: str, reason: str) -> list[Row[Any]]:
    """Have letters tried once more; raises NotFound DEAD_LETTER_NOT_FOUND, and then nothing is changed.

    What was received is handled by the worker, one event a transaction; what was sent goes back to the outbox.
    """
    rows = _locked(work, wanted)
    _note(work, rows, Action.REPLAY, actor, reason)
    sent = [row for row in rows if row.direction == Direction.SENT]
    if sent:
        for row in sent:
            _send_again(work, row)
        forget(work, [row.letter_id for row in sent])
        work.wake(OUTBOX_TOPIC)
    received = [row.letter_id for row in rows if row.direction == Direction.RECEIVED]
    if received:
        asked = update(letters).where(letters.c.letter_id.in_(received)).values(replay_requested_at=work.now)
        work.connection.execute(asked)
        work.wake(TOPIC)
    return rows


def _send_again(work: UnitOfWork, row: Row[Any]) -> None:
    kept = [letters.c.event_id, letters.c.type, letters.c.subject, letters.c.body, letters.c.traceparent]
    time = literal(datetime.fromisoformat(row.time), Instant())
    names = ["id", "type", "subject", "body", "traceparent", "created_at"]
    again = select(*kept, time).where(letters.c.letter_id == row.letter_id)
    work.connection.execute(plain_insert(_outbox).from_select(names, again))


def discard(work: UnitOfWork, wanted: Sequence[str], *, actor: str, reason: str) -> list[Row[Any]]:
    """Give letters up for good; raises NotFound DEAD_LETTER_NOT_FOUND, and then nothing is changed.

    Their events count as handled from now on, so that a copy that comes late has no effect either.
    """
    # The inbox first, as handlers have it, so that nobody waits for each other.
    found = work.connection.execute(_columns_of(wanted)).all()
    inbox.remember(work, [row.event_id for row in found if _can_come_again(row)])
    rows = _locked(work, wanted)
    _note(work, rows, Action.DISCARD, actor, reason)
    forget(work, [row.letter_id for row in rows])
    return rows


def _can_come_again(row: Row[Any]) -> bool:
    return row.direction == Direction.RECEIVED and 0 < len(row.event_id) <= LONGEST_ID


def forget(work: UnitOfWork, done: Collection[str]) -> None:
    """Delete letters; those that are not there do not matter."""
    dialect = work.connection.dialect.name
    ids = sorted(done)
    work.connection.execute(_FORGET[dialect], {"ids": json.dumps(ids) if dialect == "sqlite" else ids})


def _instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        fault = Violation("page_token", "give the next_page_token of an earlier answer, unchanged")
        raise Invalid("BAD_PAGE_TOKEN", "the page token is not one that this method gave", [fault]) from None


def _overview() -> Select[Any]:
    columns = [column for column in letters.c if column.name not in ("body", "stack")]
    return select(*columns, func.length(letters.c.body).label("body_bytes"))


def _columns_of(wanted: Sequence[str]) -> Select[Any]:
    """The letters without bodies and stacks, in the order of their ids."""
    return _overview().where(letters.c.letter_id.in_(sorted(set(wanted)))).order_by(letters.c.letter_id)


def _locked(work: UnitOfWork, wanted: Sequence[str]) -> list[Row[Any]]:
    """The letters, in the order of their ids, so that two operators wait for each other instead of deadlocking."""
    rows = list(work.connection.execute(_columns_of(wanted).with_for_update()))
    missing = sorted(set(wanted) - {row.letter_id for row in rows})
    if missing:
        raise _not_found(missing[0])
    return rows


def _note(work: UnitOfWork, rows: Sequence[Row[Any]], action: Action, actor: str, reason: str) -> None:
    noted = [
        {
            "repair_id": new_id(),
            "at": work.now,
            "actor": actor,
            "action": str(action),
            "letter_id": row.letter_id,
            "type": row.type,
            "subject": row.subject,
            "reason": reason,
        }
        for row in rows
    ]
    if noted:
        work.connection.execute(plain_insert(repairs), noted)


def _why(failure: Failure) -> dict[str, str | None]:
    return {
        "reason": _clean(failure.reason, _LONGEST_REASON),
        "message": _clean(failure.message, _LONGEST_MESSAGE),
        "stack": _clean(failure.stack[-_LONGEST_STACK:], _LONGEST_STACK),
        "replay_requested_at": None,
    }


def _clean(text: str, longest: int) -> str:
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode(errors="replace")[:longest]


def _not_found(wanted: str) -> NotFound:
    return NotFound("DEAD_LETTER_NOT_FOUND", f"there is no dead letter {wanted}", letter_id=wanted)
