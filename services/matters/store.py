"""What matters keeps: scenarios with their bundles and matters in every version, and its own copy of the organs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    Row,
    Select,
    String,
    Table,
    select,
    true,
    tuple_,
    update,
)

from chassis.database import Document, Instant, insert, service_metadata
from services.matters.catalogue.tables import catalogue_tables
from services.matters.domain.bundle import (
    Bundle,
    CataloguedMatter,
    Lead,
    Matter,
    Organ,
    Scenario,
)
from services.matters.package_tables import package_tables

metadata = service_metadata()
catalogue = catalogue_tables(metadata)
packages = package_tables(metadata)
_SCENARIO = TypeAdapter(Scenario)
_MATTER = TypeAdapter(Matter)

organs = Table(
    "organs",
    metadata,
    Column("organ_id", String(64), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("uscc", String(18), nullable=False),
    Column("level", Integer, nullable=False),
    Column("version", BigInteger, nullable=False),
)

# One row a scenario: its newest version, and the lock that installations of the same scenario wait for.
scenarios = Table(
    "scenarios",
    metadata,
    Column("scenario_id", String(60), primary_key=True),
    Column("version", BigInteger, nullable=False),
)

bundles = Table(
    "bundles",
    metadata,
    Column("scenario_id", String(60), primary_key=True),
    Column("version", BigInteger, primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("lead_organ_id", String(64), nullable=False),
    Column("lead_uscc", String(18), nullable=False),
    Column("lead_level", Integer, nullable=False),
    Column("lead_name", String(100), nullable=False, server_default=""),
    Column("scenario", Document, nullable=False),
    Column("published_at", Instant, nullable=False),
)

matters = Table(
    "matters",
    metadata,
    Column("catalog_code", String(12), primary_key=True),
    Column("scenario_id", String(60), primary_key=True),
    Column("version", BigInteger, primary_key=True),
    Column("digest", String(64), nullable=False),
    # The newest bundle of the scenario has the matter in this version.
    Column("current", Boolean, nullable=False),
    Column("matter", Document, nullable=False),
    Column("published_at", Instant, nullable=False),
)
Index(
    "current_matters",
    matters.c.catalog_code,
    matters.c.scenario_id,
    unique=True,
    postgresql_where=matters.c.current == true(),
    sqlite_where=matters.c.current == true(),
)


def save_organs(connection: Connection, kept: Iterable[Organ]) -> None:
    """Keep the organs, each at most once, except where a version as new is already here."""
    statement = insert(connection, organs)
    new = statement.excluded
    statement = statement.on_conflict_do_update(
        index_elements=[organs.c.organ_id],
        set_={"name": new.name, "uscc": new.uscc, "level": new.level, "version": new.version},
        where=organs.c.version < new.version,
    )
    connection.execute(statement, [asdict(organ) for organ in kept])


def find_organ(connection: Connection, organ_id: str) -> Organ | None:
    """The organ, when it has arrived."""
    row = connection.execute(select(organs).where(organs.c.organ_id == organ_id)).one_or_none()
    return Organ(row.organ_id, row.name, row.uscc, row.level, row.version) if row else None


def organ_named(connection: Connection, named: str) -> Organ | None:
    """The organ with this id or unified social credit code, when it has arrived."""
    query = select(organs).where((organs.c.organ_id == named) | (organs.c.uscc == named))
    row = connection.execute(query.order_by(organs.c.organ_id).limit(1)).one_or_none()
    return Organ(row.organ_id, row.name, row.uscc, row.level, row.version) if row else None


def lock_scenario(connection: Connection, scenario_id: str) -> int:
    """Wait for other installations of the scenario, and give its newest version; 0 when it has none."""
    connection.execute(
        insert(connection, scenarios).on_conflict_do_nothing(), {"scenario_id": scenario_id, "version": 0}
    )
    locked = select(scenarios.c.version).where(scenarios.c.scenario_id == scenario_id).with_for_update()
    return int(connection.scalars(locked).one())


def add_bundle(connection: Connection, bundle: Bundle) -> None:
    """Write a new version of a bundle and make it the newest."""
    connection.execute(
        insert(connection, bundles),
        {
            "scenario_id": bundle.scenario.scenario_id,
            "version": bundle.version,
            "digest": bundle.digest,
            "lead_organ_id": bundle.lead.organ_id,
            "lead_uscc": bundle.lead.uscc,
            "lead_level": bundle.lead.level,
            "lead_name": bundle.lead.name,
            "scenario": asdict(bundle.scenario),
            "published_at": bundle.published_at,
        },
    )
    newest = update(scenarios).where(scenarios.c.scenario_id == bundle.scenario.scenario_id)
    connection.execute(newest.values(version=bundle.version))


def find_bundle(connection: Connection, scenario_id: str, version: int) -> Bundle | None:
    """A version of a bundle; the newest one for version 0."""
    query = select(bundles).where(bundles.c.scenario_id == scenario_id)
    query = query.where(bundles.c.version == version) if version else _newest(query)
    row = connection.execute(query).one_or_none()
    return _bundle(row) if row else None


def list_bundles(connection: Connection, after: Sequence[Any] | None, limit: int) -> list[Bundle]:
    """The newest version of each bundle, by id, after the given id."""
    query = _newest(select(bundles)).order_by(bundles.c.scenario_id).limit(limit)
    if after:
        query = query.where(bundles.c.scenario_id > str(after[0]))
    return [_bundle(row) for row in connection.execute(query)]


def matter_versions(connection: Connection, scenario_id: str) -> dict[str, tuple[int, str]]:
    """The newest version of each matter of a scenario and its digest, by catalogue code."""
    query = select(matters.c.catalog_code, matters.c.version, matters.c.digest)
    rows = connection.execute(query.where(matters.c.scenario_id == scenario_id).order_by(matters.c.version))
    return {row.catalog_code: (row.version, row.digest) for row in rows}


def make_current(connection: Connection, scenario_id: str, kept: Iterable[CataloguedMatter], now: datetime) -> None:
    """Make these the scenario's current matters; a version that is not here yet is written."""
    connection.execute(update(matters).where(matters.c.scenario_id == scenario_id).values(current=False))
    statement = insert(connection, matters)
    statement = statement.on_conflict_do_update(
        index_elements=[matters.c.catalog_code, matters.c.scenario_id, matters.c.version], set_={"current": True}
    )
    rows = [
        {
            "catalog_code": kept_matter.matter.catalog_code,
            "scenario_id": scenario_id,
            "version": kept_matter.version,
            "digest": kept_matter.digest,
            "current": True,
            "matter": asdict(kept_matter.matter),
            "published_at": now,
        }
        for kept_matter in kept
    ]
    connection.execute(statement, rows)


def list_matters(connection: Connection, after: Sequence[Any] | None, limit: int) -> list[CataloguedMatter]:
    """The matters that the newest bundles use, by catalogue code and scenario, after the given pair."""
    key = tuple_(matters.c.catalog_code, matters.c.scenario_id)
    query = select(matters).where(matters.c.current == true()).order_by(matters.c.catalog_code, matters.c.scenario_id)
    if after:
        query = query.where(key > tuple_(*map(str, after)))
    return [
        CataloguedMatter(_matter(row.matter), row.scenario_id, row.version, row.digest)
        for row in connection.execute(query.limit(limit))
    ]


def _newest(query: Select[Any]) -> Select[Any]:
    return query.join(
        scenarios,
        (scenarios.c.scenario_id == bundles.c.scenario_id) & (scenarios.c.version == bundles.c.version),
    )


def _bundle(row: Row[Any]) -> Bundle:
    return Bundle(
        scenario=_scenario(row.scenario),
        version=row.version,
        lead=Lead(row.lead_organ_id, row.lead_uscc, row.lead_level, row.lead_name),
        digest=row.digest,
        published_at=row.published_at,
    )


def _scenario(kept: Mapping[str, Any]) -> Scenario:
    # Applicants of bundles that were published before there were corrections have all the time.
    return _SCENARIO.validate_python({"corrections": {"limit": None}, **kept})


def _matter(kept: Mapping[str, Any]) -> Matter:
    return _MATTER.validate_python(kept)
