"""Adds the entries of histories to the case log, in batches: the one that gives them their order.

Entries wait in the history itself, as rows without a leaf, so none can be forgotten and who writes a history has
nothing to do for the log. All that a batch changes is one transaction, and one process adds at a time: a crash leaves
the log as it was before the batch or as it is after it.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Self

import structlog
from prometheus_client import Counter
from sqlalchemy import Connection

from chassis.database import Database, UnitOfWork
from chassis.settings import Settings
from services.cases import log_store
from services.cases.domain import merkle
from services.cases.domain.log import EMPTY, NOTHING, Additions, Head, LoggedEntry, LogKey, add
from services.cases.log_store import ENTRIES, REGISTER

KEY_SECRET = "case-log.key"  # noqa: S105 - the name of the file, not its content
MERGE_DELAY = timedelta(seconds=5)
"""So long entries gather at least between two batches; one that waits alone is added at once."""
BATCH = 1000
_START = ("", 0)

added = Counter("duokua_case_log_entries", "Entries of histories that were added to the case log.")
misfits = Counter("duokua_case_log_misfits", "Entries found that do not follow what the log has of their case.")

log = structlog.get_logger(__name__)


class DamagedError(Exception):
    """The stored hashes do not give the roots of the last head: somebody changed them, or it."""

    def __init__(self, tree: str, place: merkle.Place) -> None:
        tile = f"tile {place[1]} at level {place[0]} of the tree of {tree}"
        super().__init__(f"{tile} does not fit the last tree head: one was changed, and nothing is signed on top of it")


class Sequencer:
    """Adds what waits; `key` gives the key that signs heads, or raises FileNotFoundError."""

    def __init__(self, key: Callable[[], LogKey], *, batch: int = BATCH) -> None:
        self._read_key = key
        self._key: LogKey | None = None
        self._batch = batch
        self._after = _START
        """Where a round through what waits has come to."""
        self._next: datetime | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The sequencer of an installation; its key is the secret `case-log.key`, read when it is first needed."""
        return cls(lambda: LogKey.from_pem(settings.secret(KEY_SECRET)))

    def add_waiting(self, database: Database) -> datetime | None:
        """Add a batch of what waits, unless the last round was a moment ago; give the time at which to look again."""
        now = database.clock.now()
        if self._next is not None and now < self._next <= now + MERGE_DELAY:
            return self._next
        key = self._usable_key()
        if key is None:
            return None
        with database.begin() as work:
            if not log_store.try_lock(work.connection):
                return None  # who has the lock was woken too
            entries = log_store.waiting(work.connection, self._after, self._batch)
            additions = _add(work, key, entries) if entries else NOTHING
        _count(additions)
        if len(entries) == self._batch:
            self._after, self._next = (entries[-1].case_id, entries[-1].sequence), None
            return now
        self._after, self._next = _START, now + MERGE_DELAY
        return self._next if additions.leaves else None

    def _usable_key(self) -> LogKey | None:
        """The key; without it cases go on, and their entries wait."""
        if self._key is None:
            try:
                self._key = self._read_key()
            except FileNotFoundError as error:
                log.error("case_log_stands_still", error=str(error))  # noqa: TRY400 - the message says it all
        return self._key


def _add(work: UnitOfWork, key: LogKey, entries: Sequence[LoggedEntry]) -> Additions:
    connection = work.connection
    row = log_store.newest_head(connection)
    before = log_store.head_of(row) if row else EMPTY
    known = log_store.registered(connection, {each.case_id for each in entries})
    additions = add(before, known, entries)
    if additions.leaves:
        log_store.number_entries(connection, additions.indexes)
        log_store.register(connection, additions.registered.values())
        size = before.size + len(additions.leaves)
        cases = before.cases + len(additions.registered.keys() - known.keys())
        register = {each.place: each.leaf() for each in additions.registered.values()}
        root = _put(connection, ENTRIES, (before.size, size), before.root, additions.leaves)
        cases_root = _put(connection, REGISTER, (before.cases, cases), before.cases_root, register)
        head = Head(size, root, cases, cases_root, work.now)
        log_store.add_key(connection, key, head)
        log_store.add_head(connection, head, key.key_id, key.sign(head))
    return additions


def _count(additions: Additions) -> None:
    added.inc(len(additions.leaves))
    misfits.inc(len(additions.misfits))
    for each in additions.misfits:
        log.error("case_log_misfit", case_id=each.case_id, sequence=each.sequence)


def _put(connection: Connection, tree: str, grows: tuple[int, int], root: str, leaves: Mapping[int, bytes]) -> str:
    """Write leaves into a tree that grows from one number of leaves to another, and give its root after them.

    Raises DamagedError when the tiles do not give the root before them: what was changed must not be signed.
    """
    before, after = grows
    above = merkle.places_above(leaves, after)
    edges = [merkle.places_read(partial(merkle.root, size=size)) for size in grows]
    tiles = log_store.tiles(connection, tree, above.union(*edges))
    wrong = merkle.misfit(tiles, before, bytes.fromhex(root))
    if wrong is not None:
        raise DamagedError(tree, wrong)
    changed = merkle.put(tiles, leaves)
    log_store.write_tiles(connection, tree, {place: tiles[place] for place in changed})
    return merkle.root(merkle.nodes_in(tiles), after).hex()
