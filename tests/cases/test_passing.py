"""Passing upward and handing over, with what the shell does for them: routing, tasks, leases, what readers see."""

from collections.abc import Callable

import pytest

from chassis.api import Caller
from chassis.testing import ManualClock
from duokua.cases.v1 import case_pb2, task_pb2
from duokua.data import from_struct
from duokua.routing.v1 import events_pb2 as routing_events
from duokua.routing.v1 import routing_pb2
from services.cases import store
from services.cases.messages import case_message
from services.cases.tasks import Given
from services.cases.visibility import shown_to
from tests.cases.builders import (
    LEASE,
    Town,
    accepting,
    completing,
    failing,
    given,
    handing_over,
    passing_up,
    refused,
    taken,
)

OPERATOR = Caller("client:op", permissions=frozenset({"cases.read", "cases.read_all"}))
APPLICANT = Caller("person:p1", person_id="p1", permissions=frozenset({"cases.read"}))


def shown(town: Town, case_id: str, caller: Caller) -> case_pb2.StepState:
    """The step food as a caller sees it."""
    row = town.row(case_id)
    with town.database.read() as work:
        plan = town.cases.plans.of(work.connection, row.bundle_id, row.bundle_version).plan
        reader = town.cases.reader(work, plan)
    (step,) = (step for step in shown_to(caller, case_message(row, plan, reader)).steps if step.step_id == "food")
    return step


def test_the_superiors_that_routing_tells_are_kept_with_the_step(town: Town) -> None:
    case_id = town.submit()
    decision = routing_pb2.Decision(step_id="check", organ_id="check", superior_organ_ids=["city", "province"])
    with town.database.begin() as work:
        town.cases.take_routes(work, [routing_events.StepsRouted(case_id=case_id, request_no=1, decisions=[decision])])
    assert town.case(case_id).steps["check"].superior_ids == ("city", "province")


def test_a_step_passed_upward_asks_routing_for_the_office_above_and_takes_the_opinion_along(town: Town) -> None:
    case_id = town.running()
    food = town.one("food")
    taken(town.answer(accepting(food)))
    taken(town.answer(passing_up(food, score=7)))
    (asked,) = town.events("RoutingRequested")[-1].steps
    assert (asked.step_id, asked.above_organ_id, list(asked.excluded_organ_ids)) == ("food", "food", ["food"])
    (told,) = town.events("StepPassedUp")
    assert (told.step.organ_id, told.step.organ_name, told.reason) == ("food", "food局", "超出本级权限")
    assert town.lease("food") == []
    town.route(case_id, food="city")
    task = town.one("city")
    assert (task.attempt, task.accepted) == (2, True)
    (review,) = task.reviews
    assert (review.organ_id, from_struct(review.opinion), review.reason) == ("food", {"score": 7}, "超出本级权限")
    taken(town.answer(completing(task)))
    assert town.case(case_id).steps["food"].organ_id == "city"


def test_what_offices_write_for_each_other_is_shown_to_operators_and_not_to_the_applicant(town: Town) -> None:
    case_id = town.running()
    taken(town.answer(passing_up(town.one("food"), score=7)))
    town.route(case_id, food="city")
    taken(town.answer(handing_over(town.one("city"), "审批二科")))
    inside, outside = shown(town, case_id, OPERATOR), shown(town, case_id, APPLICANT)
    assert (inside.handler, from_struct(inside.reviews[0].opinion)) == ("审批二科", {"score": 7})
    assert (outside.handler, from_struct(outside.reviews[0].opinion)) == ("", {})
    assert outside.organ_name == "city局"
    assert [review.organ_name for review in outside.reviews] == ["food局"]


def test_a_repeat_of_passing_up_is_taken_again_and_the_task_is_settled_for_anything_else(town: Town) -> None:
    town.running()
    food = town.one("food")
    answer = passing_up(food)
    taken(town.answer(answer))
    taken(town.answer(answer))
    assert refused(town.answer(passing_up(food), completing(food))) == ["TASK_SETTLED", "TASK_SETTLED"]


def test_a_task_handed_over_keeps_its_lease_and_tells_its_handler_with_the_next(town: Town, clock: ManualClock) -> None:
    case_id = town.running()
    food = town.one("food")
    assert food.handler == ""
    clock.advance(seconds=30)
    (outcome,) = town.answer(handing_over(food, "审批二科"))
    assert outcome.problem is None
    assert outcome.lease_until == clock.now() + LEASE
    assert town.lease("food") == [], "who holds it has it until it is given back"
    taken(town.answer(given(food, None, releases=True)))
    again = town.one("food", client="client:b")
    assert (again.task_id, again.handler) == (food.task_id, "审批二科")
    taken(town.answer(failing(again)))
    clock.advance(minutes=1)
    assert town.one("food").handler == "审批二科", "another try is for the same section"
    assert kinds_of(town, case_id)[-2:] == ["handed_over", "failed"]


def test_a_task_handed_over_and_completed_in_one_batch_is_gone(town: Town) -> None:
    case_id = town.running()
    food = town.one("food")
    taken(town.answer(handing_over(food), completing(food)))
    assert town.lease("food") == []
    assert town.statuses(case_id)["food"] == "completed"


@pytest.mark.parametrize("say", [passing_up, handing_over])
def test_a_task_of_another_office_is_not_there(town: Town, say: Callable[[task_pb2.Task], Given]) -> None:
    town.running()
    food = town.one("food")
    foreign = given(food, say(food).answer, organ_id="sign")
    assert refused(town.answer(foreign)) == ["TASK_NOT_FOUND"]


def kinds_of(town: Town, case_id: str) -> list[str]:
    """What happened to a case, oldest first."""
    with town.database.read() as work:
        return [entry.kind for entry in store.history_page(work.connection, case_id, 0, 100)]
