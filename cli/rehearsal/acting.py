"""What a test says that happens, as inputs of the core: each kind of happening is one function in the table below."""

import hashlib
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from chassis.clock import BEIJING, day_of
from cli.rehearsal.offices import Offices, made_up_result
from cli.rehearsal.stage import Stage
from duokua.cases.v1 import case_pb2
from duokua.data import from_struct, to_struct
from services.cases.domain import inputs
from services.cases.domain.calendar import add_months
from services.cases.domain.case import StepStatus, TaskKind
from services.cases.domain.clocks import StopKind
from services.cases.domain.follow_ups import open_ones
from services.cases.domain.history import canonical
from services.cases.domain.proceedings import CorrectionItem, CorrectionStatus, ItemKind, UrgeKind
from services.cases.supplying import check_supply, supply_of
from services.matters.domain.limits import TimeUnit
from services.matters.package.times import limit_of
from services.matters.package.trials import HappeningPart

_HOUR = timedelta(hours=1)
_LENGTHS = {TimeUnit.HOUR: _HOUR, TimeUnit.MINUTE: timedelta(minutes=1), TimeUnit.CALENDAR_DAY: timedelta(days=1)}


class CannotHappenError(Exception):
    """What a test says cannot happen as the case stands."""


def moment_of(text: str) -> datetime:
    """A time in China, such as "2026-03-02 09:00". Raises CannotHappenError for a day that does not exist."""
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=BEIJING).astimezone(UTC)
    except ValueError as error:
        raise CannotHappenError(f"there is no day {text[:10]}") from error


class Acting:
    """Has things happen to one case."""

    def __init__(self, stage: Stage, offices: Offices) -> None:
        self.stage = stage
        self.offices = offices

    def perform(self, verb: str, said: HappeningPart, held: Collection[str]) -> None:
        """Have one thing happen; offices that are not `held` do meanwhile what they do by themselves.

        Raises CannotHappenError, Refusal and Problem.
        """
        if verb in _OF_TIME:
            _OF_TIME[verb](self, said, held)
        elif verb in _OF_TASKS and (said.step or verb not in _OTHERS):
            for _ in range(said.times or 1):
                self.stage.take(_OF_TASKS[verb](self, said, self._task_of(said.step or "", held)))
        else:
            _OTHERS[verb](self, said)
        self.stage.tell_lights()

    # Time

    def wait(self, said: HappeningPart, held: Collection[str]) -> None:
        """So much time passes; on working days, to the same time of the day."""
        limit = limit_of(said.wait or "")
        here = self.stage.now.astimezone(BEIJING)
        try:
            if limit.unit is TimeUnit.WORKING_DAY:
                day = self.stage.calendar.add_working_days(day_of(here), limit.amount)
            elif limit.unit is TimeUnit.MONTH:
                day = add_months(day_of(here), limit.amount)
            else:
                self._until(here + _LENGTHS[limit.unit] * limit.amount, held)
                return
        except (OverflowError, ValueError) as error:
            raise CannotHappenError(f"{said.wait} are more than there are dates") from error
        self._until(datetime.combine(day, here.timetz()), held)

    def until(self, said: HappeningPart, held: Collection[str]) -> None:
        """It is a certain time."""
        moment = moment_of(said.until or "")
        if moment < self.stage.now:
            raise CannotHappenError(f"it is {_shown(self.stage.now)} already, and time does not go back")
        self._until(moment, held)

    def _until(self, moment: datetime, held: Collection[str]) -> None:
        self.stage.story.note(self.stage.now, f"time passes until {_shown(moment)}")
        self.offices.wait_until(moment.astimezone(UTC), held)

    # Offices

    def _task_of(self, step_id: str, held: Collection[str]) -> str:
        """The open task of a step, or the last one that it had.

        The steps before it end first, as their offices would have it. Time passes until an office may try again.
        """
        stage = self.stage
        if stage.case.steps[step_id].status is StepStatus.WAITING:
            self.offices.work(set(held).difference(stage.plan.before[step_id]))
        for task in stage.open.values():
            if task.step_id == step_id:
                if task.not_before > stage.now:
                    self.offices.wait_until(task.not_before, held)
                return task.task_id
        past = [task.task_id for task in stage.case.tasks.values() if task.step_id == step_id]
        if not past:
            status = stage.case.steps[step_id].status
            raise CannotHappenError(f"no office has had a task of {step_id} yet: the step is {status}")
        return past[-1]

    def _complete(self, said: HappeningPart, task_id: str) -> inputs.Input:
        handles = self.stage.case.tasks[task_id].kind is TaskKind.HANDLE
        made_up = self.offices.result_of(said.step or "") if handles else {}
        return inputs.Completed(task_id, self.stage.request_id(), as_sent(said.complete or made_up, "complete"))

    def _correct(self, said: HappeningPart, task_id: str) -> inputs.Input:
        asked = said.correct
        assert asked is not None  # noqa: S101 - it is the happening
        items = [CorrectionItem(ItemKind.FIELD, name, why) for name, why in asked.fields.items()]
        items += [CorrectionItem(ItemKind.MATERIAL, name, why) for name, why in asked.materials.items()]
        return inputs.CorrectionRequested(task_id, self.stage.request_id(), tuple(items), asked.reason)

    def resume(self, said: HappeningPart) -> None:
        """The procedure of a step is over: that is said on the task on which it was begun."""
        begun = [each for each in self.stage.case.proceedings.procedures if each.step_id == said.step]
        if not begun:
            raise CannotHappenError(f"{said.step} has begun no procedure that could be over")
        self.stage.take(inputs.Resumed(begun[-1].task_id, self.stage.request_id(), said.resume or ""))

    # Applicant

    def supply(self, said: HappeningPart) -> None:
        """The applicant supplies what was asked for, checked as the service does."""
        stage, given = self.stage, said.supply
        assert given is not None  # noqa: S101 - it is the happening
        asked = [each for each in stage.case.proceedings.corrections if each.status is CorrectionStatus.OPEN]
        if not asked:
            raise CannotHappenError("nobody has asked the applicant for anything")
        asked_for = asked[-1]
        materials = [a_material(stage, kind, f"{kind} {asked_for.correction_no}") for kind in given.materials]
        supply = supply_of(asked_for, stage.form, stage.materials, nested(given.form), materials, {})
        check_supply(stage.published, stage.case, stage.form, supply, materials, {})
        before, stage.form, stage.materials = (stage.form, stage.materials), supply.form, supply.materials
        try:
            digests = tuple(dict.fromkeys(each["sha256"] for each in supply.materials))
            stage.take(inputs.Corrected(asked_for.correction_no, digest_of(supply.form), digests))
        except Exception:
            stage.form, stage.materials = before
            raise

    # Lead organ

    def answer(self, said: HappeningPart) -> None:
        """A bad rating is answered, by the office of the step or for the whole case by its lead."""
        waiting = {each.step_id: each.task_id for each in open_ones(self.stage.case)}
        task_id = waiting.get(said.step or "")
        if task_id is None:
            raise CannotHappenError(f"no bad rating of {said.step or 'the whole case'} waits for an answer")
        self.stage.take(inputs.Completed(task_id, self.stage.request_id(), as_sent(said.answer or {}, "answer")))

    def urge(self, said: HappeningPart) -> None:
        """The step's office is reminded, or its superior told."""
        kind = UrgeKind.URGE if said.urge else UrgeKind.SUPERVISE
        self.stage.take(inputs.Urged(said.step or "", kind, said.urge or said.supervise or ""))

    def deliver(self, said: HappeningPart) -> None:
        """The results are delivered."""
        assert said.deliver is not None  # noqa: S101 - it is the happening
        self.stage.take(inputs.Delivered(said.deliver.channel, said.deliver.receiver))

    def extend(self, said: HappeningPart) -> None:
        """The whole case has more time."""
        assert said.extend is not None  # noqa: S101 - it is the happening
        self.stage.take(inputs.ExtensionGranted(said.extend.amount, said.extend.reason, said.extend.authority))

    # Operators

    def retry(self, said: HappeningPart) -> None:
        """Try again what the step's incident stopped."""
        open_ones = [each for each in self.stage.case.incidents.values() if each.resolved_at is None]
        found = next((each for each in open_ones if each.step_id == said.step), None)
        if found is None:
            raise CannotHappenError(f"{said.step} has no open incident to try again")
        self.stage.take(inputs.IncidentRetried(found.incident_id, self.stage.request_id(), said.retry or ""))

    def force(self, said: HappeningPart) -> None:
        """Take the step as done."""
        step_id = said.step or ""
        result = as_sent(said.force or made_up_result(self.stage.plan, step_id), "force")
        self.stage.take(inputs.StepForced(step_id, "test", result, request_id=self.stage.request_id()))


def as_sent(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Data as they arrive by the contract: 3.0 is 3. Raises CannotHappenError for what it cannot hold."""
    try:
        return from_struct(to_struct(data, name))
    except (TypeError, ValueError) as error:
        raise CannotHappenError(str(error)) from error


def a_material(stage: Stage, kind: str, content: str) -> case_pb2.Material:
    """A material of a kind that the bundle has, with a content of its own."""
    declared = next(each for each in stage.published.bundle.materials if each.kind == kind)
    media_type = declared.media_types[0] if declared.media_types else "application/pdf"
    return case_pb2.Material(kind=kind, name=kind, media_type=media_type, content=content.encode())


def digest_of(form: Mapping[str, Any]) -> str:
    """SHA-256 of a form, as the service tells the core."""
    return hashlib.sha256(canonical(dict(form))).hexdigest()


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by dotted paths in the shape of the form."""
    shaped: dict[str, Any] = {}
    for path, value in values.items():
        *above, last = path.split(".")
        here = shaped
        for name in above:
            here = here.setdefault(name, {})
        here[last] = value
    return shaped


def _shown(moment: datetime) -> str:
    return f"{moment.astimezone(BEIJING):%Y-%m-%d %H:%M}"


def _visit(acting: Acting, said: HappeningPart, task_id: str) -> inputs.Input:
    assert said.visit is not None  # noqa: S101 - it is the happening
    at = moment_of(said.visit.at)
    return inputs.VisitScheduled(task_id, acting.stage.request_id(), at, said.visit.place)


def _simple(answer: Callable[..., inputs.Input], *names: str) -> "_Answer":
    """An answer whose fields stand in the happening, under these names."""

    def make(acting: Acting, said: HappeningPart, task_id: str) -> inputs.Input:
        return answer(task_id, acting.stage.request_id(), *(_value(said, name) for name in names))

    return make


def _value(said: Any, name: str) -> Any:
    for part in name.split("."):
        said = getattr(said, part)
    return said


def _pass_up(acting: Acting, said: HappeningPart, task_id: str) -> inputs.Input:
    assert said.pass_up is not None  # noqa: S101 - it is the happening
    opinion = as_sent(said.pass_up.opinion, "opinion")
    return inputs.PassedUp(task_id, acting.stage.request_id(), opinion, said.pass_up.reason)


def _suspend(acting: Acting, said: HappeningPart, task_id: str) -> inputs.Input:
    assert said.suspend is not None  # noqa: S101 - it is the happening
    kind = StopKind(said.suspend.kind)
    return inputs.Suspended(task_id, acting.stage.request_id(), kind, said.suspend.reason)


_Answer: TypeAlias = Callable[[Acting, HappeningPart, str], inputs.Input]
_OF_TIME: dict[str, Callable[[Acting, HappeningPart, Collection[str]], None]] = {
    "wait": Acting.wait,
    "until": Acting.until,
}
_OF_TASKS: dict[str, _Answer] = {
    "accept": _simple(inputs.Accepted),
    "complete": Acting._complete,  # noqa: SLF001 - its own
    "refuse": _simple(inputs.Refused, "refuse"),
    "send_back": _simple(inputs.Returned, "send_back"),
    "fail": _simple(inputs.Failed, "fail"),
    "correct": Acting._correct,  # noqa: SLF001 - its own
    "suspend": _suspend,
    "extend": _simple(inputs.LimitExtended, "extend.amount", "extend.reason", "extend.authority"),
    "pass_up": _pass_up,
    "hand_over": _simple(inputs.HandedOver, "hand_over"),
    "visit": _visit,
    "attend": _simple(inputs.VisitAttended, "attend"),
}
_OTHERS: dict[str, Callable[[Acting, HappeningPart], None]] = {
    "resume": Acting.resume,
    "extend": Acting.extend,
    "supply": Acting.supply,
    "withdraw": lambda acting, said: acting.stage.take(inputs.Withdrawn(said.withdraw or "")),
    "rate": lambda acting, said: acting.stage.take(inputs.Rated(said.rate or 0, said.step or "")),
    "answer": Acting.answer,
    "urge": Acting.urge,
    "supervise": Acting.urge,
    "deliver": Acting.deliver,
    "retry": Acting.retry,
    "skip": lambda acting, said: acting.stage.take(
        inputs.StepSkipped(said.step or "", said.skip or "", request_id=acting.stage.request_id())
    ),
    "reassign": lambda acting, said: acting.stage.take(
        inputs.StepReassigned(said.step or "", said.reassign or "", request_id=acting.stage.request_id())
    ),
    "force": Acting.force,
    "stop": lambda acting, said: acting.stage.take(
        inputs.CaseStopped(said.stop or "", request_id=acting.stage.request_id())
    ),
}
