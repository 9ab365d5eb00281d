"""Versions of entries by many things at once, in pages; what is in force on a day is decided here, as in the domain."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, false, func, or_, select, tuple_

from services.matters.catalogue.domain.versions import Phase, State
from services.matters.catalogue.store import entries, searchable, substances, versions

MOST_VARIANTS = 100


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for; all that is set must hold."""

    day: date
    """On which phases are decided."""
    phases: tuple[Phase, ...] = tuple(Phase)
    text: str = ""
    """Words, each of which the name, the organ, the theme or a local code has."""
    code: str = ""
    """A code or its beginning."""
    catalog_code: str = ""
    """The item that entries are of, itself and its implementations."""
    uscc: str = ""
    region: str = ""
    """A region or its beginning."""
    codes: tuple[str, ...] = ()
    implementations: bool | None = None
    """Implementations only, items only, or both."""


def search(
    connection: Connection,
    wanted: Wanted,
    after: tuple[str, int] | None,
    limit: int,
    *,
    whole: bool = False,
    newest: bool = False,
) -> Sequence[Row[Any]]:
    """Versions by code and number, after the given ones; `whole` with what they say of their substance.

    `newest` leaves out all but the newest version of each entry.
    """
    query = _filtered(select(versions), wanted)
    if newest:
        query = query.join(entries, (entries.c.code == versions.c.code) & (entries.c.newest == versions.c.version))
    if whole:
        query = query.add_columns(substances.c.content).join(substances, substances.c.digest == versions.c.substance)
    if after:
        query = query.where(tuple_(versions.c.code, versions.c.version) > tuple_(*after))
    return connection.execute(query.order_by(versions.c.code, versions.c.version).limit(limit)).all()


def variants(connection: Connection, catalog_code: str, day: date) -> Sequence[Row[Any]]:
    """How many implementations of an item in force have each substance, the commonest first, with one code of each."""
    columns = versions.c.substance, func.count().label("implementations"), func.min(versions.c.code).label("code")
    wanted = Wanted(day, (Phase.IN_FORCE,), catalog_code=catalog_code)
    query = _filtered(select(*columns).where(versions.c.uscc != ""), wanted).group_by(versions.c.substance)
    return connection.execute(query.order_by(func.count().desc(), func.min(versions.c.code)).limit(MOST_VARIANTS)).all()


def in_phase(phase: Phase, day: date) -> ColumnElement[bool]:
    """The condition for `phase_of`, which says the same of one version."""
    state, begins, last = versions.c.state, versions.c.begins_on, versions.c.last_on
    announced = state.in_([State.PUBLISHED.value, State.RETIRED.value])
    in_force = and_(announced, begins <= day, or_(last.is_(None), last >= day))
    planned = and_(announced, begins > day, or_(last.is_(None), last >= begins))
    match phase:
        case Phase.DRAFT | Phase.REVIEW:
            return state == phase.value
        case Phase.IN_FORCE:
            return in_force
        case Phase.PLANNED:
            return planned
        case Phase.ENDED:
            return and_(state == State.PUBLISHED.value, ~in_force, ~planned)
        case Phase.RETIRED:
            return and_(state == State.RETIRED.value, ~in_force, ~planned)


def _filtered(query: Select[Any], wanted: Wanted) -> Select[Any]:
    if set(wanted.phases) != set(Phase):
        query = query.where(or_(false(), *(in_phase(phase, wanted.day) for phase in wanted.phases)))
    for word in searchable(wanted.text).split():
        query = query.where(versions.c.searched.contains(word, autoescape=True))
    if wanted.code:
        query = query.where(versions.c.code.startswith(wanted.code, autoescape=True))
    if wanted.region:
        query = query.where(versions.c.region.startswith(wanted.region, autoescape=True))
    if wanted.catalog_code:
        query = query.where(versions.c.catalog_code == wanted.catalog_code)
    if wanted.uscc:
        query = query.where(versions.c.uscc == wanted.uscc)
    if wanted.implementations is not None:
        query = query.where(versions.c.uscc != "" if wanted.implementations else versions.c.uscc == "")
    if wanted.codes:
        query = query.where(versions.c.code.in_(wanted.codes))
    return query
