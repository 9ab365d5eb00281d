"""Running cases that go on by a newer version of their bundle: what stays, what follows, and what is refused."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.cases.domain.case import CaseStatus
from services.cases.domain.clocks import ACCEPTANCE, DECISION, Limit, Unit
from services.cases.domain.counted_days import Rules
from services.cases.domain.inputs import CaseStopped, InputsFailed, Migrated, Routed, StepForced, StepSkipped
from services.cases.domain.plan import CorrectionRules, Limits, Plan, PlanStep, ResultField, Visit
from services.cases.domain.refusal import Refusal
from tests.cases.domain.holding_up import ask, field, supply
from tests.cases.domain.laws import all_laws_hold
from tests.cases.domain.plans import a_plan, a_restaurant, a_step
from tests.cases.domain.saga import Saga
from tests.cases.domain.site import go


def newer(plan: Plan, *steps: PlanStep, without: tuple[str, ...] = (), **changes: Any) -> Plan:
    """The next version: steps of the same id are replaced, others added at the end, some left out."""
    by_id = {step.step_id: step for step in (*plan.steps, *steps) if step.step_id not in without}
    return replace(plan, version=plan.version + 1, steps=tuple(by_id.values()), **changes)


def a_routed_restaurant(*skipped: str) -> Saga:
    return Saga(a_restaurant()).submitted(*skipped).routed()


def refusal_of(saga: Saga, plan: Plan, *skipped: str, **mapping: str) -> str:
    """Why a case cannot be migrated; it stays as it is."""
    before = saga.case
    with pytest.raises(Refusal) as caught:
        saga.migrate(plan, *skipped, **mapping)
    assert saga.case is before
    assert caught.value.message
    return caught.value.reason


def test_what_has_begun_stays_and_what_has_not_follows_the_new_version() -> None:
    saga = a_routed_restaurant("fire").complete("check").accept("food")
    before, work = saga.case, dict(saga.open)
    tax = a_step("tax", "food")
    plan = newer(saga.plan, tax, a_step("hand-over", "food", "sign", "fire", "tax", pivot=True))
    assert saga.migrate(plan).changed
    assert saga.case.bundle_version == 4
    for step_id in ("check", "food", "sign", "fire"):
        assert saga.step(step_id) == before.steps[step_id]
    assert saga.open == work
    assert saga.statuses()["tax"] == "waiting"
    assert list(saga.case.steps) == [step.step_id for step in plan.steps]
    all_laws_hold(saga)
    saga.routed().complete("food", "sign")
    assert saga.offered() == ["tax"]
    all_laws_hold(saga.drained())
    assert saga.stands(CaseStatus.COMPLETED)


def test_a_case_that_runs_the_version_stays_as_it_is() -> None:
    saga = a_routed_restaurant()
    plan = newer(saga.plan)
    saga.migrate(plan)
    again = Migrated(3, 4, "once more")
    assert not saga.take(again).changed


def test_a_step_is_renamed_and_keeps_its_office_and_one_is_dropped() -> None:
    saga = a_routed_restaurant()
    renamed = a_step("poster", "check", undoable=True)
    plan = newer(
        saga.plan,
        renamed,
        a_step("hand-over", "food", "poster", pivot=True),
        without=("sign", "fire"),
    )
    asked = len(saga.questions)
    saga.migrate(plan, sign="poster", fire="")
    assert saga.step("poster").organ_id == "office of sign"
    assert saga.step("poster").step_id == "poster"
    assert len(saga.questions) == asked, "nothing is left to route"
    all_laws_hold(saga)
    saga.complete("check")
    assert sorted(saga.offered()) == ["food", "poster"]
    all_laws_hold(saga.drained())


def test_a_step_of_another_matter_or_level_gets_another_office() -> None:
    saga = a_routed_restaurant()
    plan = newer(saga.plan, replace(saga.plan.by_id["sign"], catalog_code="340123009000"))
    saga.migrate(plan)
    assert saga.step("sign").organ_id == ""
    (question,) = saga.questions.values()
    assert [(step.step_id, step.catalog_code) for step in question.steps] == [("sign", "340123009000")]
    levelled = newer(plan, replace(plan.by_id["food"], level=3))
    saga.migrate(levelled)
    assert [step.step_id for step in saga.questions[saga.case.request_no].steps] == ["food"]
    all_laws_hold(saga.routed().drained())


def test_a_step_without_an_office_is_asked_for_again_under_its_new_name() -> None:
    saga = Saga(a_restaurant()).submitted().routed(without=["sign"])
    poster, last = a_step("poster", "check"), a_step("hand-over", "food", "poster", "fire", pivot=True)
    saga.migrate(newer(saga.plan, poster, last, without=("sign",)), sign="poster")
    assert not saga.open_incidents
    assert [step.step_id for step in saga.questions[saga.case.request_no].steps] == ["poster"]
    all_laws_hold(saga.routed().drained())


def test_an_incident_of_a_step_that_stays_is_still_open() -> None:
    saga = Saga(a_restaurant()).submitted().routed(without=["sign"])
    saga.migrate(newer(saga.plan))
    saga.retried("NO_OFFICE").routed()
    assert saga.step("sign").organ_id == "office of sign"
    all_laws_hold(saga.drained())


def test_an_incident_of_a_step_that_is_left_out_now_is_closed() -> None:
    saga = Saga(a_restaurant()).submitted().routed(without=["sign"])
    saga.migrate(newer(saga.plan), "sign")
    assert not saga.open_incidents
    assert saga.statuses()["sign"] == "skipped"
    all_laws_hold(saga.drained())


def test_inputs_that_could_not_be_made_are_made_by_the_new_version() -> None:
    saga = a_routed_restaurant().complete("check")
    saga.take(InputsFailed(saga.task_id("food"), "no such field."))
    saga.migrate(newer(saga.plan))
    saga.retried("INPUTS_FAILED")
    assert "food" in saga.offered()
    all_laws_hold(saga.drained())


def test_new_conditions_decide_about_what_has_not_begun_only() -> None:
    saga = a_routed_restaurant().complete("check")
    plan = newer(saga.plan, a_step("tax", "food"))
    saga.migrate(plan, "food", "tax", "hand-over")
    assert saga.statuses()["food"] == "offered"
    assert (saga.statuses()["tax"], saga.step("tax").reason) == ("skipped", "not tax")
    assert saga.statuses()["hand-over"] == "skipped"
    all_laws_hold(saga.drained())


def test_what_was_left_out_stays_so_unless_it_is_dropped_and_begun_anew() -> None:
    saga = a_routed_restaurant("fire").complete("check")
    plan = newer(saga.plan)
    saga.migrate(plan)
    assert saga.statuses()["fire"] == "skipped"
    saga.migrate(newer(plan), fire="")
    assert saga.statuses()["fire"] == "routing"
    all_laws_hold(saga.routed().drained())


def test_the_last_step_is_dropped_and_the_case_is_over() -> None:
    saga = Saga(a_plan(a_step("check"), a_step("survey", "check"))).submitted().routed(without=["survey"])
    saga.complete("check")
    saga.migrate(newer(saga.plan, without=("survey",)), survey="")
    assert saga.stands(CaseStatus.COMPLETED)
    all_laws_hold(saga)


def test_a_late_condition_that_could_not_be_decided_is_decided_by_the_new_version() -> None:
    saga = Saga(a_plan(a_step("check"), a_step("repair", "check", late=True)))
    saga.verdicts["repair"] = "failed"
    saga.submitted().routed().complete("check")
    assert saga.incident("CONDITION_FAILED").resolved_at is None
    saga.migrate(newer(saga.plan, a_step("repair", "check")))
    assert not saga.open_incidents
    assert saga.offered() == ["repair"]
    all_laws_hold(saga.drained())


def test_an_undo_follows_the_new_version() -> None:
    saga = a_routed_restaurant("fire").complete("check", "food")
    saga.sealed("food")
    checked = replace(saga.plan.by_id["check"], undoable=True)
    saga.migrate(newer(saga.plan, checked, undo_order=("check",)))
    saga.refuse("sign")
    assert saga.being_undone() == ["check"]
    all_laws_hold(saga.drained())
    assert saga.undo_order() == ["check", "food"]


def test_clocks_go_on_as_they_were_granted_and_new_limits_are_for_what_begins_after() -> None:
    short, long = Limit(5, Unit.WORKING_DAY), Limit(30, Unit.WORKING_DAY)
    plan = a_plan(
        a_step("food", limits=Limits(statutory=short)),
        a_step("sign"),
        a_step("tax", "food", limits=Limits(statutory=short)),
        limits=Limits(statutory=DECISION),
    )
    saga = Saga(plan).submitted().routed().accept("food").accept("sign").later(timedelta(days=1))
    clocks = dict(saga.case.proceedings.clocks)
    assert set(clocks) == {":statutory", "food:statutory"}
    limited = [replace(step, limits=Limits(ACCEPTANCE, long)) for step in plan.steps]
    saga.migrate(newer(plan, *limited, limits=Limits(statutory=long)))
    assert saga.case.proceedings.clocks == clocks
    saga.complete("food").accept("tax")
    assert saga.case.proceedings.clocks["tax:statutory"].clock.limit == long
    assert saga.case.proceedings.clocks[":statutory"].clock.limit == DECISION
    all_laws_hold(saga.drained())


def test_an_answer_to_an_older_question_of_routing_gives_no_office_to_what_is_new() -> None:
    saga = Saga(a_restaurant()).submitted()
    (older,) = saga.questions.values()
    saga.migrate(newer(saga.plan, a_step("tax", "food")))
    assert saga.step("tax").routing_no > older.request_no == saga.step("food").routing_no
    saga.routed()
    assert saga.step("tax").organ_id == "office of tax"
    assert not saga.take(Routed(older.request_no, ())).changed
    all_laws_hold(saga.drained())


def test_a_joint_visit_of_steps_that_have_not_begun_comes_with_the_new_version() -> None:
    plan = a_plan(a_step("check"), a_step("food", "check"), a_step("fire", "check"))
    saga = Saga(plan).submitted().routed()
    saga.migrate(newer(plan, visits=(Visit("site", "联合踏勘", ("food", "fire")),)))
    saga.complete("check")
    assert list(saga.case.proceedings.visits) == ["site"]
    go(saga)
    all_laws_hold(saga.drained())


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({"unknown": "sign"}, "no such step in the version before"),
        ({}, "say which step takes its place"),
        ({"sign": "unknown"}, "is not in the new version"),
        ({"sign": "food"}, "cannot take the place"),
    ],
)
def test_a_mapping_that_fits_no_case_is_refused(mapping: dict[str, str], words: str) -> None:
    saga = a_routed_restaurant()
    plan = newer(saga.plan, a_step("hand-over", "food", "fire", pivot=True), without=("sign",))
    with pytest.raises(Refusal, match=words) as caught:
        saga.migrate(plan, **mapping)
    assert caught.value.reason == "MIGRATION_MAPPING"
    assert caught.value.fields


@pytest.mark.parametrize("place", ["", "licence"])
def test_a_step_that_has_begun_keeps_its_id(place: str) -> None:
    saga = a_routed_restaurant().complete("check")
    plan = newer(
        saga.plan,
        a_step("licence", "check", undoable=True, notice=True),
        a_step("hand-over", "licence", "sign", "fire", pivot=True),
        without=("food",),
    )
    assert refusal_of(saga, plan, food=place) == "MIGRATION_MAPPING"


Story = Callable[[Saga], Saga]


def changed(step_id: str, **values: Any) -> Callable[[Plan], Plan]:
    return lambda plan: newer(plan, replace(plan.by_id[step_id], **values))


def done(*step_ids: str) -> Story:
    return lambda saga: saga.complete("check", *step_ids)


@pytest.mark.parametrize(
    ("story", "new"),
    [
        pytest.param(done(), changed("food", catalog_code="340123009000"), id="another matter"),
        pytest.param(done(), changed("check", pre_check=True), id="a pre-check"),
        pytest.param(done("food"), changed("food", undoable=False), id="no way back"),
        pytest.param(done("food"), changed("food", pivot=True), id="a point of no return behind it"),
        pytest.param(done("food"), changed("food", notice=None), id="no notice"),
        pytest.param(
            done("food"),
            changed("food", result_fields=(ResultField("number", "string"),)),
            id="a result that is not there",
        ),
        pytest.param(
            done(),
            lambda plan: newer(plan, a_step("seal"), a_step("food", "check", "seal", undoable=True, notice=True)),
            id="a step before one that has begun",
        ),
        pytest.param(
            done(),
            lambda plan: newer(plan, visits=(Visit("site", "联合踏勘", ("food", "sign")),)),
            id="a visit of what has begun",
        ),
        pytest.param(
            lambda saga: saga.complete("check", "food", "sign", "fire", "hand-over"),
            changed("hand-over", pivot=False),
            id="no point of no return any more",
        ),
    ],
)
def test_what_has_begun_must_be_the_same_in_the_new_version(story: Story, new: Callable[[Plan], Plan]) -> None:
    saga = a_routed_restaurant()
    story(saga)
    assert refusal_of(saga, new(saga.plan)) == "MIGRATION_PLAN"
    saga.migrate(newer(saga.plan))
    all_laws_hold(saga.drained())


def test_days_are_counted_as_they_were_when_the_clock_began() -> None:
    plan = a_plan(a_step("food", limits=Limits(statutory=DECISION)))
    saga = Saga(plan).submitted().routed()
    other, yellow = Rules(counts_start_day=True), Rules(yellow_percent=50)
    saga.migrate(newer(plan, rules=other))
    saga.accept("food")
    assert refusal_of(saga, newer(saga.plan, rules=Rules())) == "MIGRATION_PLAN"
    saga.migrate(newer(saga.plan, rules=replace(yellow, counts_start_day=True)))


def test_a_refusal_that_undid_nothing_must_not_come_to_count() -> None:
    plan = a_plan(a_step("check"), a_step("sign", "check", optional=True), a_step("food", "check"))
    saga = Saga(plan).submitted().routed().complete("check").refuse("sign")
    assert refusal_of(saga, newer(plan, a_step("sign", "check"))) == "MIGRATION_PLAN"


def test_of_a_choice_one_step_is_left() -> None:
    plan = a_plan(a_step("check"), a_step("shop", "check", choice="kind"), a_step("stall", "check", choice="kind"))
    saga = Saga(plan).submitted("stall").routed()
    assert refusal_of(saga, newer(plan), stall="") == "MIGRATION_PLAN"
    assert refusal_of(saga, newer(plan, a_step("van", "check", choice="kind")), "shop", "van") == "MIGRATION_PLAN"
    saga.migrate(newer(plan), "shop", stall="")
    assert saga.statuses() == {"check": "offered", "shop": "skipped", "stall": "waiting"}
    all_laws_hold(saga.routed().drained())


def test_what_the_applicant_is_asked_for_must_be_in_the_new_version() -> None:
    saga = Saga(replace(a_restaurant(), corrections=CorrectionRules(2))).submitted().routed().complete("check")
    ask(saga, "food", field("shop.area"))
    less = newer(saga.plan, replace(saga.plan.by_id["food"], form_fields=("owner",)))
    assert refusal_of(saga, less) == "MIGRATION_STATE"
    saga.migrate(newer(saga.plan))
    supply(saga)
    saga.migrate(replace(less, version=5))
    all_laws_hold(saga.drained())


def test_what_an_operator_took_as_done_or_left_out_stays_so() -> None:
    saga = a_routed_restaurant()
    saga.take(StepForced("food", "on paper", {"number": "A1"}))
    saga.take(StepSkipped("sign", "no sign"))
    saga.migrate(newer(saga.plan))
    assert saga.step("food").result == {"number": "A1"}
    assert saga.statuses()["sign"] == "skipped"
    all_laws_hold(saga.drained())


def test_a_case_goes_from_its_own_version_to_a_newer_one_while_it_runs() -> None:
    saga = a_routed_restaurant()
    older = replace(saga.plan, version=2)
    assert refusal_of(saga, older) == "MIGRATION_VERSION"
    saga.plans[5] = replace(saga.plan, version=5)
    saga.is_refused(Migrated(4, 5, "the wrong one"), "MIGRATION_VERSION")
    plan = newer(saga.plan)
    saga.complete("check", "food").take(CaseStopped("handed in twice"))
    assert refusal_of(saga, plan) == "CASE_UNDOING"
    saga.drained()
    assert refusal_of(saga, plan) == "CASE_ENDED"
