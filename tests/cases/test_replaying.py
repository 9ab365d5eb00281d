"""Replaying a case: it is what its history leads to, or the first difference is named."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from chassis.database import Database
from chassis.testing import ManualClock
from duokua.cases.v1 import log_service_pb2
from services.cases.differences import first_difference
from services.cases.domain.history import link, read_entry
from services.cases.store import cases, history
from tests.cases.builders import a_form, refusing, taken
from tests.cases.logs import LoggedTown

pb = log_service_pb2
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab", max_size=2),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from("abc"), below, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def logged(database: Database, clock: ManualClock, tmp_path: Path) -> LoggedTown:
    return LoggedTown(database, clock, tmp_path)


def replayed(logged: LoggedTown, case_id: str) -> pb.ReplayCaseResponse:
    answer: pb.ReplayCaseResponse = logged.log.ReplayCase(pb.ReplayCaseRequest(case_id=case_id))
    return answer


def test_every_case_is_what_its_history_leads_to(logged: LoggedTown) -> None:
    finished, running, undone = logged.finished(), logged.town.running(), logged.town.running()
    logged.town.complete_all("food")
    sign = next(task for task in logged.town.lease("sign") if task.case_id == undone)
    taken(logged.town.answer(refusing(sign)))
    for case_id, entries in ((finished, 7), (running, 4), (undone, 5)):
        answer = replayed(logged, case_id)
        assert (answer.case_id, answer.entries, answer.HasField("difference")) == (case_id, entries, False)


def change_snapshot(logged: LoggedTown, case_id: str, change: Any) -> None:
    with logged.database.begin() as work:
        found = work.connection.execute(select(cases.c.snapshot).where(cases.c.case_id == case_id)).scalar_one()
        snapshot = json.loads(json.dumps(found))
        change(snapshot)
        work.connection.execute(cases.update().where(cases.c.case_id == case_id).values(snapshot=snapshot))


def test_a_changed_snapshot_is_named_by_what_differs_first(logged: LoggedTown) -> None:
    case_id = logged.finished()
    change_snapshot(logged, case_id, lambda snapshot: snapshot["steps"][1].update(status="refused"))
    found = replayed(logged, case_id).difference
    assert (found.sequence, found.path) == (0, "steps.food.status")
    assert found.description == 'steps.food.status: the history leads to "completed", and "refused" is stored'


def test_what_is_gone_from_a_snapshot_or_put_into_it_is_named(logged: LoggedTown) -> None:
    case_id = logged.finished()
    change_snapshot(logged, case_id, lambda snapshot: snapshot["tasks"].pop())
    assert replayed(logged, case_id).difference.path == f"tasks.{case_id}:deliver:1"
    case_id = logged.finished()
    change_snapshot(logged, case_id, lambda snapshot: snapshot.update(refusal_reason="none of that"))
    assert replayed(logged, case_id).difference.path == "refusal_reason"


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("status", "undone"),
        ("version", 6),
        ("applicant_id", "p2"),
        ("bundle_id", "another"),
        ("bundle_version", 2),
        ("history_hash", "00" * 32),
        ("open_incidents", 1),
    ],
)
def test_a_changed_column_of_a_case_is_named(logged: LoggedTown, column: str, value: object) -> None:
    case_id = logged.finished()
    logged.tamper(f"UPDATE cases SET {column} = :v WHERE case_id = :c", v=value, c=case_id)  # noqa: S608 - of this test
    assert replayed(logged, case_id).difference.path == f"cases.{column}"


@pytest.mark.parametrize(
    ("statement", "path"),
    [
        ("UPDATE cases SET form = :other WHERE case_id = :c", "cases.form"),
        ("UPDATE cases SET materials = '[]' WHERE case_id = :c", "cases.materials"),
    ],
)
def test_an_application_that_was_not_handed_in_like_that_is_named(
    logged: LoggedTown, statement: str, path: str
) -> None:
    case_id, other = logged.finished(), logged.finished()
    values = {"other": json.dumps(a_form(area=9), ensure_ascii=False)} if ":other" in statement else {}
    logged.tamper(statement, c=case_id, **values)
    told = f"{path}: it is not what entry 1 (submitted) vouches for"
    assert (replayed(logged, case_id).difference.path, replayed(logged, case_id).difference.description) == (path, told)
    assert logged.audited() == [(case_id, 1, told)]
    assert not replayed(logged, other).HasField("difference")


@pytest.mark.parametrize(
    ("statement", "path"),
    [
        ("UPDATE case_search SET status = 'running' WHERE case_id = :c", "case_search.status"),
        ("UPDATE case_search SET ended_at = NULL WHERE case_id = :c", "case_search.ended_at"),
        ("UPDATE case_search SET applicant_id = 'p2' WHERE case_id = :c", "case_search.applicant_id"),
        ("UPDATE case_search SET case_number = 'n' WHERE case_id = :c", "case_search.case_number"),
        ("UPDATE case_search SET bundle_id = 'b' WHERE case_id = :c", "case_search.bundle_id"),
        ("UPDATE case_search SET submitted_at = '2030-01-01 00:00:00.000000'", "case_search.submitted_at"),
        ("UPDATE cases SET submitted_at = '2030-01-01 00:00:00.000000'", "cases.submitted_at"),
        ("DELETE FROM case_search WHERE case_id = :c", "case_search.bundle_version"),
        ("DELETE FROM case_organs WHERE case_id = :c AND organ_id = 'sign'", "case_search.organs"),
    ],
)
def test_a_case_that_a_search_would_not_find_is_named(logged: LoggedTown, statement: str, path: str) -> None:
    case_id = logged.finished()
    logged.tamper(statement, **({"c": case_id} if ":c" in statement else {}))
    assert replayed(logged, case_id).difference.path == path


@pytest.mark.parametrize(
    ("statement", "sequence", "what"),
    [
        ("UPDATE history SET actor = 'x' WHERE case_id = :c AND sequence = 4", 4, "was changed, or does not follow"),
        ("DELETE FROM history WHERE case_id = :c AND sequence = 4", 4, "was changed, or does not follow|is missing"),
        ("DELETE FROM history WHERE case_id = :c AND sequence = 1", 1, "is missing"),
        ("DELETE FROM history WHERE case_id = :c", 1, "the history is empty"),
    ],
)
def test_a_broken_chain_is_named_by_its_first_entry(
    logged: LoggedTown, statement: str, sequence: int, what: str
) -> None:
    case_id = logged.finished()
    logged.tamper(statement, c=case_id)
    found = replayed(logged, case_id).difference
    assert found.sequence == sequence
    assert any(each in found.description for each in what.split("|")), found.description


def test_a_case_that_went_on_after_its_last_entry_is_named(logged: LoggedTown) -> None:
    case_id = logged.finished()
    logged.tamper("DELETE FROM history WHERE case_id = :c AND sequence = 7", c=case_id)
    found = replayed(logged, case_id).difference
    assert (found.sequence, found.path) == (0, "status")


def forge(logged: LoggedTown, case_id: str, sequence: int, kind: str, given: dict[str, Any]) -> None:
    """Put another input in the place of one, and chain all that follow anew."""
    with logged.database.begin() as work:
        rows = work.connection.execute(
            select(history)
            .where(history.c.case_id == case_id, history.c.sequence >= sequence)
            .order_by(history.c.sequence)
        ).all()
        previous = rows[0].previous_hash
        for row in rows:
            said = read_entry(row).said
            if row.sequence == sequence:
                said = replace(said, kind=kind, input=given)
            made = link(case_id, row.sequence, previous, said)
            work.connection.execute(
                history.update()
                .where(history.c.case_id == case_id, history.c.sequence == row.sequence)
                .values(kind=said.kind, input=said.input, previous_hash=previous, hash=made.hash)
            )
            previous = made.hash


@pytest.mark.parametrize(
    ("kind", "given_input", "what"),
    [
        ("no-such-kind", {}, "it cannot be read"),
        ("completed", {"task_id": "x"}, "it cannot be read"),
        ("completed", {"task_id": "x", "request_id": "r", "result": {}}, "today's rules refuse it"),
        ("notice_revoked", {"notice_id": "x"}, "it changes nothing by today's rules"),
    ],
)
def test_an_input_that_cannot_have_been_taken_is_named(
    logged: LoggedTown, kind: str, given_input: dict[str, Any], what: str
) -> None:
    case_id = logged.finished()
    forge(logged, case_id, 4, kind, given_input)
    found = replayed(logged, case_id).difference
    assert found.sequence == 4
    assert what in found.description


@given(JSON, JSON)
def test_two_values_have_a_difference_unless_they_are_the_same(one: Any, other: Any) -> None:
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (first_difference(one, other) is None) == same
    assert first_difference(one, json.loads(json.dumps(one))) is None
