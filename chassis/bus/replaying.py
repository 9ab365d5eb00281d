"""Replays of dead letters: what an operator asked for is handled again, one event a transaction.

A letter's replay is noted as interrupted before it begins: an event that ends the process is then a letter again, and
is not replayed at each start. The handler's effect and the end of the letter are one transaction.
"""

from datetime import datetime

import structlog
from sqlalchemy import Row, select

from chassis.bus import metrics
from chassis.bus.dead_letters import envelope_of, letters, note_attempt, note_begun
from chassis.bus.handling import Handling
from chassis.database import Database, UnitOfWork

_log = structlog.get_logger(__name__)


class Replaying:
    """Replays the dead letters of one service; several may run on one PostgreSQL database."""

    def __init__(self, service: str, database: Database, handling: Handling) -> None:
        self._service = service
        self._database = database
        self._handling = handling
        self._in_hand: Row[tuple[object, ...]] | None = None

    def replay_due(self) -> datetime | None:
        """Replay one of the letters for which it was asked; gives the time now when there may be more.

        Raises what says that the database is away; the next call goes on with the same letter.
        """
        if self._in_hand is None and not self._take():
            return None
        self._replay()
        return self._database.clock.now()

    def _take(self) -> bool:
        """Note the next letter as begun."""
        waiting = (
            select(letters)
            .where(letters.c.replay_requested_at.is_not(None))
            .order_by(letters.c.replay_requested_at, letters.c.letter_id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        with self._database.begin() as work:
            row = work.connection.execute(waiting).one_or_none()
            if row is not None:
                note_begun(work, row)
        self._in_hand = row
        return row is not None

    def _replay(self) -> None:
        row = self._in_hand
        assert row is not None  # noqa: S101  the loop sees to it

        def claim(work: UnitOfWork) -> bool:
            """Whether the letter is still there: an operator may have discarded it meanwhile."""
            locked = select(letters.c.letter_id).where(letters.c.letter_id == row.letter_id).with_for_update()
            return work.connection.execute(locked).one_or_none() is not None

        failure = self._handling.replay(envelope_of(row), claim)
        if failure is not None:
            with self._database.begin() as work:
                note_attempt(work, row, failure)
        self._in_hand = None
        outcome = failure.reason if failure else "handled"
        metrics.replays.labels(self._service, "failed" if failure else "handled").inc()
        _log.info("dead_letter_replayed", service=self._service, letter_id=row.letter_id, outcome=outcome)
