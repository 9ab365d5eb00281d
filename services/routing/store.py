"""What routing keeps: its own copies of regions and organs, what organs handle, and the decisions it made."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    String,
    Table,
    Text,
    and_,
    delete,
    exists,
    false,
    func,
    select,
    text,
    true,
    tuple_,
    update,
)

from chassis.database import Document, Instant, insert, service_metadata
from services.routing.domain import Decision, Office

metadata = service_metadata()

regions = Table(
    "regions",
    metadata,
    Column("code", String(6), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("parent_code", String(6), nullable=False),
    Column("version", BigInteger, nullable=False),
)

# No reference to `regions`: events come in any order, an organ may arrive before its region.
organs = Table(
    "organs",
    metadata,
    Column("organ_id", String(64), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("region_code", String(6), nullable=False),
    Column("level", Integer, nullable=False),
    Column("parent_organ_id", String(64), nullable=False, server_default=""),
    Column("uscc", String(18), nullable=False, server_default=""),
    Column("version", BigInteger, nullable=False),
    Index("organs_by_uscc", "uscc"),
)

capabilities = Table(
    "capabilities",
    metadata,
    Column("catalog_code", String(12), primary_key=True),
    Column("organ_id", String(64), primary_key=True),
    Index("capabilities_of_organ", "organ_id", "catalog_code"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("case_id", String(64), primary_key=True),
    Column("request_no", Integer, primary_key=True),
    Column("step_id", String(100), primary_key=True),
    Column("organ_id", String(64), nullable=False),
    Column("organ_name", String(100), nullable=False),
    Column("reason", Text, nullable=False),
    Column("superior_organ_ids", Document, nullable=False, server_default="[]"),
    Column("decided_at", Instant, nullable=False),
    # The case is still under way and the step was not routed anew: the office's load.
    Column("open", Boolean, nullable=False),
)
Index(
    "open_decisions_of_organ",
    decisions.c.organ_id,
    decisions.c.decided_at,
    postgresql_where=text("open"),
    sqlite_where=text("open = 1"),
)

# The end of a case may come before one of its requests, which is no load then. Taken by whoever decides or closes, so
# that of the two who do so at once the second sees what the first has done.
cases = Table(
    "cases",
    metadata,
    Column("case_id", String(64), primary_key=True),
    Column("ended_at", Instant),
)

# A joint case takes 45 + 15 working days at most: what is older was closed without our knowing.
_LOAD_WINDOW = timedelta(days=120)

# How many offices outside the path are looked at to explain why they were passed over.
_ELSEWHERE = 500


def add_capabilities(connection: Connection, organ_id: str, codes: Iterable[str]) -> None:
    """Adds what is not yet declared."""
    statement = insert(connection, capabilities).on_conflict_do_nothing()
    connection.execute(statement, [{"organ_id": organ_id, "catalog_code": code} for code in codes])


def remove_capabilities(connection: Connection, organ_id: str, codes: Sequence[str]) -> None:
    """Takes the codes away from the organ."""
    connection.execute(
        delete(capabilities).where(capabilities.c.organ_id == organ_id, capabilities.c.catalog_code.in_(codes))
    )


def declared(connection: Connection, organ_id: str, codes: Sequence[str]) -> set[str]:
    """Those of the codes that the organ declares."""
    found = select(capabilities.c.catalog_code).where(
        capabilities.c.organ_id == organ_id, capabilities.c.catalog_code.in_(codes)
    )
    return set(connection.scalars(found))


def list_capabilities(
    connection: Connection, organ_id: str, after: Sequence[str] | None, limit: int
) -> list[tuple[str, str]]:
    """(organ id, catalogue code) in that order, after the given pair; of one organ when `organ_id` is not empty."""
    key = (capabilities.c.organ_id, capabilities.c.catalog_code)
    query = select(*key).order_by(*key).limit(limit)
    if organ_id:
        query = query.where(capabilities.c.organ_id == organ_id)
    if after is not None:
        query = query.where(tuple_(*key) > tuple_(*after))
    return [(row.organ_id, row.catalog_code) for row in connection.execute(query)]


def _offices() -> Any:
    return select(
        capabilities.c.catalog_code, organs.c.organ_id, organs.c.name, organs.c.region_code, organs.c.level
    ).join(organs, organs.c.organ_id == capabilities.c.organ_id)


def offices_in(connection: Connection, codes: Iterable[str], region_codes: Iterable[str]) -> dict[str, list[Office]]:
    """The offices in the regions that declare the matters, by catalogue code."""
    query = _offices().where(capabilities.c.catalog_code.in_(set(codes)), organs.c.region_code.in_(set(region_codes)))
    return _by_code(connection.execute(query))


def offices_elsewhere(
    connection: Connection, codes: Iterable[str], region_codes: Iterable[str]
) -> dict[str, list[Office]]:
    """The first 500 offices outside the regions that declare the matters, by catalogue code."""
    query = (
        _offices()
        .where(capabilities.c.catalog_code.in_(set(codes)), organs.c.region_code.not_in(set(region_codes)))
        .order_by(organs.c.organ_id)
        .limit(_ELSEWHERE)
    )
    return _by_code(connection.execute(query))


def offices_among(connection: Connection, codes: Iterable[str], organ_ids: Iterable[str]) -> dict[str, list[Office]]:
    """Those of the organs that declare the matters, by catalogue code."""
    query = _offices().where(capabilities.c.catalog_code.in_(set(codes)), organs.c.organ_id.in_(set(organ_ids)))
    return _by_code(connection.execute(query))


def _by_code(rows: Iterable[Any]) -> dict[str, list[Office]]:
    found: dict[str, list[Office]] = {}
    for row in rows:
        office = Office(row.organ_id, row.name, row.region_code, row.level)
        found.setdefault(row.catalog_code, []).append(office)
    return found


def open_steps(connection: Connection, organ_ids: Iterable[str], now: datetime) -> dict[str, int]:
    """How many open steps each of the organs has; an organ without any is left out."""
    query = (
        select(decisions.c.organ_id, func.count().label("steps"))
        .where(
            decisions.c.open == true(),
            decisions.c.organ_id.in_(set(organ_ids)),
            decisions.c.decided_at > now - _LOAD_WINDOW,
        )
        .group_by(decisions.c.organ_id)
    )
    return {row.organ_id: row.steps for row in connection.execute(query)}


def take_cases(connection: Connection, case_ids: Iterable[str]) -> set[str]:
    """Takes cases for this transaction, always in the same order; gives those that have ended."""
    wanted = sorted(set(case_ids))
    connection.execute(insert(connection, cases).on_conflict_do_nothing(), [{"case_id": each} for each in wanted])
    query = select(cases).where(cases.c.case_id.in_(wanted)).order_by(cases.c.case_id).with_for_update()
    return {row.case_id for row in connection.execute(query) if row.ended_at is not None}


def decided(connection: Connection, case_ids: Iterable[str]) -> dict[tuple[str, int], list[Decision]]:
    """The decisions made for the cases, by case and request."""
    query = (
        select(decisions)
        .where(decisions.c.case_id.in_(set(case_ids)))
        .order_by(decisions.c.case_id, decisions.c.request_no)
    )
    found: dict[tuple[str, int], list[Decision]] = {}
    for row in connection.execute(query):
        decision = Decision(
            row.step_id, row.organ_id, row.organ_name, row.reason, superior_organ_ids=tuple(row.superior_organ_ids)
        )
        found.setdefault((row.case_id, row.request_no), []).append(decision)
    return found


def add_decisions(
    connection: Connection, made: Mapping[tuple[str, int], Sequence[Decision]], ended: Collection[str], now: datetime
) -> None:
    """Keeps new decisions, by case and request; those of cases that have ended are no load."""
    rows = [
        {
            "case_id": case_id,
            "request_no": request_no,
            "step_id": decision.step_id,
            "organ_id": decision.organ_id,
            "organ_name": decision.organ_name,
            "reason": decision.reason,
            "superior_organ_ids": list(decision.superior_organ_ids),
            "decided_at": now,
            "open": decision.organ_id != "" and case_id not in ended,
        }
        for (case_id, request_no), choices in made.items()
        for decision in choices
    ]
    if rows:
        connection.execute(decisions.insert(), rows)


def close_superseded(connection: Connection, case_ids: Iterable[str]) -> None:
    """Takes off the load what was routed anew by a later request."""
    newer = decisions.alias("newer")
    routed_anew = exists().where(
        and_(
            newer.c.case_id == decisions.c.case_id,
            newer.c.step_id == decisions.c.step_id,
            newer.c.request_no > decisions.c.request_no,
        )
    )
    connection.execute(
        update(decisions)
        .where(decisions.c.case_id.in_(set(case_ids)), decisions.c.open == true(), routed_anew)
        .values(open=false())
    )


def close_cases(connection: Connection, case_ids: Collection[str], now: datetime) -> None:
    """Notes the ends of cases that were taken, and takes their steps off the load of their offices."""
    ending = update(cases).where(cases.c.case_id.in_(case_ids), cases.c.ended_at.is_(None))
    connection.execute(ending.values(ended_at=now))
    connection.execute(
        update(decisions).where(decisions.c.case_id.in_(case_ids), decisions.c.open == true()).values(open=false())
    )
