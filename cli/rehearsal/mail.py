"""What a case tells other services, and what they answer: routing, seals, licences, and messages to the applicant."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any

from google.protobuf.message import Message

from duokua.cases.v1 import events_pb2
from duokua.data import from_struct
from duokua.routing.v1 import routing_pb2
from services.cases.domain.inputs import Input, NoticeFailed, NoticeRevoked, NoticeSealed, Routed, RoutingDecision
from services.cases.domain.plan import Plan
from services.eseal.domain.wording import Notice, NoticeError, word
from services.notify.domain.messages import person
from services.notify.happenings import happening_of
from services.notify.texts import Texts

APPLICANT = "applicant"
_SUPERIORS = ("above", "top")


@dataclass(frozen=True, slots=True)
class Sealed:
    """A notice as it would be sealed."""

    title: str
    text: str
    """One paragraph a line."""


@dataclass(frozen=True, slots=True)
class Granted:
    """A licence as it would be issued."""

    says: Mapping[str, Any]
    revoked: bool = False


@dataclass(slots=True)
class Outbox:
    """Takes events as the transaction of a shell does, and has them answered at once.

    The office of a step is "<name of the step>办理机关"; the next one when that has given the step back.
    """

    plan: Plan
    without_office: frozenset[str]
    now: datetime
    """Of what is told now."""
    worded: dict[str, Sealed] = field(default_factory=dict)
    """Notices by their id."""
    licences: dict[str, Granted] = field(default_factory=dict)
    """The last licence of each step that made one."""
    told: list[str] = field(default_factory=list)
    """Messages to the applicant, title and text."""
    _answers: deque[Input] = field(default_factory=deque)

    def emit(self, occurrence: Message, *, subject: str) -> None:
        """Take an event."""
        del subject
        if isinstance(occurrence, events_pb2.LicenceRequested):
            self.licences[occurrence.step.step_id] = Granted(from_struct(occurrence.data))
            return
        if isinstance(occurrence, events_pb2.LicenceWithdrawn):
            step_id = occurrence.step.step_id
            self.licences[step_id] = replace(self.licences[step_id], revoked=True)
            return
        answer = _ANSWERS.get(type(occurrence))
        if answer is not None:
            self._answers.append(answer(self, occurrence))
            return
        happening = happening_of(occurrence)  # type: ignore[arg-type]  # nothing else is left of what cases tell
        if person(APPLICANT) in happening.recipients:
            self.told.append("\n".join(_texts().render(happening)))

    def next(self) -> Input | None:
        """The next answer of another service, or None."""
        return self._answers.popleft() if self._answers else None

    def route(self, event: events_pb2.RoutingRequested) -> Input:
        """Find offices: all there are but those that had the step before."""
        decisions = []
        for step in event.steps:
            name = self.plan.by_id[step.step_id].name
            if why := self._nobody(step):
                decisions.append(RoutingDecision(step.step_id, "", "", why))
                continue
            number = len(step.excluded_organ_ids) + 1
            named = "" if step.above_organ_id else step.named_uscc
            organ_id = step.organ_id or named or f"office-{number}:{step.step_id}"
            organ_name = f"{name}办理机关" if number == 1 else f"{name}办理机关（{number}）"
            decisions.append(RoutingDecision(step.step_id, organ_id, organ_name, "simulated", _SUPERIORS))
        return Routed(event.request_no, tuple(decisions))

    def _nobody(self, step: routing_pb2.StepToRoute) -> str:
        """Why there is no office for a step; empty when there is one."""
        if step.step_id in self.without_office:
            return f"nobody declares {step.catalog_code}"
        given_back = step.named_uscc in step.excluded_organ_ids and not (step.organ_id or step.above_organ_id)
        return f"{step.named_uscc}, which the application names, has given it back" if given_back else ""

    def seal(self, event: events_pb2.NoticeRequested) -> Input:
        """Word a notice as the seals' keeper does before it sets and seals it."""
        notice = Notice(
            title=event.title,
            template=event.template,
            case_number=event.case.case_number,
            bundle_name=event.case.bundle_name,
            step_name=event.step.step_name,
            organ_name=event.step.organ_name,
            signed_by=event.step.organ_name,
            form=from_struct(event.form),
            result=from_struct(event.result),
            inputs=from_struct(event.inputs),
            decided_at=event.decided_at,
        )
        try:
            self.worded[event.notice_id] = Sealed(event.title, word(notice).text)
        except NoticeError as fault:
            return NoticeFailed(event.notice_id, fault.reason, fault.description)
        return NoticeSealed(event.notice_id, f"document of {event.notice_id}")

    def revoke(self, event: events_pb2.NoticeWithdrawn) -> Input:
        """Make a notice void."""
        return NoticeRevoked(event.notice_id, f"document of {event.notice_id}")


@cache
def _texts() -> Texts:
    return Texts()


_ANSWERS: dict[type[Message], Callable[[Outbox, Any], Input]] = {
    events_pb2.RoutingRequested: Outbox.route,
    events_pb2.NoticeRequested: Outbox.seal,
    events_pb2.NoticeWithdrawn: Outbox.revoke,
}
