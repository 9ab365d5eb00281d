"""The tables of the cases service, and the queries on them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Row,
    String,
    Table,
    Text,
    bindparam,
    delete,
    func,
    select,
    text,
    update,
)
from sqlalchemy import insert as plain_insert

from chassis.database import Document, Instant, insert, service_metadata
from services.cases.draft_tables import draft_table
from services.cases.licence_tables import licence_table
from services.cases.log_tables import log_tables
from services.cases.material_tables import material_tables
from services.cases.search_tables import search_tables
from services.cases.urge_tables import urge_table

metadata = service_metadata()
log = log_tables(metadata)
materials = material_tables(metadata)
search = search_tables(metadata)
urges = urge_table(metadata)
drafts = draft_table(metadata)
held_licences = licence_table(metadata)
LONG_AGO = "1970-01-01 00:00:00.000000"
_IDLE = text("idle_since IS NOT NULL")
_LOGGED, _WAITING = text("leaf IS NOT NULL"), text("leaf IS NULL")
_OPEN = text("resolved_at IS NULL")
_TIMED, _RECKONED = text("wake_at IS NOT NULL"), text("calendar_version IS NOT NULL")

bundles = Table(
    "bundles",
    metadata,
    Column("bundle_id", String(100), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("body", LargeBinary, nullable=False),  # duokua.matters.v1.Bundle
)

cases = Table(
    "cases",
    metadata,
    Column("case_id", String(36), primary_key=True),
    Column("case_number", String(50), nullable=False, unique=True),
    Column("applicant_id", String(64), nullable=False),
    Column("bundle_id", String(100), nullable=False),
    Column("bundle_version", Integer, nullable=False),
    Column("status", String(20), nullable=False),
    Column("version", Integer, nullable=False),
    Column("open_incidents", Integer, nullable=False),
    Column("submitted_at", Instant, nullable=False),
    # Since when nothing is left to happen to it; empty before, and once it is archived. Where an earlier release wrote
    # the row, it is long ago: somebody has to look.
    Column("idle_since", Instant, nullable=True, server_default=LONG_AGO),
    Column("form", Document, nullable=False),
    Column("materials", Document, nullable=False),  # what MaterialRef tells of each
    Column("snapshot", Document, nullable=False),
    Column("history_hash", String(64), nullable=False),
    # When a light of one of its clocks changes by itself next, reckoned by that version of the calendar.
    Column("wake_at", Instant, nullable=True),
    Column("calendar_version", Integer, nullable=True),
    Index("ix_cases_wake_at", "wake_at", postgresql_where=_TIMED, sqlite_where=_TIMED),
    Index("ix_cases_calendar_version", "calendar_version", postgresql_where=_RECKONED, sqlite_where=_RECKONED),
    Index("ix_cases_applicant_id", "applicant_id", "case_id"),
    Index("ix_cases_status", "status", "case_id"),
    Index("ix_cases_idle_since", "idle_since", postgresql_where=_IDLE, sqlite_where=_IDLE),
)

history = Table(
    "history",
    metadata,
    Column("case_id", String(36), primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("actor", String(100), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("input", Document, nullable=False),
    Column("internal", Document, nullable=False),  # the names of what of it is internal
    Column("salts", LargeBinary, nullable=False),  # of the commitments to its two parts
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    # Its index in the case log, once it is there; the only column of an entry that is ever written again.
    Column("leaf", BigInteger, nullable=True),
    Index("ix_history_leaf", "leaf", unique=True, postgresql_where=_LOGGED, sqlite_where=_LOGGED),
    Index("ix_history_waiting", "case_id", "sequence", postgresql_where=_WAITING, sqlite_where=_WAITING),
)

tasks = Table(
    "tasks",
    metadata,
    # Open tasks only: one that has its answer is known to its case, and its row is gone.
    Column("task_id", String(100), primary_key=True),
    Column("case_id", String(36), nullable=False),
    Column("organ_id", String(64), nullable=False),
    Column("catalog_code", String(12), nullable=False),
    Column("body", LargeBinary, nullable=False),  # duokua.cases.v1.Task without its lease
    Column("accepted", Boolean, nullable=False),
    # When it may be given to somebody: from its opening or its back-off on, and again once its lease has run out.
    Column("available_at", Instant, nullable=False),
    Column("lease", String(36), nullable=False),  # empty before the first
    Column("leased_by", String(100), nullable=False),
    Index("ix_tasks_organ_id", "organ_id", "available_at"),
)

incidents = Table(
    "incidents",
    metadata,
    Column("incident_id", String(150), primary_key=True),
    Column("case_id", String(36), nullable=False, index=True),
    Column("case_number", String(50), nullable=False),
    Column("step_id", String(50), nullable=False),
    Column("reason", String(40), nullable=False),
    Column("description", Text, nullable=False),
    Column("opened_at", Instant, nullable=False, index=True),
    Column("resolved_at", Instant),
    Column("bundle_id", String(100), nullable=False),
    Column("organ_id", String(64), nullable=False),  # of the step when it was opened; empty when it had none
    Index("ix_incidents_open", "incident_id", postgresql_where=_OPEN, sqlite_where=_OPEN),
)

case_forms = Table(
    "case_forms",
    metadata,
    # What was handed in before corrections; the present form and materials are the case's.
    Column("case_id", String(36), ForeignKey("cases.case_id"), primary_key=True),
    Column("version", Integer, primary_key=True),  # from 1, as submitted
    Column("form", Document, nullable=False),
    Column("materials", Document, nullable=False),
    Column("at", Instant, nullable=False),  # when it was handed in
)

serials = Table(
    "serials",
    metadata,
    Column("series", String(39), primary_key=True),  # task code and day
    Column("last", Integer, nullable=False),
)

calendars = Table(
    "calendars",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("first_year", Integer, nullable=False),
    Column("last_year", Integer, nullable=False),
    Column("years", Document, nullable=False),  # those that this version added or changed
    Column("loaded_at", Instant, nullable=False),
    Column("loaded_by", String(100), nullable=False),
    Column("source", String(200), nullable=False),
    Column("digest", String(64), nullable=False),  # SHA-256 of the content
    Column("content", Text, nullable=False),  # all days, as the file that operators load
)


def add_bundles(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep versions of bundles; one that is there already stays as it is."""
    statement = insert(connection, bundles).on_conflict_do_nothing()
    connection.execute(statement, list(rows))


def newest_version(connection: Connection, bundle_id: str) -> int | None:
    """The newest version of a bundle, or None."""
    version: int | None = connection.scalar(select(func.max(bundles.c.version)).where(bundles.c.bundle_id == bundle_id))
    return version


def has_bundle(connection: Connection, bundle_id: str, version: int) -> bool:
    """Whether a version of a bundle was published."""
    query = select(bundles.c.version).where(bundles.c.bundle_id == bundle_id, bundles.c.version == version)
    return connection.scalar(query) is not None


def bundle_body(connection: Connection, bundle_id: str, version: int) -> bytes:
    """A version of a bundle, as it was published."""
    query = select(bundles.c.body).where(bundles.c.bundle_id == bundle_id, bundles.c.version == version)
    return bytes(connection.scalars(query).one())


def next_serial(connection: Connection, series: str) -> int:
    """Count on in a series, from 1; concurrent callers wait for each other."""
    statement = insert(connection, serials).values(series=series, last=1)
    statement = statement.on_conflict_do_update(index_elements=[serials.c.series], set_={"last": serials.c.last + 1})
    serial: int = connection.execute(statement.returning(serials.c.last)).scalar_one()
    return serial


def lock_cases(connection: Connection, case_ids: Sequence[str]) -> Sequence[Row[Any]]:
    """The cases' rows, locked, always in the same order so that two transactions cannot wait for each other."""
    query = select(cases).where(cases.c.case_id.in_(case_ids)).order_by(cases.c.case_id).with_for_update()
    return connection.execute(query).all()


def add_case(connection: Connection, row: Mapping[str, Any]) -> None:
    """Insert a new case."""
    connection.execute(plain_insert(cases), row)


_STATE = (
    "bundle_version",
    "status",
    "version",
    "open_incidents",
    "idle_since",
    "snapshot",
    "history_hash",
    "wake_at",
    "calendar_version",
)
_update_case = (
    update(cases).where(cases.c.case_id == bindparam("key")).values({name: bindparam(name) for name in _STATE})
)


def update_cases(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the changed state of cases; each row names its case as `key`."""
    if rows:
        connection.execute(_update_case, list(rows))


def replace_form(
    connection: Connection, case_id: str, earlier: Mapping[str, Any], form: Mapping[str, Any], materials: Sequence[Any]
) -> None:
    """Put a corrected form and materials in the place of earlier ones, which are kept: a row of `case_forms`."""
    connection.execute(plain_insert(case_forms), {"case_id": case_id, **earlier})
    connection.execute(update(cases).where(cases.c.case_id == case_id).values(form=form, materials=materials))


def append_history(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append entries."""
    if rows:
        connection.execute(plain_insert(history), list(rows))


def history_page(connection: Connection, case_id: str, after: int, limit: int) -> Sequence[Row[Any]]:
    """Entries of a case after a sequence, oldest first."""
    query = select(history).where(history.c.case_id == case_id, history.c.sequence > after)
    return connection.execute(query.order_by(history.c.sequence).limit(limit)).all()


def open_tasks(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Queue tasks for their offices."""
    if rows:
        connection.execute(plain_insert(tasks), list(rows))


def close_tasks(connection: Connection, task_ids: Sequence[str]) -> None:
    """Take tasks out of the queue: answered, or taken back."""
    if task_ids:
        connection.execute(delete(tasks).where(tasks.c.task_id.in_(task_ids)))


def rewrite_tasks(connection: Connection, values: Mapping[str, str], rewrite: Callable[[bytes, str], bytes]) -> None:
    """Change the bodies of tasks, each with its value; what is not open any more is left out."""
    if not values:
        return
    found = connection.execute(select(tasks.c.task_id, tasks.c.body).where(tasks.c.task_id.in_(values))).all()
    for row in found:
        body = rewrite(bytes(row.body), values[row.task_id])
        connection.execute(update(tasks).where(tasks.c.task_id == row.task_id).values(body=body))


def accept_tasks(connection: Connection, task_ids: Sequence[str]) -> None:
    """Note that open tasks count as accepted; their leases stay as they are."""
    if task_ids:
        connection.execute(update(tasks).where(tasks.c.task_id.in_(task_ids)).values(accepted=True))


def lock_tasks(connection: Connection, task_ids: Sequence[str]) -> dict[str, Row[Any, Any, Any]]:
    """The rows of open tasks, locked, by their ids."""
    query = select(tasks.c.task_id, tasks.c.organ_id, tasks.c.lease).where(tasks.c.task_id.in_(task_ids))
    rows = connection.execute(query.order_by(tasks.c.task_id).with_for_update()).all()
    return {row.task_id: row for row in rows}


def find_task(connection: Connection, task_id: str) -> Row[Any] | None:
    """An open task's row."""
    return connection.execute(select(tasks).where(tasks.c.task_id == task_id)).one_or_none()


_keep_lease = (
    update(tasks)
    .where(tasks.c.task_id == bindparam("key"))
    .values(available_at=bindparam("until"), accepted=tasks.c.accepted | bindparam("accepts"))
)


def keep_leases(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Move leases' ends: rows of `key` (the task), `until` and `accepts`."""
    if rows:
        connection.execute(_keep_lease, list(rows))


def release_tasks(connection: Connection, task_ids: Sequence[str], now: datetime) -> None:
    """End leases: the tasks may be given to somebody else at once."""
    connection.execute(update(tasks).where(tasks.c.task_id.in_(task_ids)).values(lease="", available_at=now))


def add_incidents(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Record incidents; one that is opened again under its id is open again."""
    if not rows:
        return
    statement = insert(connection, incidents)
    changed = {name: statement.excluded[name] for name in ("description", "opened_at", "resolved_at")}
    connection.execute(statement.on_conflict_do_update(index_elements=["incident_id"], set_=changed), list(rows))


def resolve_incidents(connection: Connection, incident_ids: Sequence[str], at: datetime) -> None:
    """Mark incidents as resolved."""
    if incident_ids:
        statement = update(incidents).where(incidents.c.incident_id.in_(incident_ids))
        connection.execute(statement.values(resolved_at=at))


def find_incident(connection: Connection, incident_id: str) -> Row[Any] | None:
    """An incident's row."""
    return connection.execute(select(incidents).where(incidents.c.incident_id == incident_id)).one_or_none()
