"""Queries on signing keys and on the client assertions that were used."""

from datetime import datetime

from sqlalchemy import Connection, RowMapping, bindparam, delete, or_, select, update

from chassis.database import insert
from services.identity.domain.keys import SigningKey
from services.identity.domain.tokens import Assertion
from services.identity.store import assertions, signing_keys

_CURRENT = "current"


def current_key(connection: Connection, *, lock: bool = False) -> SigningKey | None:
    """Return the key that signs now, or None before the first one is made; `lock` keeps others from replacing it."""
    query = select(signing_keys).where(signing_keys.c.slot == _CURRENT)
    row = connection.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    return _signing_key(row) if row else None


def add_current_key(connection: Connection, key: SigningKey, now: datetime) -> bool:
    """Write a key as the current one; return False, and write nothing, when there is a current one already."""
    statement = insert(connection, signing_keys).values(
        key_id=key.key_id, slot=_CURRENT, public_jwk=key.public_jwk, sealed=key.sealed, created_at=now
    )
    added = statement.on_conflict_do_nothing(index_elements=["slot"]).returning(signing_keys.c.key_id)
    return connection.scalar(added) is not None


def retire_key(connection: Connection, key_id: str, now: datetime) -> None:
    """Take a key out of use and forget its private part, which nobody needs any more."""
    retired = update(signing_keys).where(signing_keys.c.key_id == key_id)
    connection.execute(retired.values(slot=None, sealed=b"", retired_at=now))


def keys_to_check(connection: Connection, retired_after: datetime) -> list[SigningKey]:
    """Return the keys that check tokens: the current one, and those retired after a time; newest first."""
    query = (
        select(signing_keys)
        .where(or_(signing_keys.c.retired_at.is_(None), signing_keys.c.retired_at > retired_after))
        .order_by(signing_keys.c.created_at.desc(), signing_keys.c.key_id)
    )
    return [_signing_key(row) for row in connection.execute(query).mappings()]


def delete_keys(connection: Connection, retired_before: datetime) -> None:
    """Delete the keys that were retired up to a time."""
    connection.execute(delete(signing_keys).where(signing_keys.c.retired_at <= retired_before))


def remember_assertion(connection: Connection, assertion: Assertion) -> bool:
    """Note that an assertion was used; return False when it was used before."""
    statement = insert(connection, assertions).values(
        client_id=assertion.client_id, assertion_id=assertion.assertion_id, expires_at=assertion.expires_at
    )
    noted = statement.on_conflict_do_nothing().returning(assertions.c.assertion_id)
    return connection.scalar(noted) is not None


def forget_assertions(connection: Connection, expired_before: datetime, limit: int) -> int:
    """Delete up to `limit` assertions that expired up to a time, the oldest first; return how many there were."""
    oldest = (
        select(assertions.c.client_id.label("client"), assertions.c.assertion_id.label("assertion"))
        .where(assertions.c.expires_at <= expired_before)
        .order_by(assertions.c.expires_at)
        .limit(limit)
    )
    rows = [dict(row) for row in connection.execute(oldest).mappings()]
    if rows:
        same_client = assertions.c.client_id == bindparam("client")
        same_assertion = assertions.c.assertion_id == bindparam("assertion")
        connection.execute(delete(assertions).where(same_client, same_assertion), rows)
    return len(rows)


def _signing_key(row: RowMapping) -> SigningKey:
    return SigningKey(row["key_id"], row["public_jwk"], row["sealed"], row["retired_at"])
