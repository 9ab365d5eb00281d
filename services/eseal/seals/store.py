"""What the register keeps: seals, what was done to them, and what was done with them."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, case, func, insert, select, update

from services.eseal.domain.records import Picture
from services.eseal.domain.seal import IN_USE, ON_THE_WAY, Act, Entry, Kind, Seal, State, Suite
from services.eseal.tables import seal_acts, seal_uses, seals

_SEAL = [seals.c[name] for name in Seal.__dataclass_fields__]


@dataclass(frozen=True, slots=True)
class Use:
    """A use of a seal, or an attempt that was refused."""

    use_id: str
    seal_id: str
    organ_id: str
    for_organ_id: str
    catalog_code: str
    case_id: str
    step_id: str
    title: str
    actor: str
    at: datetime
    refusal: str = ""
    document_id: str = ""
    official: str = ""


@dataclass(frozen=True, slots=True)
class UseFilter:
    """Which uses are asked for; what is empty asks for all."""

    seal_id: str = ""
    organ_id: str = ""
    since: datetime | None = None
    until: datetime | None = None
    refused_only: bool = False

    def conditions(self) -> Iterable[Any]:
        """The filter in SQL."""
        if self.seal_id:
            yield seal_uses.c.seal_id == self.seal_id
        if self.organ_id:
            yield seal_uses.c.organ_id == self.organ_id
        if self.since:
            yield seal_uses.c.at >= self.since
        if self.until:
            yield seal_uses.c.at < self.until
        if self.refused_only:
            yield seal_uses.c.refusal != ""


def add_seal(connection: Connection, seal: Seal, picture: Picture) -> None:
    """Keeps a new seal."""
    row = {**_row(seal), "picture": picture.png, "width_mm": picture.width_mm, "height_mm": picture.height_mm}
    connection.execute(insert(seals), row)


def save_seal(connection: Connection, seal: Seal) -> None:
    """Keeps what became of a seal."""
    connection.execute(update(seals).where(seals.c.seal_id == seal.seal_id).values(_row(seal)))


def take_seal(connection: Connection, seal_id: str) -> Seal | None:
    """A seal, for this transaction alone: whoever else wants to change it waits."""
    row = connection.execute(select(*_SEAL).where(seals.c.seal_id == seal_id).with_for_update()).one_or_none()
    return _seal(row) if row else None


def seal_by_id(connection: Connection, seal_id: str) -> Seal | None:
    """A seal, whatever became of it."""
    row = connection.execute(select(*_SEAL).where(seals.c.seal_id == seal_id)).one_or_none()
    return _seal(row) if row else None


def seal_in_use(connection: Connection, slot: str) -> str | None:
    """The id of the seal that is in use in a slot."""
    return connection.scalar(select(seals.c.seal_id).where(seals.c.slot_in_use == slot))


def seal_on_the_way(connection: Connection, slot: str) -> str | None:
    """The id of the seal that is applied for, or being made, in a slot."""
    return connection.scalar(select(seals.c.seal_id).where(seals.c.slot_on_the_way == slot))


def seals_in_use(connection: Connection, organ_id: str) -> Sequence[Seal]:
    """The seals of an organ that are in use, suspended ones too."""
    query = select(*_SEAL).where(seals.c.organ_id == organ_id, seals.c.slot_in_use.is_not(None))
    return [_seal(row) for row in connection.execute(query)]


def outside_chains(connection: Connection, suite: Suite) -> Sequence[str]:
    """What lies between the seals of a suite and roots outside the platform, PEM, each once."""
    query = select(seals.c.chain_pem).distinct().where(seals.c.suite == suite.value, seals.c.outside)
    return list(connection.scalars(query.where(seals.c.chain_pem != "").order_by(seals.c.chain_pem)))


def picture_of(connection: Connection, seal_id: str) -> Picture:
    """What a seal looks like."""
    query = select(seals.c.picture, seals.c.width_mm, seals.c.height_mm).where(seals.c.seal_id == seal_id)
    return Picture(*connection.execute(query).one())


def list_seals(
    connection: Connection, after: str, limit: int, *, organ_id: str = "", state: State | None = None
) -> Sequence[Seal]:
    """Seals by id, from the one after `after`."""
    query = select(*_SEAL).where(seals.c.seal_id > after).order_by(seals.c.seal_id).limit(limit)
    if organ_id:
        query = query.where(seals.c.organ_id == organ_id)
    if state:
        query = query.where(seals.c.state == state.value)
    return [_seal(row) for row in connection.execute(query)]


def add_entry(connection: Connection, seal_id: str, act: Act, actor: str, at: datetime, reason: str) -> None:
    """Goes on with the history of a seal, which this transaction holds."""
    newest = connection.scalar(select(func.max(seal_acts.c.number)).where(seal_acts.c.seal_id == seal_id))
    entry = Entry(seal_id, (newest or 0) + 1, act, actor, at, reason)
    connection.execute(insert(seal_acts), asdict(entry))


def history_of(connection: Connection, seal_id: str) -> Sequence[Entry]:
    """What was done to a seal, the first first."""
    query = select(seal_acts).where(seal_acts.c.seal_id == seal_id).order_by(seal_acts.c.number)
    return [
        Entry(row.seal_id, row.number, Act(row.act), row.actor, row.at, row.reason) for row in connection.execute(query)
    ]


def add_use(connection: Connection, use: Use) -> None:
    """Keeps a use."""
    connection.execute(insert(seal_uses), asdict(use))


def list_uses(connection: Connection, wanted: UseFilter, after: str, limit: int) -> Sequence[Use]:
    """Uses by id, which is by time, from the one after `after`."""
    columns = [seal_uses.c[name] for name in Use.__dataclass_fields__]
    query = select(*columns).where(seal_uses.c.use_id > after, *wanted.conditions())
    return [Use(*row) for row in connection.execute(query.order_by(seal_uses.c.use_id).limit(limit))]


def count_uses(connection: Connection, wanted: UseFilter) -> tuple[int, int]:
    """How often a seal was used, and how often it was refused."""
    refused = func.sum(case((seal_uses.c.refusal != "", 1), else_=0))
    row = connection.execute(select(func.count(), refused).where(*wanted.conditions())).one()
    all_uses, refusals = int(row[0]), int(row[1] or 0)
    return all_uses - refusals, refusals


def _row(seal: Seal) -> dict[str, Any]:
    row = asdict(seal)
    row |= {"matters": list(seal.matters), "served_organs": list(seal.served_organs)}
    row |= {"kind": seal.kind.value, "suite": seal.suite.value, "state": seal.state.value}
    row |= {
        "slot_in_use": seal.slot if seal.state in IN_USE else None,
        "slot_on_the_way": seal.slot if seal.state in ON_THE_WAY else None,
    }
    return row


def _seal(row: Row[Any]) -> Seal:
    values = dict(row._mapping)  # noqa: SLF001 - the public name of it in SQLAlchemy
    return Seal(
        **{
            **values,
            "kind": Kind(values["kind"]),
            "suite": Suite(values["suite"]),
            "state": State(values["state"]),
            "matters": tuple(values["matters"]),
            "served_organs": tuple(values["served_organs"]),
        }
    )
