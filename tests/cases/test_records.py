"""Exchange records of stored cases: of one case, and of all in the order of the log."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from chassis.database import Database
from chassis.problems import Conflict
from chassis.testing import ManualClock
from services.cases import store
from services.cases.record_messages import record_message
from services.cases.records import CaseRecords, Exported, position_since, records_from
from tests.cases.builders import Town
from tests.cases.logs import LoggedTown


@pytest.fixture
def logged(database: Database, clock: ManualClock, tmp_path: Path) -> LoggedTown:
    return LoggedTown(database, clock, tmp_path)


def keys(town: Town, case_id: str) -> list[str]:
    """Key and version of each record of one case."""
    with town.database.read() as work:
        reader = CaseRecords(town.cases, work, town.cases.row(work, case_id))
        found = []
        while (records := reader.next_page(work)) is not None:
            found += [f"{each.key} v{each.version}" for each in records]
        return found


def fetched(town: Town, position: int, limit: int = 100) -> Exported:
    with town.database.read() as work:
        return records_from(town.cases, work, position, limit)


def all_fetched(town: Town, limit: int) -> list[str]:
    position, found = 0, []
    while True:
        exported = fetched(town, position, limit)
        found += [f"{of.case_id} {each.key} v{each.version}" for of, each in exported.records]
        assert exported.next_position - position <= limit
        position = exported.next_position
        if not exported.more:
            return found


def test_a_case_is_exported_with_what_its_row_knows_of_materials(logged: LoggedTown) -> None:
    case_id = logged.finished()
    town = logged.town
    with town.database.read() as work:
        reader = CaseRecords(town.cases, work, town.cases.row(work, case_id))
        messages = [record_message(reader, each) for each in reader.next_page(work) or ()]
    (material,) = (each.material for each in messages if each.HasField("material"))
    assert (material.material_kind, material.name, material.media_type) == ("lease", "lease.pdf", "application/pdf")
    result = next(each for each in messages if each.key == "result:")
    assert (result.step_name, result.catalog_code) == ("开店", "332031901000")
    assert (result.organ_id, result.organ_name) == ("lead", "lead局")
    assert result.case_number == town.row(case_id).case_number
    food = next(each for each in messages if each.key == "process:food:decide")
    assert (food.step_name, food.organ_name, food.process.node_result) == ("食品", "food局", 1)


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_all_cases_are_fetched_piece_by_piece_whole_and_once(logged: LoggedTown, limit: int) -> None:
    cases = [logged.finished(), logged.finished(), logged.town.running()]
    logged.add()
    found = all_fetched(logged.town, limit)
    assert len(found) == len(set(found))
    for case_id in cases:
        mine = [line.partition(" ")[2] for line in found if line.startswith(case_id)]
        assert mine == keys(logged.town, case_id)


def test_what_is_not_in_the_log_yet_comes_later(logged: LoggedTown) -> None:
    case_id = logged.finished()
    end = fetched(logged.town, 0).next_position
    logged.town.rate(case_id, 1)
    logged.town.deliver(case_id, "邮寄", "李雷")
    assert fetched(logged.town, end) == Exported([], [], end, more=False)
    logged.add()
    exported = fetched(logged.town, end)
    assert [f"{each.key} v{each.version}" for _, each in exported.records] == ["result: v2"]
    assert exported.next_position == end + 2


def test_a_time_leads_to_a_position_before_all_that_was_logged_since(logged: LoggedTown, clock: ManualClock) -> None:
    logged.finished()
    first = fetched(logged.town, 0).next_position
    clock.advance(seconds=3600)
    since = clock.now()
    clock.advance(seconds=3600)
    logged.finished()
    with logged.database.read() as work:
        assert position_since(work, since) == first
        assert position_since(work, since - timedelta(days=1)) == 0


def break_history(logged: LoggedTown, case_id: str, sequence: int) -> None:
    history = store.history
    with logged.database.begin() as work:
        entry = update(history).where(history.c.case_id == case_id, history.c.sequence == sequence)
        work.connection.execute(entry.values(kind="unheard_of"))


def test_a_history_that_cannot_be_replayed_is_named_and_keeps_no_other_back(logged: LoggedTown) -> None:
    broken, other = logged.finished(), logged.finished()
    whole = fetched(logged.town, 0)
    break_history(logged, broken, 3)
    exported = fetched(logged.town, 0)
    ((of, conflict),) = exported.unreadable
    assert (of.case_id, conflict.reason) == (broken, "HISTORY_UNREADABLE")
    assert conflict.message.startswith(f"entry 3 of case {broken} cannot be replayed")
    assert (exported.next_position, exported.more) == (whole.next_position, whole.more)
    told = [(each.case_id, record.key) for each, record in exported.records]
    kept = [
        (each.case_id, record.key) for each, record in whole.records if each.case_id == other or record.sequence < 3
    ]
    assert told == kept
    assert {case_id for case_id, _ in told} == {broken, other}, "what comes before the fault is told"


def test_of_a_broken_history_each_piece_names_what_it_lacks(logged: LoggedTown) -> None:
    broken = logged.finished()
    end = fetched(logged.town, 0).next_position
    break_history(logged, broken, 3)
    lacking = [bool(fetched(logged.town, position, limit=1).unreadable) for position in range(end)]
    assert lacking == [False, False, *[True] * (end - 2)]


def test_a_case_is_exported_up_to_where_its_history_breaks(logged: LoggedTown) -> None:
    case_id = logged.finished()
    whole = keys(logged.town, case_id)
    break_history(logged, case_id, 3)
    with logged.database.read() as work:
        reader = CaseRecords(logged.town.cases, work, logged.town.row(case_id))
        told = reader.next_page(work)
        assert told
        assert [f"{each.key} v{each.version}" for each in told] == whole[: len(told)]
        assert {record.sequence for record in told} <= {1, 2}
        for _ in range(2):
            with pytest.raises(Conflict, match="HISTORY_UNREADABLE"):
                reader.next_page(work)
