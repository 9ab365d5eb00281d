"""Any inputs in any order: `decide` gives a change, no change, or a named refusal, and never anything else."""

import json
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any, get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from services.cases.domain.case import OPEN_TASK, Case, NoticeStatus, TaskKind
from services.cases.domain.clocks import Limit, LimitKind, StopKind, Unit
from services.cases.domain.decide import Decision, decide, replay, version_for
from services.cases.domain.effects import AskBranch
from services.cases.domain.inputs import Branched, Input, Migrated, RoutingDecision, Submitted, from_json, to_json
from services.cases.domain.plan import CorrectionRules, Limits, Notice, Plan, PlanStep, Visit
from services.cases.domain.proceedings import CorrectionItem, CorrectionStatus, ItemKind, UrgeKind
from services.cases.domain.reckoning import Light
from services.cases.domain.records import Result
from services.cases.domain.refusal import Refusal
from services.cases.domain.reporting import Moment, Reports
from services.cases.domain.snapshot import from_json as case_from_json
from services.cases.domain.snapshot import to_json as case_to_json
from services.cases.domain.stages import NEEDS_REASON
from services.cases.domain.versions import check_versions
from tests.cases.domain.plans import a_plan
from tests.cases.domain.saga import NINE

LIMIT = Limit(5, Unit.WORKING_DAY, LimitKind.STATUTORY, longest_extension=2)
SHORT = Limit(3, Unit.HOUR, LimitKind.PROMISED)
LATE = 'steps["s0"].result.size > 1'
FOLLOW_UP = TaskKind.FOLLOW_UP
PENDING = frozenset({NoticeStatus.REQUESTED, NoticeStatus.WITHDRAWN})
OFFICES = ["", "office a", "office b", "office c"]
KINDS = tuple(kind for kind in get_args(Input) if kind is not Submitted)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """A bundle with anything that a bundle may have."""
    names = [f"s{number}" for number in range(draw(st.integers(1, 6)))]
    steps = []
    for number, name in enumerate(names):
        after = draw(st.lists(st.sampled_from(names[:number]), unique=True, max_size=3)) if number else []
        late = "s0" in after and draw(st.booleans())
        limits = Limits(*(draw(st.sampled_from([None, each])) for each in (LIMIT, LIMIT, SHORT)))
        steps.append(
            PlanStep(
                name,
                name=f"step {name}",
                catalog_code="330131903000",
                after=tuple(after),
                undoable=draw(st.booleans()),
                pivot=draw(st.integers(0, 5)) == 5,
                form_fields=("premises", "food.kitchen"),
                materials=("plan", "lease"),
                notice=Notice("title", "text") if draw(st.booleans()) else None,
                limits=limits,
                optional=draw(st.integers(0, 3)) == 3,
                without_application=draw(st.integers(0, 5)) == 5,
                quorum=draw(st.integers(0, len(after))),
                pre_check=number == 0 and draw(st.booleans()),
                when=LATE if late else "",
                late=late,
            )
        )
    together = draw(st.lists(st.sampled_from(names), unique=True, min_size=1, max_size=3))
    return a_plan(
        *steps,
        limits=Limits(statutory=draw(st.sampled_from([None, LIMIT]))),
        corrections=CorrectionRules(2, draw(st.sampled_from([None, LIMIT]))),
        visits=(Visit("v", "the visit", tuple(together)),) if draw(st.booleans()) else (),
        undo_order=tuple(draw(st.permutations(names))[: draw(st.integers(0, len(names)))]),
    )


@st.composite
def inputs(draw: st.DrawFn, plan: Plan, case: Case) -> Input:
    """An input of any kind about this case; mostly with names that it knows."""
    kind = draw(st.sampled_from(KINDS))
    said: Input = kind(**{each.name: draw(_value(each.name, plan, case)) for each in fields(kind)})
    return said


def _value(name: str, plan: Plan, case: Case) -> st.SearchStrategy[Any]:
    steps = [step.step_id for step in plan.steps]
    known: dict[str, Callable[[], st.SearchStrategy[Any]]] = {
        "task_id": lambda: _one_of(_open_first(case), "c1:s0:99"),
        "step_id": lambda: st.sampled_from([*steps, "", "unknown"]),
        "request_id": lambda: st.sampled_from([f"r{number}" for number in range(40)]),
        "request_no": lambda: st.integers(0, case.request_no + 1),
        "correction_no": lambda: st.integers(0, len(case.proceedings.corrections) + 1),
        "clock_id": lambda: _one_of(list(case.proceedings.clocks), "s0:none"),
        "notice_id": lambda: _one_of([step.notice_id for step in case.steps.values() if step.notice_id], "n"),
        "incident_id": lambda: _one_of(list(case.incidents), "i"),
        "decisions": lambda: st.lists(_decisions(steps), max_size=len(steps)).map(tuple),
        "items": lambda: st.lists(_items(), max_size=3).map(tuple),
        "failed": lambda: st.lists(st.sampled_from(steps), unique=True).map(tuple),
        "failures": lambda: st.lists(st.just("no such field"), max_size=3).map(tuple),
        "needed": lambda: st.lists(st.sampled_from(steps), unique=True).map(tuple),
        "skipped": lambda: st.lists(st.sampled_from(steps), unique=True).map(tuple),
        "skip_reasons": lambda: st.lists(st.just("it does not hold"), max_size=3).map(tuple),
        "tags": lambda: st.lists(st.sampled_from(["slow", "kind"]), max_size=2).map(tuple),
        "from_version": lambda: st.sampled_from([case.bundle_version, case.bundle_version, 1]),
        "to_version": lambda: st.sampled_from([case.bundle_version + 1, case.bundle_version]),
        "mapping": lambda: st.dictionaries(st.sampled_from(steps), st.sampled_from(["", *steps]), max_size=2),
        "step_regions": lambda: st.dictionaries(st.sampled_from(steps), st.just("330102"), max_size=2),
        "step_organs": lambda: st.dictionaries(st.sampled_from(steps), st.just("11330106MB1A001003"), max_size=2),
        "moved": lambda: st.lists(st.sampled_from(steps), max_size=2).map(tuple),
        "material_digests": lambda: st.just(("ab",)),
        "result": lambda: st.dictionaries(st.sampled_from(["size", "x"]), st.integers(0, 3), max_size=2),
        "opinion": lambda: st.just({"fit": True}),
        "organ_id": lambda: st.sampled_from(OFFICES),
        "retry_after": lambda: st.sampled_from([None, timedelta(0), timedelta(days=3)]),
        "procedure": lambda: st.sampled_from(list(StopKind)),
        "light": lambda: st.sampled_from(list(Light)),
        "urge": lambda: st.sampled_from(list(UrgeKind)),
        "level": lambda: st.integers(1, 5),
        "amount": lambda: st.integers(1, 3),
        "at": lambda: st.just(NINE),
    }
    return known.get(name, lambda: st.sampled_from(["", "a word"]))()


@st.composite
def _branched(draw: st.DrawFn, asked: tuple[str, ...]) -> Branched:
    """The shell's answer, which comes at once."""
    says = {step_id: draw(st.sampled_from(["needed", "skipped", "failed"])) for step_id in asked}
    of = {
        word: tuple(step_id for step_id in asked if says[step_id] == word) for word in ("needed", "skipped", "failed")
    }
    no, why = ("it does not hold",) * len(of["skipped"]), ("no such field",) * len(of["failed"])
    return Branched(of["needed"], of["skipped"], no, of["failed"], why)


def _open_first(case: Case) -> list[str]:
    """Tasks that are open come up as often as all others together."""
    held = [step.task_id for step in case.steps.values() if step.task_id]
    return [*case.tasks, *held * max(1, len(case.tasks) // max(1, len(held)))]


def _one_of(known: list[str], unknown: str) -> st.SearchStrategy[str]:
    return st.sampled_from([*known * 5, unknown])


@st.composite
def _decisions(draw: st.DrawFn, steps: list[str]) -> RoutingDecision:
    office = draw(st.sampled_from(OFFICES))
    above = tuple(draw(st.lists(st.sampled_from(["city", "province"]), unique=True)))
    return RoutingDecision(draw(st.sampled_from(steps)), office, office.title(), "a rule", above)


@st.composite
def _items(draw: st.DrawFn) -> CorrectionItem:
    kind = draw(st.sampled_from(list(ItemKind)))
    return CorrectionItem(kind, draw(st.sampled_from(["premises.area", "food.kitchen", "plan", "none"])), "illegible")


@settings(max_examples=200)
@given(st.data())
def test_any_sequence_of_inputs_gives_changes_or_named_refusals_and_replays_to_the_same(data: st.DataObject) -> None:
    plan = data.draw(plans(), "plan")
    decided_now = [step.step_id for step in plan.steps if not step.when]
    skipped = data.draw(st.lists(st.sampled_from(decided_now), unique=True, max_size=2), "skipped")
    first = Submitted("c1", "number", plan.bundle_id, plan.version, "person:1", "341802", tuple(skipped))
    now = NINE
    history: list[tuple[Input, datetime]] = [(first, now)]
    decision = decide(plan, None, first, now)
    case, asked, versions = decision.case, _asked(decision), {plan.version: plan}
    for _ in range(data.draw(st.integers(5, 40), "inputs")):
        said = data.draw(_branched(asked) if asked else inputs(versions[case.bundle_version], case), "said")
        if isinstance(said, Migrated) and said.to_version not in versions:
            versions[said.to_version] = replace(data.draw(plans(), "the new version"), version=said.to_version)
        if isinstance(said, Migrated) and not _alike(versions[case.bundle_version], versions[said.to_version], case):
            continue
        now += timedelta(minutes=data.draw(st.sampled_from([0, 1, 600, 10_000]), "minutes"))
        assert from_json(said.kind, json.loads(json.dumps(to_json(said)))) == said
        taken = _taken(versions[version_for(case, said)], case, said, now)
        if taken is not None and taken.changed:
            history.append((said, now))
            assert taken.case.version == case.version + 1
            case, asked = taken.case, _asked(taken)
            assert case_from_json(json.loads(json.dumps(case_to_json(case)))) == case
            assert case.ended != bool(asked or waits_for(case)), f"{case.status}, waits for {waits_for(case)}"
    assert replay(plan, history, versions) == case
    _check_records(versions, history)


def _check_records(plans: Mapping[int, Plan], history: list[tuple[Input, datetime]]) -> None:
    """Whatever happened can be reported, with a reason where the result needs one."""
    reports, case, versions = Reports({}), None, dict[str, int]()
    for sequence, (said, at) in enumerate(history, 1):
        plan = plans[version_for(case, said)]
        after = decide(plan, case, said, at).case
        for record in reports.after(Moment(plan, sequence, at, said, case, after)):
            assert record.version == versions.get(record.key, 0) + 1
            versions[record.key] = record.version
            content = record.fact.content
            if isinstance(content, Result) and content.result in NEEDS_REASON:
                assert content.reason, record
        case = after


def _asked(decision: Decision) -> tuple[str, ...]:
    return tuple(each for effect in decision.effects if isinstance(effect, AskBranch) for each in effect.step_ids)


def waits_for(case: Case) -> set[str]:
    """What has to happen before the case can end: a case that waits for nothing would never go on."""
    tasks = {task.task_id for task in case.tasks.values() if task.status in OPEN_TASK and task.kind is not FOLLOW_UP}
    steps = {f"an office for {step.step_id}" for step in case.steps.values() if step.routing_no}
    notices = {step.notice_id for step in case.steps.values() if step.notice_status in PENDING}
    incidents = {each.incident_id for each in case.incidents.values() if each.resolved_at is None}
    corrections = {"the applicant" for each in case.proceedings.corrections if each.status is CorrectionStatus.OPEN}
    procedures = {f"a {each.kind}" for each in case.proceedings.procedures if each.ended_at is None}
    return tasks | steps | notices | incidents | corrections | procedures


def _alike(before: Plan, after: Plan, case: Case) -> bool:
    """Whether a case may go from one version to the other, as whoever asks for it looks first."""
    try:
        check_versions(before, after, case)
    except Refusal as refusal:
        _check_named(refusal)
        return False
    return True


def _taken(plan: Plan, case: Case, said: Input, now: datetime) -> Decision | None:
    try:
        decision = decide(plan, case, said, now)
    except Refusal as refusal:
        _check_named(refusal)
        return None
    if not decision.changed:
        assert decision.case is case
        assert decision.effects == ()
    return decision


def _check_named(refusal: Refusal) -> None:
    assert refusal.reason == refusal.reason.upper()
    assert refusal.reason in (Refusal.__doc__ or ""), f"{refusal.reason} is not listed"
    assert refusal.message
