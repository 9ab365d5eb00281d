"""Queries on materials: contents, the blobs that hold them, and uploads."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, select, update

from chassis.database import insert
from services.cases.store import materials

blobs, uploads = materials.blobs, materials.uploads
contents, case_contents = materials.contents, materials.case_contents


def give_to_case(connection: Connection, case_id: str, by_hash: Mapping[str, bytes | None]) -> list[str]:
    """Tie contents to a case, for ever; those that come with their bytes are stored if nothing holds them yet.

    Returns the hashes that came without bytes and are held by nothing.
    """
    digests = sorted(by_hash)  # in one order always, so that two transactions cannot wait for each other
    if not digests:
        return []
    query = select(blobs.c.sha256).where(blobs.c.sha256.in_(digests), blobs.c.stored).order_by(blobs.c.sha256)
    held = set(connection.scalars(query.with_for_update()))
    connection.execute(update(blobs).where(blobs.c.sha256.in_(held)).values(kept_until=None))
    rows = [{"sha256": each, "content": by_hash[each]} for each in digests if by_hash[each] and each not in held]
    if rows:
        connection.execute(insert(connection, contents).on_conflict_do_nothing(), rows)
    ties = [{"case_id": case_id, "sha256": each} for each in digests]
    connection.execute(insert(connection, case_contents).on_conflict_do_nothing(), ties)
    return [each for each in digests if by_hash[each] is None and each not in held]


def belongs_to_case(connection: Connection, case_id: str, digest: str) -> bool:
    """Whether a content belongs to a case."""
    query = select(case_contents.c.sha256).where(case_contents.c.case_id == case_id, case_contents.c.sha256 == digest)
    return connection.execute(query).first() is not None


def waiting_content(connection: Connection, digest: str) -> bytes | None:
    """A content that has not been moved to the blob store."""
    content = connection.scalar(select(contents.c.content).where(contents.c.sha256 == digest))
    return None if content is None else bytes(content)


def hold_blob(connection: Connection, digest: str, size: int, until: datetime | None) -> bool:
    """Have a blob kept at least until then, with None for ever, and say whether it is stored already.

    What is not stored may be written once this is committed.
    """
    # Unlike no update at all it waits for whoever deletes the row just now, and then inserts it anew.
    statement = insert(connection, blobs).values(sha256=digest, size=size, stored=False, kept_until=until)
    same = statement.on_conflict_do_update(index_elements=[blobs.c.sha256], set_={"size": blobs.c.size})
    row = connection.execute(same.returning(blobs.c.stored, blobs.c.kept_until)).one()
    if row.kept_until is not None and (until is None or row.kept_until < until):
        connection.execute(update(blobs).where(blobs.c.sha256 == digest).values(kept_until=until))
    stored: bool = row.stored
    return stored


def blob_stored(connection: Connection, digest: str) -> None:
    """Note that a blob is there, whole."""
    connection.execute(update(blobs).where(blobs.c.sha256 == digest).values(stored=True))


def find_upload(connection: Connection, owner_id: str, upload_id: str, *, lock: bool = False) -> Row[Any] | None:
    """An upload of a person."""
    query = select(uploads).where(uploads.c.owner_id == owner_id, uploads.c.upload_id == upload_id)
    return connection.execute(query.with_for_update() if lock else query).one_or_none()


def add_upload(connection: Connection, row: Mapping[str, Any]) -> None:
    """Insert an upload, unless its owner has one of this id."""
    connection.execute(insert(connection, uploads).on_conflict_do_nothing(), row)


def finish_upload(connection: Connection, key: str, expires_at: datetime) -> None:
    """Note that an upload is there, whole; it may be named until it expires."""
    connection.execute(update(uploads).where(uploads.c.key == key).values(finished=True, expires_at=expires_at))


def discard_upload(connection: Connection, key: str, now: datetime) -> None:
    """Have an upload expire, unless another stream has finished it."""
    unfinished = update(uploads).where(uploads.c.key == key, uploads.c.finished.is_(False))
    connection.execute(unfinished.values(expires_at=now))


def advance_upload(connection: Connection, key: str, start: int, received: int, now: datetime) -> bool:
    """Note that another part is stored; false when the upload is not at `start` any more, or has expired."""
    statement = update(uploads).where(
        uploads.c.key == key,
        uploads.c.received == start,
        uploads.c.finished.is_(False),
        uploads.c.expires_at > now,
    )
    return connection.execute(statement.values(received=received)).rowcount == 1


def unnamed_uploads(connection: Connection, owner_id: str) -> tuple[int, int]:
    """How many uploads of a person no case has named, and their bytes; those too whose files wait to be deleted."""
    query = select(func.count(), func.coalesce(func.sum(uploads.c.size), 0)).where(
        uploads.c.owner_id == owner_id, uploads.c.named.is_(False)
    )
    count, size = connection.execute(query).one()
    return int(count), int(size)


def finished_uploads(
    connection: Connection, owner_id: str, digests: Collection[str], now: datetime
) -> Sequence[Row[Any, Any, Any]]:
    """The uploads of a person that an application may name."""
    return connection.execute(
        select(uploads.c.sha256, uploads.c.media_type, uploads.c.size).where(
            *_finished(owner_id, digests), uploads.c.expires_at > now
        )
    ).all()


def _finished(owner_id: str, digests: Collection[str]) -> tuple[ColumnElement[bool], ...]:
    return uploads.c.owner_id == owner_id, uploads.c.sha256.in_(sorted(digests)), uploads.c.finished


def lock_blobs(connection: Connection, digests: Collection[str]) -> None:
    """Wait for whoever else says how long blobs are kept; before any upload is changed, and in one order always."""
    query = select(blobs.c.sha256).where(blobs.c.sha256.in_(digests)).order_by(blobs.c.sha256)
    connection.execute(query.with_for_update()).all()


def expire_uploads(connection: Connection, owner_id: str, digests: Collection[str], at: datetime) -> None:
    """Have finished uploads of a person expire at a time."""
    connection.execute(update(uploads).where(*_finished(owner_id, digests)).values(expires_at=at))


def last_expiries(connection: Connection, digests: Collection[str]) -> dict[str, datetime]:
    """When the last upload of each content expires, whosever it is."""
    query = select(uploads.c.sha256, func.max(uploads.c.expires_at).label("last"))
    query = query.where(uploads.c.sha256.in_(digests))
    return {row.sha256: row.last for row in connection.execute(query.group_by(uploads.c.sha256))}


def keep_blob(connection: Connection, digest: str, until: datetime) -> None:
    """Have a blob kept until then; one that a case has is kept for ever."""
    kept = update(blobs).where(blobs.c.sha256 == digest, blobs.c.kept_until.is_not(None))
    connection.execute(kept.values(kept_until=until))


def name_uploads(connection: Connection, owner_id: str, digests: Collection[str]) -> None:
    """Note that a case has named uploads: they do not count among their owner's any more."""
    statement = update(uploads).where(uploads.c.owner_id == owner_id, uploads.c.sha256.in_(sorted(digests)))
    connection.execute(statement.values(named=True))


def expired_uploads(connection: Connection, since: datetime, limit: int) -> list[str]:
    """The keys of uploads that expired before."""
    return list(connection.scalars(select(uploads.c.key).where(uploads.c.expires_at <= since).limit(limit)))


def drop_uploads(connection: Connection, keys: Collection[str]) -> None:
    """Forget uploads."""
    connection.execute(delete(uploads).where(uploads.c.key.in_(keys)))


def next_content(connection: Connection) -> tuple[str, bytes] | None:
    """A content that waits to be moved to the blob store."""
    row = connection.execute(select(contents).limit(1)).first()
    return None if row is None else (row.sha256, bytes(row.content))


def content_moved(connection: Connection, digest: str) -> None:
    """Note that a content is in the blob store, and no longer here."""
    blob_stored(connection, digest)
    connection.execute(delete(contents).where(contents.c.sha256 == digest))


def give_up_blobs(connection: Connection, now: datetime, limit: int) -> None:
    """Have nobody rely on blobs that nobody needs."""
    due = select(blobs.c.sha256).where(blobs.c.stored, blobs.c.kept_until <= now).limit(limit)
    digests = list(connection.scalars(due.with_for_update(skip_locked=True)))
    connection.execute(update(blobs).where(blobs.c.sha256.in_(digests)).values(stored=False))


def given_up_blobs(connection: Connection, now: datetime, limit: int) -> list[str]:
    """The blobs that are to be deleted: given up, or never written to their end."""
    due = select(blobs.c.sha256).where(blobs.c.stored.is_(False), blobs.c.kept_until <= now)
    return list(connection.scalars(due.limit(limit)))


def lock_given_up(connection: Connection, digest: str, now: datetime) -> bool:
    """Lock a blob's row, if it is still to be deleted."""
    query = select(blobs.c.sha256).where(blobs.c.sha256 == digest, blobs.c.stored.is_(False), blobs.c.kept_until <= now)
    return connection.execute(query.with_for_update(skip_locked=True)).first() is not None


def drop_blob(connection: Connection, digest: str) -> None:
    """Forget a blob."""
    connection.execute(delete(blobs).where(blobs.c.sha256 == digest))
