"""Searching cases: every filter against a plain look at all of them, and pages while cases come and change."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Row, select, update

from chassis.migrate import _config
from chassis.paging import Page, next_token, page
from chassis.problems import Invalid
from chassis.testing import ManualClock, repeatable_ids
from services.cases import store
from services.cases.domain.inputs import CaseStopped, StepReassigned, StepSkipped
from services.cases.searching import Wanted, key_of, keys_of, search
from tests.cases.builders import Town, a_bundle, refusing, tables, taken

EVERYTHING = Page(1000, None)


def found(town: Town, **wanted: Any) -> list[str]:
    with town.database.read() as work:
        return [row.case_id for row in search(work.connection, Wanted(**wanted), EVERYTHING)]


def every_page(town: Town, size: int, between: Callable[[], object] = lambda: None, **wanted: Any) -> Iterator[str]:
    asked, token = Wanted(**wanted), ""
    while True:
        with town.database.read() as work:
            a_page = page(size, token, keys=keys_of(asked))
            rows, token = a_page.cut(search(work.connection, asked, a_page), lambda row: key_of(asked, row))
        yield from (row.case_id for row in rows)
        if not token:
            return
        between()


@pytest.fixture(autouse=True)
def _ids_of_the_clock(clock: ManualClock) -> Iterator[None]:
    """As in life: a case's id is of the time at which it was submitted."""
    with repeatable_ids(clock, Random(7)):
        yield


@pytest.fixture
def many(town: Town, clock: ManualClock) -> list[str]:
    """Cases of two bundles and two applicants in every state, some at the same time; oldest first."""
    town.publish(a_bundle(bundle_id="close-shop"))
    made = []
    for number in range(24):
        bundle_id, applicant_id = ("open-shop", "close-shop")[number % 2], ("p1", "p2")[number // 2 % 2]
        case_id = town.submit(bundle_id=bundle_id, applicant_id=applicant_id)
        made.append(case_id)
        match number % 6:
            case 1:
                town.route(case_id, without=["food"])
            case 2:
                town.route(case_id, food=f"office-{number}")
            case 3:
                town.decide(case_id, CaseStopped("r"))
            case 4:
                town.route(case_id, check="check", food="busy", sign="busy")
        if number % 3:
            clock.advance(hours=7)
    return made


def rows_of(town: Town) -> list[Row[Any]]:
    table = store.search.cases
    with town.database.read() as work:
        query = select(table).order_by(table.c.case_id.desc())
        return list(work.connection.execute(query).all())


def test_each_filter_finds_what_a_look_at_all_cases_finds(town: Town, many: list[str]) -> None:
    with town.database.begin() as work:  # as clocks would have told
        for number, light in enumerate(["yellow", "red", "green", "unknown"]):
            statement = update(store.search.cases).where(store.search.cases.c.case_id == many[6 * number + 2])
            work.connection.execute(statement.values(light=light))
    rows = rows_of(town)
    middle = rows[len(rows) // 2].submitted_at
    number = rows[5].case_number
    filters: list[tuple[dict[str, Any], Callable[[Row[Any]], bool]]] = [
        ({}, lambda _: True),
        ({"number": number}, lambda row: row.case_number == number),
        ({"number": number[:35]}, lambda row: row.case_number.startswith(number[:35])),
        ({"number": "9" * 20}, lambda _: False),
        ({"applicant_id": "p2"}, lambda row: row.applicant_id == "p2"),
        ({"bundle_id": "close-shop"}, lambda row: row.bundle_id == "close-shop"),
        ({"bundle_id": "close-shop", "bundle_version": 2}, lambda _: False),
        ({"organ_id": "busy"}, lambda row: "busy" in town.case(row.case_id).organs),
        ({"organ_id": "office-8"}, lambda row: row.case_id == many[8]),
        ({"status": "undone"}, lambda row: row.status == "undone"),
        ({"light": "red"}, lambda row: row.light == "red"),
        ({"light": "green"}, lambda row: row.light == "green"),
        ({"has_incidents": True}, lambda row: row.open_incidents > 0),
        ({"submitted_from": middle}, lambda row: row.submitted_at >= middle),
        ({"submitted_before": middle}, lambda row: row.submitted_at < middle),
        ({"organ_id": "busy", "status": "running", "applicant_id": "p1"}, lambda row: row.applicant_id == "p1"),
    ]
    busy = {row.case_id for row in rows if "busy" in town.case(row.case_id).organs}
    for wanted, holds in filters:
        expected = [row.case_id for row in rows if holds(row)]
        if len(wanted) == 3:
            expected = [case_id for case_id in expected if case_id in busy]
        assert found(town, **wanted) == expected, wanted
        assert list(every_page(town, 3, **wanted)) == expected, wanted
        assert wanted in ({"number": "9" * 20}, {"bundle_id": "close-shop", "bundle_version": 2}) or expected


def test_asked_for_by_their_end_those_that_ended_last_come_first(town: Town, clock: ManualClock) -> None:
    cases = [town.submit() for _ in range(6)]
    for case_id in (cases[3], cases[0], cases[4], cases[1]):
        clock.advance(hours=1)
        town.decide(case_id, CaseStopped("r"))
    start = clock.now() - timedelta(hours=3)
    assert found(town, ended_from=start) == [cases[1], cases[4], cases[0], cases[3]]
    assert list(every_page(town, 1, ended_from=start)) == [cases[1], cases[4], cases[0], cases[3]]
    assert found(town, ended_from=start, ended_before=clock.now()) == [cases[4], cases[0], cases[3]]
    assert found(town, ended_before=start) == []
    ended = store.search.cases.c.ended_at
    with town.database.read() as work:
        stored = work.connection.scalar(select(ended).where(store.search.cases.c.case_id == cases[1]))
    assert stored == town.case(cases[1]).ended_at == clock.now()


def test_pages_tell_no_case_twice_and_leave_none_out_while_cases_come_and_change(
    town: Town, many: list[str], clock: ManualClock
) -> None:
    changing = iter(case_id for case_id in many if town.case(case_id).status == "running")

    def meanwhile() -> None:
        clock.advance(minutes=1)
        town.submit()
        case_id = next(changing, None)
        if case_id:
            town.decide(case_id, CaseStopped("r"))

    everything = list(every_page(town, 5, meanwhile))
    assert len(everything) == len(set(everything))
    assert set(many) <= set(everything)
    instants = [town.case(case_id).submitted_at for case_id in everything]
    assert all(later >= earlier for later, earlier in pairwise(instants))


def test_an_office_is_found_while_it_has_a_step_and_not_after(town: Town) -> None:
    case_id = town.submit()
    town.route(case_id)
    assert found(town, organ_id="food") == [case_id]
    town.decide(case_id, StepReassigned("food", "r", "other"))
    assert found(town, organ_id="food") == []
    town.route(case_id, food="other")
    assert found(town, organ_id="other") == [case_id]
    town.decide(case_id, StepSkipped("food", "r"))
    assert found(town, organ_id="other") == [case_id], "who left it out can see who had it"


def test_an_office_that_gets_a_second_step_of_a_case_is_there_once(town: Town) -> None:
    case_id = town.submit()
    town.route(case_id, food="one", sign="one")
    assert found(town, organ_id="one") == [case_id]
    town.decide(case_id, StepReassigned("food", "r", "other"))
    assert found(town, organ_id="one") == [case_id]


def test_a_refused_case_is_found_where_it_is(town: Town) -> None:
    case_id = town.running()
    taken(town.answer(refusing(town.one("sign"))))
    assert found(town, status="undone") == [case_id]
    assert found(town, status="running") == []


@pytest.mark.parametrize("key", [["yesterday", "x"], ["2026-03-02T01:00:00", "x"], ["", ""]])
def test_a_made_up_page_is_refused(town: Town, key: list[str]) -> None:
    with town.database.read() as work, pytest.raises(Invalid, match="BAD_PAGE_TOKEN"):
        search(work.connection, Wanted(ended_from=town.database.clock.now()), page(10, next_token(key), keys=2))


@pytest.mark.usefixtures("many")
def test_cases_from_before_are_found_after_the_migration(town: Town) -> None:
    with town.database.engine.connect() as connection, connection.begin():
        command.stamp(_config("cases", connection), "head")
    before = {name: tables(town.database)[name] for name in ("case_search", "case_organs")}
    assert all(before.values())
    for act, revision in ((command.downgrade, "0008"), (command.upgrade, "head")):
        with town.database.engine.connect() as connection, connection.begin():
            act(_config("cases", connection), revision)
    assert {name: tables(town.database)[name] for name in before} == before
    assert found(town, status="undone", ended_before=town.database.clock.now() + timedelta(days=1))
