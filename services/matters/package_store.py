"""Queries on installed packages and trusted publishers."""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, Row, select, true, tuple_, update

from chassis.database import insert
from services.matters.domain.packages import Installation, Publisher, Signer
from services.matters.store import packages

_SIGNERS = TypeAdapter(tuple[Signer, ...])
_archives, _installations, _publishers = packages


def keep_archive(connection: Connection, archive_digest: str, content: bytes, now: datetime) -> None:
    """Keep a package's file, once."""
    row = {"archive_digest": archive_digest, "content": content, "kept_at": now}
    connection.execute(insert(connection, _archives).on_conflict_do_nothing(), row)


def archive(connection: Connection, archive_digest: str) -> bytes:
    """A package's file, which is there."""
    return bytes(
        connection.scalars(select(_archives.c.content).where(_archives.c.archive_digest == archive_digest)).one()
    )


def add_installation(connection: Connection, made: Installation) -> None:
    """Keep an installation, as the newest of its bundle."""
    of_bundle = _installations.c.scenario_id == made.bundle_id
    connection.execute(update(_installations).where(of_bundle).values(current=False))
    row = {
        **{key: value for key, value in asdict(made).items() if key != "bundle_id"},
        "scenario_id": made.bundle_id,
        "signers": _SIGNERS.dump_python(made.signers, mode="json"),
        "overlay": None if made.overlay is None else dict(made.overlay),
        "current": True,
    }
    connection.execute(insert(connection, _installations), row)


def find_installation(connection: Connection, bundle_id: str, bundle_version: int) -> Installation | None:
    """The newest installation of a version of a bundle; of the newest one for 0."""
    query = select(_installations).where(_installations.c.scenario_id == bundle_id)
    if bundle_version:
        query = query.where(_installations.c.bundle_version == bundle_version)
    else:
        query = query.where(_installations.c.current == true())
    row = connection.execute(query.order_by(_installations.c.number.desc()).limit(1)).one_or_none()
    return _installation(row) if row else None


def current_installations(connection: Connection, after: str, limit: int) -> list[Installation]:
    """The newest installation of each bundle, by id, after the given one."""
    query = select(_installations).where(_installations.c.current == true(), _installations.c.scenario_id > after)
    return [_installation(row) for row in connection.execute(query.order_by(_installations.c.scenario_id).limit(limit))]


def installations_of(connection: Connection, bundle_id: str, before: int | None, limit: int) -> list[Installation]:
    """All installations of a bundle, the newest first, before the one with the given number."""
    query = select(_installations).where(_installations.c.scenario_id == bundle_id)
    if before is not None:
        query = query.where(_installations.c.number < before)
    return [
        _installation(row) for row in connection.execute(query.order_by(_installations.c.number.desc()).limit(limit))
    ]


def add_publisher(connection: Connection, publisher: Publisher) -> None:
    """Trust a publisher, unless the key is trusted already."""
    connection.execute(insert(connection, _publishers).on_conflict_do_nothing(), asdict(publisher))


def trusted(connection: Connection, key_ids: Collection[str]) -> dict[str, Publisher]:
    """Those of the keys that are trusted, by their id."""
    query = select(_publishers).where(_publishers.c.key_id.in_(key_ids), _publishers.c.distrusted_at.is_(None))
    return {row.key_id: _publisher(row) for row in connection.execute(query)}


def distrust(connection: Connection, key_id: str, now: datetime, by: str, reason: str) -> None:
    """End the trust in a key."""
    active = update(_publishers).where(_publishers.c.key_id == key_id, _publishers.c.distrusted_at.is_(None))
    connection.execute(active.values(distrusted_at=now, distrusted_by=by, distrust_reason=reason))


def newest_publisher(connection: Connection, key_id: str) -> Publisher | None:
    """The last record of a key, trusted or not."""
    query = select(_publishers).where(_publishers.c.key_id == key_id)
    row = connection.execute(query.order_by(_publishers.c.trusted_at.desc(), _publishers.c.trust_id.desc()).limit(1))
    found = row.one_or_none()
    return _publisher(found) if found else None


def list_publishers(
    connection: Connection, after: Sequence[Any] | None, limit: int, *, everybody: bool
) -> list[Publisher]:
    """Publishers by name, after the given name and record; those who are not trusted any more only if wanted."""
    key = (_publishers.c.name, _publishers.c.trust_id)
    query = select(_publishers).order_by(*key).limit(limit)
    if not everybody:
        query = query.where(_publishers.c.distrusted_at.is_(None))
    if after:
        query = query.where(tuple_(*key) > tuple_(*map(str, after)))
    return [_publisher(row) for row in connection.execute(query)]


def _installation(row: Row[Any]) -> Installation:
    kept = row._mapping  # noqa: SLF001 - SQLAlchemy's name for a row as a mapping
    parts = {str(key): value for key, value in kept.items() if key not in {"scenario_id", "current"}}
    return Installation(bundle_id=row.scenario_id, **{**parts, "signers": _SIGNERS.validate_python(row.signers)})


def _publisher(row: Row[Any]) -> Publisher:
    return Publisher(**row._mapping)  # noqa: SLF001 - SQLAlchemy's name for a row as a mapping
