"""An office's own database: what its system did, by task id. Its processes share it, and are killed in the midst of it.

This is what the SDK asks of a department: a task comes at least once, and its act is done once.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.laws.evidence import Act

_SCHEMA = """
CREATE TABLE IF NOT EXISTS acts (
    task_id TEXT PRIMARY KEY, case_id TEXT NOT NULL, act TEXT NOT NULL, of_task_id TEXT NOT NULL, result TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS repeats (task_id TEXT NOT NULL);
"""


class Ledger:
    """A file of acts, flushed to disk with each."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._open() as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_SCHEMA)

    def enter(self, act: Act) -> Act:
        """Do the act, unless it was done for this task before: then note the repeat, and give what was done."""
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            done = connection.execute("SELECT * FROM acts WHERE task_id = ?", (act.task_id,)).fetchone()
            if done is None:
                row = (act.task_id, act.case_id, act.act, act.of_task_id, json.dumps(act.result))
                connection.execute("INSERT INTO acts VALUES (?, ?, ?, ?, ?)", row)
            else:
                connection.execute("INSERT INTO repeats VALUES (?)", (act.task_id,))
            connection.execute("COMMIT")
        return act if done is None else _act(done)

    def acts(self) -> list[Act]:
        """Everything that was done."""
        with self._open() as connection:
            return [_act(row) for row in connection.execute("SELECT * FROM acts ORDER BY task_id")]

    def repeats(self) -> int:
        """How often a task came that was done already."""
        with self._open() as connection:
            count: int = connection.execute("SELECT count(*) FROM repeats").fetchone()[0]
        return count

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=20, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = FULL")
            yield connection


def _act(row: tuple[str, str, str, str, str]) -> Act:
    return Act(*row[:4], json.loads(row[4]))
