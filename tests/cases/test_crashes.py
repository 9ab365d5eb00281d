"""A transaction that breaks off at any statement leaves nothing behind, and works when it is done again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from chassis.database import Database
from chassis.problems import Unavailable
from services.cases.answering import Answering
from services.cases.tasks import Outcome
from tests.cases.builders import Town, a_bundle, a_form, completing, refusing, tables, taken


class PulledPlugError(Exception):
    """What a crash looks like from inside."""


@contextmanager
def breaking_at(database: Database, number: int, *, after: bool = False) -> Iterator[None]:
    """Raise before (or right after) the n-th statement that the block executes."""
    count = 0

    def execute(*_: object) -> None:
        nonlocal count
        count += 1
        if count == number:
            raise PulledPlugError

    name = "after_cursor_execute" if after else "before_cursor_execute"
    event.listen(database.engine, name, execute)
    try:
        yield
    finally:
        event.remove(database.engine, name, execute)


def survives_every_break(database: Database, use_case: Callable[[], Any]) -> int:
    """Break the use case off at each of its statements in turn; the number of statements until it succeeds."""
    before = tables(database)
    for number in range(1, 60):
        for after in (False, True):
            try:
                with breaking_at(database, number, after=after):
                    use_case()
            except PulledPlugError:
                assert tables(database) == before, f"statement {number} left something behind"
            else:
                assert tables(database) != before
                return number - 1
    raise AssertionError("the use case never ended")


def test_a_broken_submission_leaves_nothing_behind(town: Town) -> None:
    assert survives_every_break(town.database, town.submit) >= 6
    assert town.row(town.submit()).case_number.endswith("0002")  # the broken ones used no number up


def test_a_broken_batch_of_answers_leaves_nothing_behind(town: Town) -> None:
    first, second = town.running(), town.running(a_form(area=500))
    town.complete_all("food")
    signs, (fire,) = town.lease("sign"), town.lease("fire")
    answers = [completing(signs[0]), refusing(fire)]
    assert survives_every_break(town.database, lambda: taken(town.answer(*answers))) >= 6
    assert (town.statuses(first)["sign"], town.case(second).status) == ("completed", "undoing")


def test_a_broken_lease_leaves_nothing_behind(town: Town) -> None:
    town.running()
    assert survives_every_break(town.database, lambda: town.one("food")) >= 2


def test_a_broken_answer_of_routing_leaves_nothing_behind(town: Town) -> None:
    case_id = town.submit()
    assert survives_every_break(town.database, lambda: town.route(case_id, without=["sign"])) >= 5


def test_a_broken_publication_leaves_nothing_behind(database: Database) -> None:
    town = Town(database)
    assert survives_every_break(database, lambda: town.publish(a_bundle())) >= 1


def test_an_answer_that_breaks_fails_alone(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = town.running(), town.running()
    foods = sorted(town.lease("food"), key=lambda task: [first, second].index(task.case_id))
    bad, good = completing(foods[0]), completing(foods[1])
    answer = town.tasks.answer

    def breaking(work: Any, answers: Any) -> list[Outcome]:
        outcomes = answer(work, answers)
        if bad in answers:
            raise PulledPlugError
        return outcomes

    monkeypatch.setattr(town.tasks, "answer", breaking)
    outcomes = Answering(town.tasks, town.database, None)._commit([bad, good])  # type: ignore[arg-type] # no threads
    assert isinstance(outcomes[0].problem, Unavailable)
    assert outcomes[1] == Outcome()
    assert [town.statuses(each)["food"] for each in (first, second)] == ["offered", "completed"]
