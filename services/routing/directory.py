"""Queries on routing's copies of the regions and the organs."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, exists, select

from chassis.database import insert
from services.routing.domain import Organ, Region
from services.routing.store import organs, regions


def save_regions(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Keeps the regions, each at most once in `rows`, except where a version as new is already here."""
    statement = insert(connection, regions)
    new = statement.excluded
    statement = statement.on_conflict_do_update(
        index_elements=[regions.c.code],
        set_={"name": new.name, "parent_code": new.parent_code, "version": new.version},
        where=regions.c.version < new.version,
    )
    connection.execute(statement, list(rows))


def save_organs(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Keeps the organs, each at most once in `rows`, except where a version as new is already here."""
    statement = insert(connection, organs)
    new = statement.excluded
    statement = statement.on_conflict_do_update(
        index_elements=[organs.c.organ_id],
        set_={
            "name": new.name,
            "region_code": new.region_code,
            "level": new.level,
            "parent_organ_id": new.parent_organ_id,
            "uscc": new.uscc,
            "version": new.version,
        },
        where=organs.c.version < new.version,
    )
    connection.execute(statement, list(rows))


def organs_by_uscc(connection: Connection, codes: Iterable[str]) -> dict[str, Organ]:
    """The organs that have these unified social credit codes, by code."""
    found = select(organs).where(organs.c.uscc.in_(set(codes)), organs.c.uscc != "")
    return {row.uscc: Organ(row.organ_id, row.name, row.parent_organ_id) for row in connection.execute(found)}


def organ_known(connection: Connection, organ_id: str) -> bool:
    """Whether the organ has arrived."""
    return connection.scalar(select(exists().where(organs.c.organ_id == organ_id))) is True


def region_known(connection: Connection, code: str) -> bool:
    """Whether the region has arrived."""
    return connection.scalar(select(exists().where(regions.c.code == code))) is True


def regions_above(connection: Connection, codes: Iterable[str]) -> dict[str, Region]:
    """The regions and all those above them, by code. UNION, not UNION ALL: a circle in the data ends the search."""
    above = select(regions).where(regions.c.code.in_(set(codes))).cte("above", recursive=True)
    above = above.union(select(regions).join(above, regions.c.code == above.c.parent_code))
    return {row.code: Region(row.code, row.name, row.parent_code) for row in connection.execute(select(above))}


def organs_above(connection: Connection, organ_ids: Iterable[str]) -> dict[str, Organ]:
    """The organs and all those above them, by id. UNION, not UNION ALL: a circle in the data ends the search."""
    columns = (organs.c.organ_id, organs.c.name, organs.c.parent_organ_id)
    above = select(*columns).where(organs.c.organ_id.in_(set(organ_ids))).cte("above", recursive=True)
    above = above.union(select(*columns).join(above, organs.c.organ_id == above.c.parent_organ_id))
    return {
        row.organ_id: Organ(row.organ_id, row.name, row.parent_organ_id) for row in connection.execute(select(above))
    }
