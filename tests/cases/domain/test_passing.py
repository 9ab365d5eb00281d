"""An office passes a step upward (转报), or hands it to somebody inside (转办)."""

from datetime import timedelta

from services.cases.domain.case import Review, StepStatus, TaskKind, TaskStatus
from services.cases.domain.clocks import Limit, Unit
from services.cases.domain.effects import Announce, StepAccepted, StepPassedUp
from services.cases.domain.inputs import ClockTurned, HandedOver, PassedUp, Routed, RoutingDecision
from services.cases.domain.passing import MOST_HAND_OVERS
from services.cases.domain.plan import Limits
from services.cases.domain.reckoning import Light
from services.cases.domain.snapshot import from_json, to_json
from tests.cases.domain.laws import all_laws_hold
from tests.cases.domain.plans import a_plan, a_step
from tests.cases.domain.saga import Saga, a_running_restaurant
from tests.cases.domain.test_timing import DAY, a_timed_case


def test_routing_tells_who_is_above_an_office() -> None:
    saga = a_running_restaurant()
    assert saga.step("food").superior_ids == ("above office of food", "the top")
    assert saga.send_back("food").step("food").superior_ids == ()


def test_a_step_passed_upward_is_routed_above_the_office_and_never_to_it_again() -> None:
    saga = a_running_restaurant().pass_up("food")
    step = saga.step("food")
    assert (step.status, step.organ_id, step.task_id) == (StepStatus.ROUTING, "", "")
    assert saga.case.tasks["c1:food:1"].status is TaskStatus.PASSED_UP
    (asked,) = saga.questions[2].steps
    assert (asked.above_organ_id, asked.excluded_organ_ids) == ("office of food", ("office of food",))
    saga.routed(offices={"food": "city"})
    assert saga.open["c1:food:2"].organ_id == "city"
    all_laws_hold(saga)


def test_the_opinion_goes_up_with_the_step_and_each_office_adds_its_own() -> None:
    saga = a_running_restaurant().pass_up("food", score=7).routed(offices={"food": "city"})
    first = Review("office of food", "Office Of Food", "c1:food:1", {"score": 7}, "above our limit", saga.now)
    assert saga.step("food").reviews == (first,)
    saga.later(timedelta(days=1)).pass_up("food", score=8)
    assert [review.organ_id for review in saga.step("food").reviews] == ["office of food", "city"]
    (asked,) = saga.questions[3].steps
    assert (asked.above_organ_id, asked.excluded_organ_ids) == ("city", ("office of food", "city"))
    assert from_json(to_json(saga.case)) == saga.case


def test_the_applicant_is_told_which_office_passed_it_on() -> None:
    saga = a_running_restaurant().pass_up("food")
    assert Announce(StepPassedUp("food", "above our limit")) in saga.effects
    assert saga.step("food").reviews[-1].organ_id == "office of food"


def test_an_acceptance_stands_and_the_office_above_is_not_asked_for_another() -> None:
    saga = a_running_restaurant().accept("food").pass_up("food").routed()
    assert saga.step("food").status is StepStatus.ACCEPTED
    assert saga.open["c1:food:2"].accepted
    saga.send_back("food").routed()
    assert saga.open["c1:food:3"].accepted, "what the applicant was told stands whoever is above"
    assert saga.announced().count("StepAccepted food") == 1


def test_what_nobody_accepted_below_is_accepted_above() -> None:
    saga = a_running_restaurant().pass_up("food").routed()
    assert saga.step("food").status is StepStatus.OFFERED
    saga.accept("food")
    assert saga.announced().count("StepAccepted food") == 1


def test_the_clocks_of_the_decision_go_on_while_the_step_climbs_and_end_with_it() -> None:
    limits = Limits(statutory=Limit(20, Unit.WORKING_DAY))
    saga = Saga(a_plan(a_step("food", limits=limits))).submitted().routed().accept("food")
    began = saga.case.proceedings.clocks["food:statutory"].clock
    saga.later(timedelta(days=3)).pass_up("food").later(timedelta(days=1)).routed()
    assert saga.case.proceedings.clocks["food:statutory"].clock == began
    saga.later(timedelta(days=1)).send_back("food").routed()
    assert saga.case.proceedings.clocks["food:statutory"].clock == began
    saga.complete("food")
    ended = saga.case.proceedings.clocks["food:statutory"].clock
    assert (ended.started_at, ended.ended_at) == (began.started_at, saga.now)


def test_silence_while_a_step_climbs_is_acceptance_and_the_office_above_gets_it_as_accepted() -> None:
    saga = a_timed_case().later(6 * DAY).pass_up("food")
    received = saga.case.proceedings.clocks["food:acceptance"].clock.started_at
    saga.take(ClockTurned("food:acceptance", Light.RED))
    assert saga.effects[-1] == Announce(StepAccepted("food", by_silence=True))
    assert saga.case.proceedings.clocks["food:statutory"].clock.started_at == received
    saga.routed()
    assert saga.open["c1:food:2"].accepted
    assert saga.announced().count("StepAccepted food") == 1
    all_laws_hold(saga)


def test_without_an_office_above_an_operator_is_asked_and_a_retry_looks_above_again() -> None:
    saga = a_running_restaurant().pass_up("food").routed(without=["food"])
    incident = saga.incident("NO_OFFICE")
    assert "Declare the capability of an office above it" in incident.description
    saga.retried("NO_OFFICE")
    (asked,) = saga.questions[3].steps
    assert asked.above_organ_id == "office of food"
    saga.routed(offices={"food": "city"}).complete("food")
    assert saga.step("food").organ_id == "city"
    all_laws_hold(saga)


def test_what_the_office_above_returns_still_goes_up() -> None:
    saga = a_running_restaurant().pass_up("food").routed(offices={"food": "city"}).send_back("food")
    (asked,) = saga.questions[3].steps
    assert (asked.above_organ_id, asked.excluded_organ_ids) == ("office of food", ("office of food", "city"))


def test_an_office_that_had_the_step_before_is_not_taken_even_if_routing_says_so() -> None:
    saga = a_running_restaurant().pass_up("food")
    saga.take(Routed(2, (RoutingDecision("food", "office of food"),)))
    assert "not to have it again" in saga.incident("NO_OFFICE").description


def test_an_undo_goes_to_the_office_that_completed_the_step() -> None:
    saga = a_running_restaurant().pass_up("food").routed(offices={"food": "city"}).complete("food").refuse("fire")
    task = saga.open["c1:food:u1"]
    assert (task.kind, task.organ_id) == (TaskKind.UNDO, "city")
    saga.is_refused(PassedUp(task.task_id, "up", {}, "not for us"), "UNDO_CANNOT_BE_REFUSED")
    saga.hand_over("food", "archive")
    assert saga.step("food").handler == "archive"
    all_laws_hold(saga.complete("food").revoked("food"))


def test_a_repeat_of_passing_up_or_handing_over_changes_nothing() -> None:
    saga = a_running_restaurant()
    over, up = HandedOver("c1:food:1", "r1", "section two"), PassedUp("c1:food:1", "r2", {}, "above our limit")
    for given in (over, up):
        assert saga.take(given).changed
        assert not saga.take(given).changed
    saga.is_refused(PassedUp("c1:food:1", "r3", {}, "once more"), "TASK_SETTLED")
    saga.is_refused(HandedOver("c1:food:1", "r4", "section three"), "TASK_SETTLED")


def test_a_task_handed_over_stays_with_its_office_and_tells_its_handler() -> None:
    saga = a_running_restaurant().accept("food").hand_over("food", "section two")
    assert saga.step("food").handler == "section two"
    assert saga.step("food").status is StepStatus.ACCEPTED
    assert saga.handlers == {"c1:food:1": "section two"}
    saga.fail("food")
    assert saga.step("food").handler == "section two", "another try is for the same section"
    saga.hand_over("food", "section three").complete("food")
    assert saga.step("food").handler == "section three"


def test_the_handler_of_one_office_is_not_that_of_the_next() -> None:
    saga = a_running_restaurant().hand_over("food").hand_over("sign")
    saga.send_back("food").pass_up("sign").routed()
    assert (saga.step("food").handler, saga.step("sign").handler) == ("", "")


def test_a_task_is_handed_over_only_so_often() -> None:
    saga = a_running_restaurant()
    for number in range(MOST_HAND_OVERS):
        saga.hand_over("food", f"section {number}")
    saga.is_refused(HandedOver("c1:food:1", "once more", "section x"), "HANDED_OVER_TOO_OFTEN")
    assert not saga.take(HandedOver("c1:food:1", "request-2", "section 0")).changed, "a repeat is a repeat"
