"""The migration that put the entries of histories in two parts, from and to what was there before."""

from collections.abc import Callable
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import text

from chassis.database import Database
from chassis.migrate import _config
from chassis.testing import ManualClock
from tests.cases.logs import LoggedTown

BEFORE, AFTER = "0012", "0013"


@pytest.fixture
def logged(database: Database, clock: ManualClock, tmp_path: Path) -> LoggedTown:
    made = LoggedTown(database, clock, tmp_path)
    with database.engine.connect() as connection, connection.begin():
        command.stamp(_config("cases", connection), "head")
    return made


def migrate(logged: LoggedTown, act: Callable[..., None], revision: str) -> None:
    with logged.database.engine.connect() as connection, connection.begin():
        act(_config("cases", connection), revision)


def test_histories_from_before_are_whole_after_it_and_internal(logged: LoggedTown) -> None:
    case_id, running = logged.finished(), logged.town.submit()
    migrate(logged, command.downgrade, BEFORE)
    assert logged.count("SELECT count(*) FROM log_heads") == 0
    migrate(logged, command.upgrade, "head")
    logged.add()
    assert (logged.faults(case_id), logged.faults(running), logged.audited()) == ([], [], [])
    shown = [each["content"]["open"]["content"] for each in logged.proof(case_id)["entries"]]
    assert [each["kind"] for each in shown][:2] == ["submitted", "routed"]
    assert all((each["actor"], each["input"]) == ("", {}) for each in shown)
    assert len(logged.proof(logged.finished())["entries"]) == 7, "what comes after is written as ever"


@pytest.mark.parametrize("change", ["actor = 'person:x'", "previous_hash = hash", "input = '{}'"])
def test_an_entry_that_was_changed_before_is_not_hashed_anew(logged: LoggedTown, change: str) -> None:
    case_id = logged.finished()
    migrate(logged, command.downgrade, BEFORE)
    logged.tamper(f"UPDATE history SET {change} WHERE case_id = :c AND sequence = 3", c=case_id)  # noqa: S608 - of this test
    with pytest.raises(ValueError, match=f"entry 3 of case {case_id} was changed"):
        migrate(logged, command.upgrade, AFTER)
    assert logged.count("SELECT count(*) FROM history WHERE leaf IS NOT NULL") == 0


def test_its_indexes_hold_only_what_they_should(logged: LoggedTown) -> None:
    migrate(logged, command.downgrade, BEFORE)
    migrate(logged, command.upgrade, AFTER)
    if not logged.database.is_sqlite:
        pytest.skip("PostgreSQL changes the table in its place")
    with logged.database.read() as work:
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'history' AND sql IS NOT NULL"
        found = {row.name: row.sql for row in work.connection.execute(text(query))}
    assert found["ix_history_waiting"].endswith("WHERE leaf IS NULL")
    assert found["ix_history_leaf"].endswith("WHERE leaf IS NOT NULL")
