"""Many hands at once: nothing is given twice, nothing is lost, nobody waits for ever."""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import pytest

from chassis.database import Database
from chassis.testing import ManualClock
from services.cases.store import metadata
from tests.cases.builders import Town, a_bundle, a_form, a_material, completing, refused, refusing, tables, taken
from tests.conftest import MakeDatabase

Result = TypeVar("Result")


def at_once(functions: Iterable[Callable[[], Result]]) -> list[Result]:
    """Run functions in threads that all begin at the same moment."""
    waiting = list(functions)
    barrier = threading.Barrier(len(waiting))

    def run(function: Callable[[], Result]) -> Result:
        barrier.wait(10)
        return function()

    with ThreadPoolExecutor(len(waiting)) as threads:
        return list(threads.map(run, waiting, timeout=60))


def test_two_clients_never_lease_the_same_task(town: Town) -> None:
    for _ in range(20):
        town.running()

    def everything(client: str) -> list[str]:
        leased: list[str] = []
        while tasks := town.lease("food", 3, client=client):
            leased += [task.task_id for task in tasks]
        return leased

    leased = at_once([partial(everything, f"client:{name}") for name in "abcd"])
    together = [task_id for each in leased for task_id in each]
    assert len(together) == len(set(together)) == 20


def test_answers_to_one_case_at_once_all_take_effect(town: Town) -> None:
    for _ in range(5):
        case_id = town.running(a_form(area=500))
        tasks = [town.one(name) for name in ("food", "sign", "fire")]
        outcomes = at_once([partial(town.answer, completing(task)) for task in tasks])
        for outcome in outcomes:
            taken(outcome)
        assert town.case(case_id).version == 6
        town.complete("deliver")


def test_a_refusal_and_a_completion_at_once_agree_in_the_end(town: Town) -> None:
    for _ in range(5):
        case_id = town.running()
        food, sign = town.one("food"), town.one("sign")
        (done,), (no,) = at_once([partial(town.answer, completing(food)), partial(town.answer, refusing(sign))])
        assert no.problem is None
        if done.problem is None:
            assert town.statuses(case_id)["food"] == "undoing"
            town.complete("food")
        else:
            assert done.problem.reason in {"CASE_UNDOING", "CASE_ENDED"}
            assert town.statuses(case_id)["food"] == "cancelled"


def test_the_same_answer_at_once_is_taken_once(town: Town) -> None:
    case_id = town.running()
    done = completing(town.one("food"))
    for outcome in at_once([partial(town.answer, done)] * 4):
        taken(outcome)
    assert town.case(case_id).version == 4


def test_different_answers_to_one_task_at_once_one_is_taken(town: Town) -> None:
    town.running()
    food = town.one("food")
    outcomes = at_once([lambda: town.answer(completing(food)) for _ in range(4)])
    assert sorted(reason for each in outcomes for reason in refused(each)) == ["", *["TASK_SETTLED"] * 3]


def test_batches_that_share_cases_in_any_order_do_not_wait_for_each_other(town: Town) -> None:
    for _ in range(10):
        town.running()
    foods, signs = town.lease("food"), town.lease("sign")
    forth = [completing(task) for task in foods]
    back = [completing(task) for task in reversed(signs)]
    for outcomes in at_once([partial(town.answer, *forth), partial(town.answer, *back)]):
        taken(outcomes)


def test_submissions_at_once_get_numbers_of_their_own(town: Town) -> None:
    photos = [a_material("photo", b"one"), a_material("photo", b"two")]
    town.publish(a_bundle(bundle_id="other"))

    def submit(index: int) -> str:
        handed_in = [a_material(), *(photos if index % 2 else reversed(photos))]
        return town.submit(materials=handed_in, bundle_id="other" if index % 2 else "open-shop")

    cases = at_once([partial(submit, index) for index in range(8)])
    numbers = sorted(town.row(each).case_number for each in cases)
    assert [int(number[-4:]) for number in numbers] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert len(tables(town.database)["contents"]) == 3


@pytest.mark.parametrize("make_database", ["postgresql"], indirect=True)
def test_a_task_whose_answer_is_being_written_is_not_handed_out(
    make_database: MakeDatabase, clock: ManualClock
) -> None:
    town = Town(database := make_database(metadata, "cases", clock=clock)).publish(a_bundle())
    town.running()
    food = town.one("food")
    clock.advance(seconds=60)
    with database.begin() as work:
        taken(town.tasks.answer(work, [completing(food)]))
        assert town.lease("food", client="client:b") == []
    assert town.lease("food", client="client:b") == []


def test_readers_see_one_state_throughout(town: Town, database: Database) -> None:
    case_id = town.submit()
    with database.read() as work:
        before = town.cases.row(work, case_id)
        town.route(case_id)
        assert town.cases.row(work, case_id) == before
