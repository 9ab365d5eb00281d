"""免证办: what applicants hold, as licences told."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, select

from chassis.clock import day_of
from chassis.database import UnitOfWork, insert
from duokua.licences.v1 import events_pb2, licence_pb2
from services.cases.published import Published
from services.cases.standing_in import NO_CONTENT, NOTHING, Held
from services.cases.store import held_licences


def learn(work: UnitOfWork, standings: Sequence[events_pb2.Standing]) -> None:
    """Keep where licences stand; an older standing never takes the place of a newer one, whichever comes first."""
    newest = {each.licence_id: each for each in sorted(standings, key=lambda each: each.revision)}
    rows = [_row(newest[licence_id]) for licence_id in sorted(newest)]
    statement = insert(work.connection, held_licences)
    new = statement.excluded
    changed = {column.name: new[column.name] for column in held_licences.c if column.name != "licence_id"}
    older = held_licences.c.revision < new.revision
    work.connection.execute(
        statement.on_conflict_do_update(index_elements=["licence_id"], set_=changed, where=older), rows
    )


def held_by(work: UnitOfWork, person_id: str, published: Published) -> Held:
    """The applicant's own licences that are valid today, for each kind of material of a bundle that one gives.

    Of several of a kind the one that is good for longest.
    """
    kinds = {each.licence.licence_id for each in published.bundle.materials if each.HasField("licence")}
    if not person_id or not kinds:
        return NOTHING
    own = held_licences.c.holder_person_id == person_id, held_licences.c.kind.in_(sorted(kinds))
    rows = work.connection.execute(select(held_licences).where(*own, held_licences.c.valid)).all()
    good = [row for row in rows if _good_on(row, work.now)]
    best = {row.kind: row for row in sorted(good, key=_lasting)}
    given = [each for each in published.bundle.materials if each.HasField("licence")]
    return {
        each.kind: {**NO_CONTENT, "kind": each.kind, "name": each.name, "licence": _told(row)}
        for each in given
        if (row := best.get(each.licence.licence_id)) is not None
    }


def _row(standing: events_pb2.Standing) -> dict[str, Any]:
    until = standing.valid_until
    return {
        "licence_id": standing.licence_id,
        "holder_person_id": standing.holder_person_id,
        "kind": standing.kind,
        "identifier": standing.identifier,
        "issuer_name": standing.issuer_name,
        "valid_from": date.fromisoformat(standing.valid_from),
        "valid_until": date.fromisoformat(until) if until else None,
        "valid": standing.status == licence_pb2.LICENCE_STATUS_VALID,
        "revision": standing.revision,
    }


def _good_on(row: Row[Any], now: datetime) -> bool:
    today = day_of(now)
    first: date = row.valid_from
    last: date | None = row.valid_until
    return first <= today and (last is None or today <= last)


def _lasting(row: Row[Any]) -> tuple[date, date, str]:
    return row.valid_until or date.max, row.valid_from, row.licence_id


def _told(row: Row[Any]) -> dict[str, str]:
    return {
        "licence_id": row.licence_id,
        "identifier": row.identifier,
        "kind": row.kind,
        "issuer_name": row.issuer_name,
        "valid_from": row.valid_from.isoformat(),
        "valid_until": row.valid_until.isoformat() if row.valid_until else "",
    }
