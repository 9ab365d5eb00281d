"""What the catalogue keeps: versions with what they say, read and written many at once."""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, select, tuple_, update

from chassis.clock import new_id
from chassis.database import insert
from services.matters.catalogue.domain.contents import digest, parted
from services.matters.catalogue.domain.elements import Content, catalog_code_of, entry_region, uscc_of
from services.matters.catalogue.domain.versions import State, Version
from services.matters.store import catalogue

entries, versions, substances = catalogue.entries, catalogue.versions, catalogue.substances
acts, imports = catalogue.acts, catalogue.imports
AT_ONCE = 500
"""Codes named in one statement."""
_SEARCHED = ("name", "organ_name", "department", "theme", "local_catalog_code", "local_task_code")


@dataclass(frozen=True, slots=True)
class Kept:
    """A version with what it says."""

    version: Version
    content: Content
    digest: str


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody did with a version."""

    code: str
    version: int
    act: str
    who: str
    reason: str
    request_id: str


def lock(connection: Connection, codes: Iterable[str], *, add: bool = False) -> None:
    """Wait for other changes of the entries, always in the order of codes; `add` makes those that are missing."""
    for some in batches(sorted(codes)):
        if add:
            missing = [{"code": code, "newest": 0} for code in some]
            connection.execute(insert(connection, entries).on_conflict_do_nothing(), missing)
        query = select(entries.c.code).where(entries.c.code.in_(some)).order_by(entries.c.code).with_for_update()
        connection.execute(query).all()


def newest(connection: Connection, codes: Iterable[str]) -> dict[str, Kept]:
    """The newest version of each entry that there is."""
    found = {}
    for some in batches(codes):
        query = _kept_query().join(
            entries, (entries.c.code == versions.c.code) & (entries.c.newest == versions.c.version)
        )
        for row in connection.execute(query.where(versions.c.code.in_(some))):
            found[row.code] = kept_of(row)
    return found


def find(connection: Connection, code: str, number: int) -> Kept | None:
    """A version with what it says."""
    query = _kept_query().where(versions.c.code == code, versions.c.version == number)
    row = connection.execute(query).one_or_none()
    return kept_of(row) if row else None


def versions_of(connection: Connection, codes: Iterable[str]) -> dict[str, list[Version]]:
    """All versions of entries, oldest first, without what they say."""
    found: dict[str, list[Version]] = {}
    for some in batches(codes):
        query = select(*_VERSION_COLUMNS).where(versions.c.code.in_(some)).order_by(versions.c.code, versions.c.version)
        for row in connection.execute(query):
            found.setdefault(row.code, []).append(version_of(row))
    return found


def add_or_replace(connection: Connection, kept: Sequence[Kept], now: datetime) -> None:
    """Write drafts, and make each the newest version of its entry."""
    if not kept:
        return
    rows, shared = [], {}
    for each in kept:
        placement, substance = parted(each.version.code, each.content)
        key = digest(substance)
        shared[key] = substance
        rows.append(_row(each, placement, key, now))
    connection.execute(
        insert(connection, substances).on_conflict_do_nothing(),
        [{"digest": key, "content": content} for key, content in sorted(shared.items())],
    )
    statement = insert(connection, versions)
    new = {name: getattr(statement.excluded, name) for name in rows[0] if name not in ("code", "version")}
    connection.execute(
        statement.on_conflict_do_update(index_elements=[versions.c.code, versions.c.version], set_=new), rows
    )
    # Not an update: whoever discarded the only version while this waited for the lock has deleted the row.
    newer = insert(connection, entries)
    newer = newer.on_conflict_do_update(index_elements=[entries.c.code], set_={"newest": newer.excluded.newest})
    connection.execute(newer, [{"code": each.version.code, "newest": each.version.number} for each in kept])


def replace(connection: Connection, changed: Sequence[Version], now: datetime) -> None:
    """Write what became of versions; what they say stays."""
    if not changed:
        return
    names = ("state", "hands", "begins_on", "last_on")
    statement = update(versions).where(versions.c.code == bindparam("of"), versions.c.version == bindparam("number"))
    statement = statement.values({name: bindparam(f"new_{name}") for name in names} | {"changed_at": now})
    rows = [
        {"of": each.code, "number": each.number}
        | {f"new_{name}": value for name, value in _columns(each).items() if name in names}
        for each in changed
    ]
    connection.execute(statement, rows)


def drop_empty(connection: Connection) -> None:
    """Delete the entries that were made to be locked, and got no version."""
    connection.execute(delete(entries).where(entries.c.newest == 0))


def remove(connection: Connection, removed: Sequence[Version]) -> None:
    """Delete versions, each the newest of its entry; an entry without any goes too."""
    keys = [(each.code, each.number) for each in removed]
    connection.execute(delete(versions).where(tuple_(versions.c.code, versions.c.version).in_(keys)))
    for each in removed:
        if each.number > 1:
            connection.execute(update(entries).where(entries.c.code == each.code).values(newest=each.number - 1))
        else:
            connection.execute(delete(entries).where(entries.c.code == each.code))


def sweep(connection: Connection, codes: Iterable[str], before: Mapping[str, str]) -> None:
    """Forget what no version says any more, of the substances that entries had before."""
    digests = {before[code] for code in codes if code in before}
    for some in batches(sorted(digests)):
        used = select(versions.c.substance).where(versions.c.substance == substances.c.digest).exists()
        connection.execute(delete(substances).where(substances.c.digest.in_(some), ~used))


def substances_of(connection: Connection, codes: Iterable[str]) -> dict[str, str]:
    """The digest of the substance of each entry's newest version."""
    found: dict[str, str] = {}
    for some in batches(codes):
        query = select(versions.c.code, versions.c.substance).join(
            entries, (entries.c.code == versions.c.code) & (entries.c.newest == versions.c.version)
        )
        found |= {row.code: row.substance for row in connection.execute(query.where(versions.c.code.in_(some)))}
    return found


def record(connection: Connection, done: Sequence[Act], now: datetime) -> None:
    """Write who did what."""
    if done:
        rows = [{each.name: getattr(act, each.name) for each in fields(act)} for act in done]
        connection.execute(acts.insert(), [{"act_id": new_id(), "at": now, **row} for row in rows])


def done_before(connection: Connection, act: Act, codes: Iterable[str]) -> dict[str, int]:
    """The entries with which the request that `act` is of has done the same already, and the versions."""
    found: dict[str, int] = {}
    for some in batches(codes):
        query = select(acts.c.code, acts.c.version).where(
            acts.c.who == act.who, acts.c.request_id == act.request_id, acts.c.act == act.act, acts.c.code.in_(some)
        )
        found |= {row.code: row.version for row in connection.execute(query)}
    return found


def batches(codes: Iterable[str], size: int = AT_ONCE) -> Iterator[list[str]]:
    """Codes in lists that fit into a statement."""
    rest = iter(codes)
    while some := list(islice(rest, size)):
        yield some


_VERSION_COLUMNS = (
    versions.c.code,
    versions.c.version,
    versions.c.state,
    versions.c.hands,
    versions.c.effective_on,
    versions.c.ends_on,
    versions.c.begins_on,
    versions.c.last_on,
)


def _kept_query() -> Select[Any]:
    columns = (*_VERSION_COLUMNS, versions.c.digest, versions.c.placement, substances.c.content)
    return select(*columns).join(substances, substances.c.digest == versions.c.substance)


def kept_of(row: Any) -> Kept:
    """A version from a row that has its placement and its substance."""
    return Kept(version_of(row), {**row.content, **row.placement}, row.digest)


def version_of(row: Any) -> Version:
    """A version from a row."""
    return Version(
        row.code,
        row.version,
        State(row.state),
        tuple(row.hands),
        row.effective_on,
        row.ends_on,
        row.begins_on,
        row.last_on,
    )


def _columns(version: Version) -> dict[str, Any]:
    return {
        "state": version.state.value,
        "hands": list(version.hands),
        "effective_on": version.effective_on,
        "ends_on": version.ends_on,
        "begins_on": version.begins_on,
        "last_on": version.last_on,
    }


def _row(kept: Kept, placement: Content, substance: str, now: datetime) -> dict[str, Any]:
    version, content = kept.version, kept.content
    return {
        "code": version.code,
        "version": version.number,
        "catalog_code": catalog_code_of(version.code),
        "uscc": uscc_of(version.code),
        "region": entry_region(version.code, content),
        "name": content.get("name", ""),
        "searched": searchable(" ".join(str(content.get(key, "")) for key in _SEARCHED)),
        "digest": kept.digest,
        "substance": substance,
        "placement": placement,
        "changed_at": now,
        **_columns(version),
    }


def searchable(text: str) -> str:
    """Text as it is searched: in one form of its characters, in small letters."""
    return unicodedata.normalize("NFKC", text).casefold()
