"""What every bundle must survive, whoever wrote it: feed it a Plan, it raises AssertionError where the saga breaks.

@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("plan", every_shipped_plan())
def test_every_shipped_scenario_survives(plan, check):
    check(plan)
"""

from collections.abc import Callable, Iterator

from services.cases.domain.answers import FAILURES_TO_INCIDENT
from services.cases.domain.case import CaseStatus, StepStatus
from services.cases.domain.inputs import Accepted, Completed, Failed, IncidentRetried, Refused, Returned
from services.cases.domain.plan import Plan
from tests.cases.domain.laws import all_laws_hold
from tests.cases.domain.saga import Saga
from tests.cases.domain.site import go, waits

REPEATABLE = Accepted | Completed | Refused | Returned | Failed | IncidentRetried


def all_succeed(plan: Plan) -> None:
    """Every office accepts and completes: the case completes, and every step that is not skipped ran once."""
    for saga in _started(plan):
        while saga.open:
            step_id = _ready(saga)[0]
            saga.accept(step_id).complete(step_id)
            all_laws_hold(saga)
        _settle(saga)
        assert saga.stands(CaseStatus.COMPLETED)
        ran = [task.step_id for task in saga.all_tasks.values()]
        assert sorted(ran) == sorted(_not_skipped(saga))


def each_step_refused(plan: Plan) -> None:
    """Each step is refused in turn, as early and as late as it can be: undone before the pivot, forward after it."""
    for step in plan.steps:
        for saga in _started(plan):
            if step.step_id in _not_skipped(saga):
                _complete(saga, only=_before(plan, step.step_id))
                if step.step_id in _not_skipped(saga):
                    _refuse(saga, step.step_id)
        for saga in _started(plan):
            _complete(saga, but=step.step_id)
            if step.step_id in _not_skipped(saga):
                _refuse(saga, step.step_id)


def each_step_returned(plan: Plan) -> None:
    """Each step is returned in turn, and another office completes it."""
    for step_id, saga in _each_step_offered(plan):
        saga.send_back(step_id).routed()
        assert saga.step(step_id).organ_id != f"office of {step_id}"
        _finish(saga)
        assert saga.stands(CaseStatus.COMPLETED)


def each_step_fails(plan: Plan) -> None:
    """Each step fails technically in turn until an operator is asked, and completes after the retry."""
    for step_id, saga in _each_step_offered(plan):
        saga.fail(step_id, times=FAILURES_TO_INCIDENT).retried("TASK_FAILED")
        _finish(saga)
        assert saga.stands(CaseStatus.COMPLETED)


def each_undo_fails(plan: Plan) -> None:
    """Each undo task fails technically until an operator is asked, and the case is undone all the same."""
    for step in plan.steps:
        for saga in _started(plan):
            _complete(saga, but=step.step_id)
            if step.step_id not in _not_skipped(saga):
                continue
            saga.refuse(step.step_id)
            while saga.being_undone():
                (undone,) = saga.being_undone()
                saga.fail(undone, times=FAILURES_TO_INCIDENT).retried("UNDO_FAILED").complete(undone)
                all_laws_hold(saga)
            _finish(saga)


def each_answer_repeated(plan: Plan) -> None:
    """Each answer is repeated, at once and after the end, in a good run and in refused ones: nothing is done twice."""
    for refusing in (None, *(step.step_id for step in plan.steps)):
        for saga in _started(plan):
            while step_id := _to_do(saga):
                if step_id == refusing and saga.offered():
                    saga.accept(step_id).refuse(step_id)
                else:
                    saga.accept(step_id).complete(step_id)
                _repeat_everything(saga)
            _finish(saga)
            _repeat_everything(saga)


def _to_do(saga: Saga) -> str:
    """A step that can be answered; empty when all that are left wait for an operator, as what they visit together."""
    return next((task.step_id for task in go(saga).open.values() if not waits(saga, task)), "")


CHECKS: tuple[Callable[[Plan], None], ...] = (
    all_succeed,
    each_step_refused,
    each_step_returned,
    each_step_fails,
    each_undo_fails,
    each_answer_repeated,
)


def _started(plan: Plan) -> Iterator[Saga]:
    """Submitted and routed cases: with every branch taken, without each of them, and without all.

    Of a choice one step is done: each of them in turn. A late condition comes out the same way when it is asked for.
    """
    branches = tuple(step.step_id for step in plan.steps if (step.when or step.late) and not step.choice)
    for chosen in _choices(plan):
        for skipped in dict.fromkeys([(), *((branch,) for branch in branches), branches]):
            saga = Saga(plan)
            saga.verdicts = {step_id: "skipped" for step_id in skipped if plan.by_id[step_id].late}
            yield saga.submitted(*(step_id for step_id in (*skipped, *chosen) if step_id not in saga.verdicts)).routed()


def _choices(plan: Plan) -> Iterator[tuple[str, ...]]:
    """What is skipped so that of each choice one step is left: the first, the second ... as long as there are more."""
    for turn in range(max((len(members) for members in plan.choices.values()), default=1)):
        kept = {members[turn % len(members)] for members in plan.choices.values()}
        yield tuple(member for members in plan.choices.values() for member in members if member not in kept)


def _ready(saga: Saga) -> list[str]:
    """The steps that can be completed now, when everybody who can go to a visit has."""
    return [step_id for step_id in go(saga).offered() if not waits(saga, saga.open[saga.task_id(step_id)])]


def _each_step_offered(plan: Plan) -> Iterator[tuple[str, Saga]]:
    for step in plan.steps:
        for saga in _started(plan):
            if step.step_id in _not_skipped(saga):
                _complete(saga, only=_before(plan, step.step_id))
                if step.step_id in _not_skipped(saga):
                    yield step.step_id, saga


def _not_skipped(saga: Saga) -> list[str]:
    return [step.step_id for step in saga.case.steps.values() if step.status is not StepStatus.SKIPPED]


def _before(plan: Plan, step_id: str) -> set[str]:
    """The steps that must end before this one, or before the offices with which its own makes a visit can go there."""
    visit = plan.visit_of.get(step_id)
    before = {other for mate in (visit.steps if visit else (step_id,)) for other in plan.by_id[mate].after}
    return before.union(*(_before(plan, other) for other in before))


def _complete(saga: Saga, *, only: set[str] | None = None, but: str = "") -> None:
    """Complete what is offered, and what is offered then, as long as it is of ``only`` and not ``but``."""
    while True:
        ready = [step_id for step_id in _ready(saga) if step_id != but and (only is None or step_id in only)]
        if not ready:
            return
        saga.complete(ready[0])


def _refuse(saga: Saga, step_id: str) -> None:
    done = {step.step_id: step.completion_no for step in saga.case.steps.values() if step.completion_no}
    plan = saga.plan
    pivot_passed = any(plan.by_id[other].pivot for other in done)
    all_laws_hold(saga.refuse(step_id, "refused in turn"))
    if plan.by_id[step_id].tolerant:
        _refused_without_harm(saga, step_id)
        return
    if pivot_passed:
        saga.retried("REFUSED_AFTER_PIVOT")
    _finish(saga)
    if pivot_passed:
        assert saga.stands(CaseStatus.COMPLETED)
        return
    assert saga.stands(CaseStatus.UNDONE)
    assert saga.case.refusal_reason == "refused in turn"
    undoable = [other for other in done if plan.by_id[other].undoable]
    named = [other for other in plan.undo_order if other in undoable]
    rest = [other for other in undoable if other not in named]
    assert saga.undo_order() == named + sorted(rest, key=lambda other: -done[other])


def _refused_without_harm(saga: Saga, step_id: str) -> None:
    """Nothing is undone for it, unless a quorum needed the step."""
    needed = any(follower.quorum for follower in saga.plan.followers[step_id])
    _finish(saga)
    assert saga.step(step_id).status is StepStatus.REFUSED
    assert needed or saga.stands(CaseStatus.COMPLETED)


def _finish(saga: Saga) -> None:
    """Everybody does what is asked until the case ends; then everything must agree."""
    all_laws_hold(saga.drained())


def _settle(saga: Saga) -> None:
    """Only the seals are missing."""
    assert not saga.open
    assert not saga.open_incidents
    all_laws_hold(saga.sealed(*(step.step_id for step in saga.case.steps.values() if step.notice_id)))


def _repeat_everything(saga: Saga) -> None:
    for given, _ in tuple(saga.history):
        if isinstance(given, REPEATABLE):
            assert not saga.take(given).changed
