"""Where a case and its steps stand in the words of the trade, told beside hand-written stories."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from services.cases.domain.clocks import ACCEPTANCE, start
from services.cases.domain.inputs import Archived, CaseStopped, Delivered, Rated, StepReassigned, Withdrawn
from services.cases.domain.plan import Plan
from services.cases.domain.proceedings import CaseClock, ClockKind
from services.cases.domain.reckoning import Light
from services.cases.domain.stages import (
    End,
    FinalResult,
    case_end,
    case_stage,
    step_end,
    step_stage,
    was_accepted,
)
from tests.cases.domain.holding_up import ask, resume, supply, suspend
from tests.cases.domain.plans import a_plan, a_step
from tests.cases.domain.saga import Saga

Story = Callable[[], Saga]


def a_shop() -> Plan:
    """food, with a notice || sign -> delivery, the point of no return."""
    return a_plan(
        a_step("food", undoable=True, notice=True),
        a_step("sign", undoable=True),
        a_step("last", "food", "sign", pivot=True),
    )


def begun() -> Saga:
    return Saga(a_shop()).submitted().routed()


def told(*acts: Callable[[Saga], object]) -> Saga:
    saga = begun()
    for act in acts:
        act(saga)
    return saga


def completed() -> Saga:
    return begun().complete("food", "sign").sealed("food").complete("last")


def rated(saga: Saga, step_id: str = "") -> Saga:
    saga.take(Rated(2, step_id))
    return saga


def stages(saga: Saga) -> tuple[str, ...]:
    """Of the case, then of each step."""
    each = (str(step_stage(saga.plan, saga.case, step_id)) for step_id in saga.case.steps)
    return (str(case_stage(saga.plan, saga.case)), *each)


STORIES: dict[str, tuple[Story, tuple[str, ...]]] = {
    "submitted": (lambda: Saga(a_shop()).submitted(), ("submitted", "submitted", "submitted", "submitted")),
    "received": (begun, ("received", "received", "received", "submitted")),
    "accepted": (lambda: begun().accept("food"), ("accepted", "accepted", "received", "submitted")),
    "one returned": (lambda: begun().send_back("food"), ("received", "not_ours", "received", "submitted")),
    "all returned": (
        lambda: begun().send_back("food").send_back("sign"),
        ("not_ours", "not_ours", "not_ours", "submitted"),
    ),
    "corrections": (
        lambda: told(lambda saga: ask(saga, "food")),
        ("correction", "correction", "received", "submitted"),
    ),
    "corrected": (
        lambda: told(lambda saga: saga.accept("food"), lambda saga: ask(saga, "food"), supply),
        ("accepted", "accepted", "received", "submitted"),
    ),
    "a hearing": (
        lambda: told(lambda saga: saga.accept("food"), lambda saga: suspend(saga, "food")),
        ("special_procedure", "special_procedure", "received", "submitted"),
    ),
    "after the hearing": (
        lambda: told(lambda saga: suspend(saga, "food"), lambda saga: resume(saga, "food")),
        ("received", "received", "received", "submitted"),
    ),
    "decided, to be sealed": (lambda: begun().complete("food"), ("accepted", "decided", "received", "submitted")),
    "sealed": (lambda: begun().complete("food").sealed("food"), ("accepted", "completed", "received", "submitted")),
    "all decided, to be sealed": (
        lambda: begun().complete("food", "sign", "last"),
        ("decided", "decided", "completed", "completed"),
    ),
    "completed": (completed, ("completed", "completed", "completed", "completed")),
    "a step rated": (lambda: rated(completed(), "food"), ("completed", "rated", "completed", "completed")),
    "rated": (lambda: rated(completed()), ("rated", "completed", "completed", "completed")),
    "refused to accept": (lambda: begun().refuse("food"), ("not_accepted", "not_accepted", "undone", "undone")),
    "not approved": (lambda: begun().accept("food").refuse("food"), ("undone", "decided", "undone", "undone")),
    "being undone": (
        lambda: begun().complete("sign").refuse("food"),
        ("undone", "not_accepted", "undone", "undone"),
    ),
    "withdrawn": (lambda: told(lambda saga: saga.take(Withdrawn("moved"))), ("undone", "undone", "undone", "undone")),
    "a step skipped": (
        lambda: Saga(a_shop()).submitted("sign").routed(),
        ("received", "received", "skipped", "submitted"),
    ),
}


@pytest.mark.parametrize("name", STORIES)
def test_a_story_is_told_in_the_words_of_the_trade(name: str) -> None:
    story, expected = STORIES[name]
    assert stages(story()) == expected


def test_what_comes_after_the_end_has_its_own_stages() -> None:
    saga = completed()
    saga.take(Delivered("post", "李雷"))
    assert stages(saga) == ("delivered", "delivered", "delivered", "delivered")
    rated(saga)
    assert stages(saga) == ("rated", "delivered", "delivered", "delivered")
    saga.take(Archived())
    assert stages(saga) == ("archived", "archived", "archived", "archived")


def test_a_pre_check_comes_before_anybody_accepts() -> None:
    saga = Saga(a_plan(a_step("check", pre_check=True), a_step("food", "check"))).submitted().routed()
    assert stages(saga) == ("pre_check", "pre_check", "submitted")
    saga.accept("check")
    assert stages(saga) == ("pre_check", "pre_check", "submitted")
    saga.refuse("check", "the wrong form")
    assert stages(saga) == ("not_accepted", "not_accepted", "undone")
    assert case_end(saga.plan, saga.case) == End(FinalResult.REFUSED_TO_ACCEPT, "the wrong form")


ENDS: dict[str, tuple[Story, FinalResult, dict[str, FinalResult | None]]] = {
    "completed": (completed, FinalResult.ISSUED, {"food": FinalResult.ISSUED, "last": FinalResult.ISSUED}),
    "refused while only offered": (
        lambda: begun().refuse("food"),
        FinalResult.REFUSED_TO_ACCEPT,
        {"food": FinalResult.REFUSED_TO_ACCEPT, "sign": FinalResult.VOID},
    ),
    "refused after acceptance": (
        lambda: begun().accept("food").refuse("food"),
        FinalResult.NOT_APPROVED,
        {"food": FinalResult.NOT_APPROVED, "sign": FinalResult.VOID},
    ),
    "accepted, failed, then refused": (
        lambda: begun().accept("food").fail("food").refuse("food"),
        FinalResult.NOT_APPROVED,
        {"food": FinalResult.NOT_APPROVED},
    ),
    "accepted by one office, returned, refused by the next": (
        lambda: begun().accept("food").send_back("food").routed().refuse("food"),
        FinalResult.REFUSED_TO_ACCEPT,
        {"food": FinalResult.REFUSED_TO_ACCEPT},
    ),
    "accepted, corrected, then refused": (
        lambda: told(lambda saga: saga.accept("food"), lambda saga: ask(saga, "food"), supply).refuse("food"),
        FinalResult.NOT_APPROVED,
        {"food": FinalResult.NOT_APPROVED},
    ),
    "done, then undone": (
        lambda: begun().complete("sign").refuse("food").drained(),
        FinalResult.REFUSED_TO_ACCEPT,
        {"sign": FinalResult.VOID, "food": FinalResult.REFUSED_TO_ACCEPT},
    ),
    "withdrawn": (
        lambda: told(lambda saga: saga.take(Withdrawn("moved away"))),
        FinalResult.HANDED_BACK,
        {"food": FinalResult.HANDED_BACK},
    ),
    "stopped by an operator": (
        lambda: told(lambda saga: saga.take(CaseStopped("filed twice"))),
        FinalResult.VOID,
        {"food": FinalResult.VOID},
    ),
    "nothing was needed": (
        lambda: Saga(a_shop()).submitted("food", "sign", "last"),
        FinalResult.VOID,
        {"food": None},
    ),
}


@pytest.mark.parametrize("name", ENDS)
def test_a_case_and_its_steps_end_with_a_result(name: str) -> None:
    story, result, of_steps = ENDS[name]
    saga = story()
    end = case_end(saga.plan, saga.case)
    assert end is not None
    assert end.result is result
    for step_id, expected in of_steps.items():
        found = step_end(saga.plan, saga.case, step_id)
        assert (found and found.result) == expected


def test_a_running_case_has_no_result_but_its_settled_steps_have() -> None:
    saga = begun().complete("sign")
    assert case_end(saga.plan, saga.case) is None
    assert step_end(saga.plan, saga.case, "sign") == End(FinalResult.ISSUED)
    assert step_end(saga.plan, saga.case, "food") is None


@pytest.mark.parametrize("said", ["", "  "])
def test_a_result_that_needs_a_reason_has_one_even_where_nobody_gave_it(said: str) -> None:
    refused = begun().accept("food").refuse("food", said)
    stopped = told(lambda saga: saga.take(CaseStopped(said)))
    withdrawn = told(lambda saga: saga.take(Withdrawn(said)))
    for saga in (refused, stopped, withdrawn):
        end = case_end(saga.plan, saga.case)
        assert end is not None
        assert end.reason.strip()


def test_silence_past_the_limit_is_acceptance_too() -> None:
    saga = begun()
    clock = CaseClock("food:acceptance", "food", ClockKind.ACCEPTANCE, start(saga.now, ACCEPTANCE), Light.RED)
    silent = replace(saga.case, proceedings=replace(saga.case.proceedings, clocks={clock.clock_id: clock}))
    assert was_accepted(saga.plan, silent, "food")
    assert not was_accepted(saga.plan, saga.case, "food")


def test_what_an_office_had_accepted_and_returned_is_not_accepted_when_it_gets_it_again() -> None:
    saga = Saga(a_plan(a_step("food"))).submitted().routed().accept("food").send_back("food").routed()
    saga.take(StepReassigned("food", "it is theirs after all", "office of food"))
    saga.routed(offices={"food": "office of food"}).refuse("food", "the lease is missing")
    assert step_end(saga.plan, saga.case, "food") == End(FinalResult.REFUSED_TO_ACCEPT, "the lease is missing")
