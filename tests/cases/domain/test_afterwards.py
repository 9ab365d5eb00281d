"""What follows the end of a case: delivery, ratings with their follow-ups, and the archive."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.cases.domain.case import CaseStatus, TaskKind, TaskStatus
from services.cases.domain.clocks import StopKind
from services.cases.domain.closing import idle_since
from services.cases.domain.effects import Announce, FollowUpClosed, FollowUpOpened, OpenTask, StepCompleted, StepUndone
from services.cases.domain.follow_ups import LIMIT, follow_up_of, open_ones, superior_of
from services.cases.domain.inputs import (
    Accepted,
    Archived,
    ClockTurned,
    Completed,
    CorrectionRequested,
    Delivered,
    Failed,
    Input,
    Rated,
    Refused,
    Returned,
    StepForced,
    Suspended,
)
from services.cases.domain.reckoning import Light
from tests.cases.domain.holding_up import field
from tests.cases.domain.laws import all_laws_hold
from tests.cases.domain.plans import LEAD, a_plan, a_restaurant, a_step
from tests.cases.domain.saga import Saga, a_running_restaurant


def completed() -> Saga:
    saga = Saga(a_plan(a_step("food", undoable=True), a_step("sign", "food"))).submitted().routed()
    return saga.complete("food", "sign")


def a_complaint(step_id: str = "food", level: int = 5) -> Saga:
    saga = completed()
    saga.take(Rated(level, step_id, ("慢",), "等了三个小时"))
    return saga


def the_follow_up(saga: Saga) -> OpenTask:
    (task,) = (task for task in saga.open.values() if task.kind is TaskKind.FOLLOW_UP)
    return task


# Delivery


def test_the_results_of_a_completed_case_are_delivered_once() -> None:
    saga = completed()
    saga.take(Delivered("窗口", "李雷"))
    delivery = saga.case.proceedings.delivery
    assert delivery is not None
    assert (delivery.delivered_at, delivery.channel, delivery.receiver) == (saga.now, "窗口", "李雷")
    assert saga.announced()[-1] == "CaseDelivered"
    assert not saga.later(timedelta(days=1)).take(Delivered("窗口", "李雷")).changed
    saga.is_refused(Delivered("邮寄", "李雷"), "ALREADY_DELIVERED")
    all_laws_hold(saga)


def test_nothing_is_delivered_of_a_case_that_is_not_completed() -> None:
    for saga in (a_running_restaurant(), a_running_restaurant().refuse("food").drained()):
        saga.is_refused(Delivered("窗口", "李雷"), "NOT_COMPLETED")


# Ratings


def test_a_case_and_each_step_are_rated_once() -> None:
    saga = completed()
    for step_id in ("", "food", "sign"):
        saga.take(Rated(1, step_id, ("快",), "好"))
        assert not saga.take(Rated(1, step_id, ("快",), "好")).changed
        saga.is_refused(Rated(2, step_id, ("快",), "好"), "ALREADY_RATED")
        saga.is_refused(Rated(1, step_id, (), "好"), "ALREADY_RATED")
    assert [each.step_id for each in saga.case.proceedings.ratings] == ["", "food", "sign"]
    assert not saga.open
    all_laws_hold(saga)


def test_a_step_is_rated_as_soon_as_its_office_has_decided() -> None:
    saga = a_running_restaurant()
    saga.is_refused(Rated(1, "food"), "NOT_RATABLE")
    saga.complete("food").take(Rated(1, "food"))
    saga.refuse("fire").take(Rated(3, "fire"))
    saga.is_refused(Rated(1), "NOT_RATABLE")
    saga.drained().take(Rated(3))
    assert saga.stands(CaseStatus.UNDONE)
    saga.is_refused(Rated(1, "delivery"), "NOT_RATABLE")
    all_laws_hold(saga)


@pytest.mark.parametrize("given", [Rated(1, "nowhere"), Rated(0), Rated(6, "food")])
def test_what_cannot_be_rated_is_refused(given: Rated) -> None:
    completed().is_refused(given, "NOT_RATABLE")


def test_what_an_operator_took_as_done_is_told_so_and_no_office_is_rated_for_it() -> None:
    saga = a_running_restaurant("fire").complete("sign")
    saga.take(StepForced("food", "已核实纸质许可证", {"permit": "F-1"}))
    assert Announce(StepCompleted("food", by_word=True)) in saga.effects
    assert Announce(StepCompleted("sign")) in saga.effects
    assert (saga.step("food").by_word, saga.step("sign").by_word) == (True, False)
    saga.is_refused(Rated(5, "food"), "NOT_RATABLE")
    saga.take(Rated(1, "sign"))
    all_laws_hold(saga)
    refused = a_running_restaurant("fire").complete("sign")
    refused.take(StepForced("food", "已核实纸质许可证", {"permit": "F-1"}))
    refused.refuse("hand-over").complete("sign")
    assert Announce(StepUndone("food", by_word=True)) in refused.effects
    assert Announce(StepUndone("sign")) in refused.effects
    refused.is_refused(Rated(5, "food"), "NOT_RATABLE")


def test_an_undoing_by_word_is_told_so_and_the_office_that_had_done_it_is_still_rated() -> None:
    saga = a_running_restaurant("fire").complete("food").refuse("sign")
    saga.take(StepForced("food", "已收回许可证", {}))
    assert Announce(StepUndone("food", by_word=True)) in saga.effects
    saga.take(Rated(4, "food"))
    assert the_follow_up(saga).organ_id == "office of food"


def test_an_office_that_an_operator_stood_in_for_does_not_answer_for_the_case() -> None:
    plan = a_restaurant()
    object.__setattr__(plan, "lead", type(LEAD)())
    saga = Saga(plan).submitted("fire").routed().complete("check", "food", "sign").sealed("food", "sign")
    saga.complete("hand-over").take(StepForced("delivery", "已当面送达", {}))
    saga.take(Rated(5))
    assert the_follow_up(saga).organ_id == "office of hand-over"


# Follow-ups


@pytest.mark.parametrize(("step_id", "organ_id"), [("food", "office of food"), ("", LEAD.organ_id)])
@pytest.mark.parametrize("level", [4, 5])
def test_a_bad_rating_opens_a_task_for_the_office_with_a_clock(step_id: str, organ_id: str, level: int) -> None:
    saga = a_complaint(step_id, level)
    task = the_follow_up(saga)
    assert (task.step_id, task.organ_id, task.not_before) == (step_id, organ_id, saga.now)
    assert task.catalog_code == (saga.plan.by_id[step_id].catalog_code if step_id else saga.plan.catalog_code)
    clock = saga.case.proceedings.clocks[f"{step_id}:follow_up"].clock
    assert (clock.started_at, clock.limit) == (saga.now, LIMIT)
    assert saga.effects[-1] == Announce(FollowUpOpened(step_id))
    assert saga.stands(CaseStatus.COMPLETED)
    all_laws_hold(saga)


def test_the_office_answers_and_the_follow_up_is_closed() -> None:
    saga = a_complaint()
    task = the_follow_up(saga)
    saga.answer(Accepted(task.task_id, "r1"))
    done = Completed(task.task_id, "r2", {"verified": True, "done": "增设窗口"})
    saga.later(timedelta(days=3)).answer(done)
    follow_up = follow_up_of(saga.case, "food")
    assert (follow_up.closed_at, follow_up.result) == (saga.now, done.result)
    assert saga.case.proceedings.clocks["food:follow_up"].clock.ended_at == saga.now
    assert saga.effects[-1] == Announce(FollowUpClosed("food"))
    assert not saga.take(done).changed
    saga.is_refused(Completed(task.task_id, "r3", {}), "TASK_SETTLED")
    assert saga.case.ended_at is not None
    assert saga.case.ended_at < saga.now
    all_laws_hold(saga)


def test_the_follow_up_of_a_case_is_answered_once() -> None:
    saga = a_complaint("")
    task_id = the_follow_up(saga).task_id
    saga.answer(Completed(task_id, "r1", {}))
    saga.is_refused(Completed(task_id, "r2", {}), "TASK_SETTLED")


def test_a_follow_up_is_neither_refused_nor_handed_on() -> None:
    saga = a_complaint()
    task_id = the_follow_up(saga).task_id
    unwanted: list[Input] = [
        Refused(task_id, "r", "no"),
        Returned(task_id, "r", "not ours"),
        CorrectionRequested(task_id, "r", (field("owner"),)),
        Suspended(task_id, "r", StopKind.HEARING, "why"),
    ]
    for given in unwanted:
        saga.is_refused(given, "FOLLOW_UP_CANNOT_BE_REFUSED")
    assert the_follow_up(saga).task_id == task_id


def test_a_follow_up_that_fails_is_tried_again_for_as_long_as_it_takes() -> None:
    saga = a_complaint()
    saga.answer(Accepted(the_follow_up(saga).task_id, "a"))
    for number in range(100):
        saga.answer(Failed(the_follow_up(saga).task_id, f"r{number}", "down"))
        assert saga.now < the_follow_up(saga).not_before <= saga.now + timedelta(minutes=10 if number < 7 else 1440)
    task = the_follow_up(saga)
    assert (task.task_id, task.attempt, task.accepted) == ("c1:food:f101", 101, True)
    assert not saga.open_incidents
    assert not [each for each in saga.case.steps.values() if each.failures]
    all_laws_hold(saga)
    saga.answer(Completed(task.task_id, "done", {}))
    assert not open_ones(saga.case)
    all_laws_hold(saga)


def test_an_office_that_always_fails_a_follow_up_gets_it_once_a_day_whatever_wait_it_asks_for() -> None:
    saga = a_complaint()
    for number in range(8):
        assert the_follow_up(saga).not_before == saga.now
        saga.answer(Failed(the_follow_up(saga).task_id, f"r{number}", "down", timedelta(0)))
    assert the_follow_up(saga).not_before == saga.now + timedelta(days=1)


def test_a_running_case_goes_on_and_is_undone_past_an_open_follow_up() -> None:
    saga = a_running_restaurant().complete("food")
    saga.take(Rated(5, "food"))
    all_laws_hold(saga)
    saga.sealed("food").refuse("fire")
    assert saga.being_undone() == ["food"]
    saga.complete("food").revoked("food")
    assert saga.stands(CaseStatus.UNDONE)
    assert saga.case.tasks[the_follow_up(saga).task_id].status is TaskStatus.OFFERED
    all_laws_hold(saga)


def test_without_a_lead_the_last_office_answers_for_the_case_and_without_any_nobody() -> None:
    plan = a_restaurant()
    object.__setattr__(plan, "lead", type(LEAD)())
    saga = Saga(plan).submitted().routed().drained()
    saga.take(Rated(5))
    assert the_follow_up(saga).organ_id == "office of delivery"
    nobody = Saga(plan).submitted(*plan.by_id)
    nobody.take(Rated(5))
    assert not nobody.open
    assert nobody.case.proceedings.ratings
    all_laws_hold(nobody)


def test_who_supervises_an_office_is_known_from_the_routes() -> None:
    case = Saga(a_plan(a_step("food"), a_step("sign"))).submitted().case
    routes = {"food": ("county", ("city", "province")), "sign": ("town", ())}
    steps = {
        step_id: replace(case.steps[step_id], organ_id=organ_id, superior_ids=above)
        for step_id, (organ_id, above) in routes.items()
    }
    case = replace(case, steps=steps)
    found = {organ: superior_of(case, organ) for organ in ("county", "city", "province", "town", "other")}
    assert found == {"county": "city", "city": "province", "province": "", "town": "", "other": ""}


# The archive


def test_an_ended_case_is_archived_once_nothing_is_open() -> None:
    running = a_running_restaurant()
    running.is_refused(Archived(), "NOT_IDLE")
    assert idle_since(running.case) is None
    saga = a_complaint()
    assert idle_since(saga.case) is None
    saga.is_refused(Archived(), "NOT_IDLE")
    saga.later(timedelta(days=1)).answer(Completed(the_follow_up(saga).task_id, "r", {}))
    assert idle_since(saga.case) == saga.now
    saga.later(timedelta(days=30)).take(Archived())
    assert saga.case.proceedings.archived_at == saga.now
    assert idle_since(saga.case) is None
    assert not saga.take(Archived()).changed
    all_laws_hold(saga)


def test_nothing_more_is_taken_once_a_case_is_archived_but_repeats_are_known() -> None:
    saga = completed()
    saga.take(Rated(1, "food"))
    saga.take(Delivered("窗口", "李雷"))
    saga.take(Archived())
    saga.is_refused(Rated(1), "CASE_ARCHIVED")
    assert not saga.take(Rated(1, "food")).changed
    assert not saga.take(Delivered("窗口", "李雷")).changed
    bare = completed()
    bare.take(Archived())
    bare.is_refused(Delivered("窗口", "李雷"), "CASE_ARCHIVED")


def test_the_supervisor_is_told_again_once_the_office_is_late() -> None:
    saga = a_complaint()
    saga.take(ClockTurned("food:follow_up", Light.YELLOW))
    assert saga.announced().count("FollowUpOpened food") == 1
    saga.take(ClockTurned("food:follow_up", Light.RED))
    assert saga.effects[-1] == Announce(FollowUpOpened("food", overdue=True))
    assert saga.stands(CaseStatus.COMPLETED)
    saga.answer(Completed(the_follow_up(saga).task_id, "r", {}))
    assert not saga.take(ClockTurned("food:follow_up", Light.GREEN)).changed
    all_laws_hold(saga)
