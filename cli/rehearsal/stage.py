"""One case on the core of cases, as the shell of the platform drives it, but without a database and at any time.

What the platform does by itself happens at once: offices are found, conditions on results are decided, notices are
worded and sealed, the applicant is told. Compiling, deciding, branching, clocks, what an office is given, and the words
of notices and messages are the services' own code.
"""

import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, assert_never, cast

from cli.rehearsal.mail import Granted, Outbox, Sealed
from cli.rehearsal.story import Story
from duokua.cases.v1 import task_pb2
from services.cases import announcements, taskbodies
from services.cases.branching import branch_late
from services.cases.domain.case import Case, NoticeStatus, TaskKind
from services.cases.domain.decide import Decision, decide
from services.cases.domain.effects import (
    AcceptTask,
    Announce,
    AskBranch,
    CloseIncident,
    CloseTask,
    Effect,
    NameHandler,
    OpenTask,
    RequestLicence,
    RequestNotice,
    RequestRouting,
    WithdrawLicence,
    WithdrawNotice,
)
from services.cases.domain.inputs import KEEPING, Answer, Completed, Finding, Input, InputsFailed
from services.cases.domain.looking import turned, wake_at
from services.cases.published import Published
from services.cases.release_calendar import built_in
from services.cases.results import tell_of_result
from services.cases.stepinputs import InputsFaultError

if TYPE_CHECKING:
    from chassis.database import UnitOfWork
    from services.cases.calendars import Calendars

MOST_INPUTS = 2_000
"""Of one test: what goes on after that never ends."""
MOST_SECONDS = 10.0
"""Of one test, by the wall clock."""


class EndlessError(Exception):
    """A test that does not come to an end."""


@dataclass(frozen=True, slots=True)
class _Calendars:
    """The working days that come with this release, where the shell looks for those of its database."""

    def newest(self, work: "UnitOfWork") -> Any:
        del work
        return built_in()


class Stage:
    """A case, everything that has been said about it, and the time."""

    def __init__(
        self, published: Published, now: datetime, without_office: frozenset[str], added: frozenset[str]
    ) -> None:
        self.published = published
        self.plan = published.plan
        self.calendar = built_in()
        self.now = now
        self.form: Mapping[str, Any] = {}
        self.materials: Sequence[Mapping[str, Any]] = ()
        self.open: dict[str, OpenTask] = {}
        """The tasks that offices have, by id."""
        self.given: dict[str, task_pb2.Task] = {}
        """The last task to handle that the office of a step was given, by step."""
        self.undone: list[str] = []
        """The steps of the package whose offices have undone their result, in that order."""
        self._added = added
        self.story = Story(self.plan)
        self.outbox = Outbox(self.plan, without_office, now)
        self.refused: set[str] = set()
        """The steps that an office has refused, at whatever time."""
        self._case: Case | None = None
        self._inputs = 0
        self._requests = 0
        self._started = time.monotonic()

    @property
    def case(self) -> Case:
        """The case as it stands."""
        assert self._case is not None  # noqa: S101 - nothing is asked before the application is taken
        return self._case

    @property
    def submitted(self) -> bool:
        """Whether the application was taken."""
        return self._case is not None

    def request_id(self) -> str:
        """An id that no answer has had yet."""
        self._requests += 1
        return f"request-{self._requests}"

    def take(self, given: Input) -> None:
        """Have the core take an input, and everything follow that the platform does by itself. Raises Refusal."""
        self._take(given)
        while (found := self.outbox.next()) is not None:
            self._take(found)

    def tell_lights(self) -> None:
        """Tell the case what time has done to its clocks."""
        while (given := turned(self.case, self.now, self.calendar, self.plan.rules)) is not None:
            self.take(given)

    def next_change(self) -> datetime | None:
        """When something happens by itself: a light changes, or an office may try again."""
        changes = [task.not_before for task in self.open.values() if task.not_before > self.now]
        wake = wake_at(self.case, self.now, self.calendar, self.plan.rules)
        return min([*changes, *([wake] if wake else [])], default=None)

    def sealed(self, step_id: str) -> Sealed | None:
        """The notice of a step as it was worded last; None when there is none."""
        notice_id = self.case.steps[step_id].notice_id
        return self.outbox.worded.get(notice_id) if notice_id else None

    def licence(self, step_id: str) -> Granted | None:
        """The licence that the approval of a step made last; None when it made none."""
        return self.outbox.licences.get(step_id)

    def notice_status(self, step_id: str) -> str:
        """Where the notice of a step stands, as readers are told."""
        status = self.case.steps[step_id].notice_status
        return str(NoticeStatus.REVOKED if status is NoticeStatus.WITHDRAWN else status)

    def _take(self, given: Input) -> None:
        self._count()
        before = self._case
        decision: Decision = decide(self.plan, before, given, self.now)
        if not decision.changed:
            return
        self._case = decision.case
        self.story.add(self.now, given, before, decision)
        if isinstance(given, Answer):
            self._note_answer(given)
        findings: deque[Finding] = deque()
        for effect in decision.effects:
            self._carry_out(effect, findings)
        for finding in findings:
            self._take(finding)

    def _note_answer(self, given: Answer) -> None:
        task = self.case.tasks[given.task_id]
        if not isinstance(given, KEEPING):
            self.open.pop(given.task_id, None)
        if isinstance(given, Completed) and task.kind is TaskKind.UNDO and task.step_id not in self._added:
            self.undone.append(task.step_id)
        if given.kind == "refused":
            self.refused.add(task.step_id)

    def _carry_out(self, effect: Effect, findings: deque[Finding]) -> None:
        """Do what an effect asks for, as the shell in `services/cases/saga.py`."""
        work, published, case = cast("UnitOfWork", self.outbox), self.published, self.case
        self.outbox.now = self.now
        match effect:
            case AskBranch():
                findings.append(branch_late(published, case, self.form, effect.step_ids))
            case OpenTask():
                self._open(effect, findings)
            case CloseTask():
                self.open.pop(effect.task_id, None)
            case RequestRouting():
                announcements.request_routing(work, published, case, effect)
            case RequestNotice() | WithdrawNotice() | RequestLicence() | WithdrawLicence():
                tell_of_result(work, published, case, effect, self.form)
            case Announce():
                announcements.announce(work, published, case, effect.event, cast("Calendars", _Calendars()))
            case AcceptTask() | NameHandler() | CloseIncident():
                pass  # the case itself tells, and there are no rows to keep
            case _:
                assert_never(effect)

    def _open(self, effect: OpenTask, findings: deque[Finding]) -> None:
        self.open[effect.task_id] = effect
        try:
            body = taskbodies.body(self.published, self.case, effect, self.form, self.materials)
        except InputsFaultError as fault:
            findings.append(InputsFailed(effect.task_id, str(fault)))
            return
        if effect.kind is TaskKind.HANDLE:
            self.given[effect.step_id] = task_pb2.Task.FromString(body)

    def _count(self) -> None:
        self._inputs += 1
        if self._inputs > MOST_INPUTS:
            raise EndlessError(f"has not come to an end after {MOST_INPUTS} happenings")
        if time.monotonic() - self._started > MOST_SECONDS:
            raise EndlessError(f"has not come to an end after {MOST_SECONDS:.0f} seconds")
