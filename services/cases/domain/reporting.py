"""Which exchange records follow from each entry of a case's history. Pure.

Nothing of them is stored: they are made of the history, so they cannot disagree with it. What is true of a case after
an entry is compared with what was reported last under the same key, and reported again where it differs.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from services.cases.domain.case import Case, StepState, StepStatus
from services.cases.domain.clocks import StopKind
from services.cases.domain.inputs import (
    ClockTurned,
    Corrected,
    Input,
    PassedUp,
    Returned,
    StepForced,
    Submitted,
    Suspended,
)
from services.cases.domain.lights import received_at
from services.cases.domain.plan import Plan
from services.cases.domain.proceedings import CorrectionRequest, CorrectionStatus
from services.cases.domain.records import (
    KIND_OF,
    Accept,
    Content,
    Fact,
    Material,
    Node,
    NodeResult,
    Process,
    Record,
    RecordKind,
    Result,
    Special,
    SpecialKind,
)
from services.cases.domain.stages import CASE, FinalResult, case_end, step_end, was_accepted


@dataclass(frozen=True, slots=True)
class Moment:
    """An entry of a history at work: the case before and after it, and the plan by which it was taken."""

    plan: Plan
    sequence: int
    at: datetime
    given: Input
    before: Case | None
    after: Case


class Reports:
    """The records of one case, moment after moment; what was reported last is kept, one fact a key."""

    def __init__(self, materials: Mapping[str, tuple[tuple[str, str, str, int], ...]]) -> None:
        """``materials`` are the kinds, names, media types and sizes that the case has under each digest."""
        self._materials = materials
        self._last: dict[str, tuple[int, Fact]] = {}

    def after(self, moment: Moment) -> Iterator[Record]:
        """What is to be reported of this moment."""
        for fact in self._facts(moment):
            key = f"{KIND_OF[type(fact.content)]}:{fact.key}"
            version, last = self._last.get(key, (0, None))
            if last is not None:
                fact = _since(fact, last)  # noqa: PLW2901 - the same fact, with the time at which it began
            if fact != last:
                self._last[key] = version + 1, fact
                yield Record(key, version + 1, moment.sequence, moment.at, fact)

    def _facts(self, moment: Moment) -> Iterator[Fact]:
        changed = [
            (before, after)
            for step_id, after in moment.after.steps.items()
            if (before := _step_before(moment, step_id)) != after
        ]
        yield from self._received(moment, changed)
        for before, after in changed:
            yield from _worked_on(moment, before, after)
        yield from self._held_up(moment)
        yield from _ended(moment, [after.step_id for _, after in changed])
        yield from self._handed_in(moment)

    def _received(self, moment: Moment, changed: Iterable[tuple[StepState | None, StepState]]) -> Iterator[Fact]:
        """Receipt, by the case and by each office; and acceptance, the first of which is the case's."""
        if isinstance(moment.given, Submitted):
            yield _lead_fact(moment, CASE, _receipt(moment))
        for before, after in changed:
            if moment.plan.by_id[after.step_id].pre_check:
                continue
            if after.status is StepStatus.OFFERED and after.organ_id != _office_of(self._last.get(_accept(after))):
                yield _fact(after, after.step_id, _receipt(moment, after.region_code))
            accepted_at = _accepted_at(moment, before, after)
            if accepted_at is not None:
                for step_id in (after.step_id, CASE):
                    _, last = self._last[f"{RecordKind.ACCEPT}:{step_id}"]
                    content = last.content
                    if isinstance(content, Accept) and content.accepted_at is None:
                        yield replace(last, content=replace(content, accepted_at=accepted_at))

    def _held_up(self, moment: Moment) -> Iterator[Fact]:
        """Corrections and special procedures; one that is gone without an end was dropped just now."""
        proceedings, before = moment.after.proceedings, moment.before
        if before is not None and proceedings == before.proceedings and not _pre_check_refused(moment):
            return
        seen = set()
        for fact in _interruptions(moment):
            seen.add(f"{RecordKind.SPECIAL}:{fact.key}")
            yield fact
        for key, (_, last) in tuple(self._last.items()):
            content = last.content
            if key not in seen and isinstance(content, Special) and content.ended_at is None:
                yield replace(last, content=replace(content, ended_at=moment.at))

    def _handed_in(self, moment: Moment) -> Iterator[Fact]:
        if not isinstance(moment.given, Submitted | Corrected):
            return
        digests = dict.fromkeys(moment.given.material_digests)
        for digest in digests:
            for place, known in enumerate(self._materials.get(digest, (("", "", "", 0),))):
                kind, name, media_type, size = known
                key = f"{digest}:{place}" if place else digest
                yield _lead_fact(moment, key, Material(kind, name, media_type, digest, size, moment.at))
        for _, last in tuple(self._last.values()):
            content = last.content
            if isinstance(content, Material) and content.sha256 not in digests and content.replaced_at is None:
                yield replace(last, content=replace(content, replaced_at=moment.at))


def _accept(step: StepState) -> str:
    return f"{RecordKind.ACCEPT}:{step.step_id}"


def _office_of(reported: tuple[int, Fact] | None) -> str:
    return reported[1].organ_id if reported else ""


def _since(fact: Fact, last: Fact) -> Fact:
    """The fact with what was reported last and is known no more: the name of an office that has passed the step on.

    And with the time at which it began to be so, where only that time differs.
    """
    if not fact.organ_name and fact.organ_id == last.organ_id:
        fact = replace(fact, organ_name=last.organ_name)
    new, old = fact.content, last.content
    if isinstance(new, Result) and isinstance(old, Result) and (new.result, new.reason) == (old.result, old.reason):
        return replace(fact, content=replace(new, ended_at=old.ended_at))
    if isinstance(new, Special) and isinstance(old, Special):
        return replace(fact, content=replace(new, began_at=old.began_at))
    if isinstance(new, Material) and isinstance(old, Material) and old.replaced_at is None:
        return replace(fact, content=replace(new, received_at=old.received_at))
    return fact


def _step_before(moment: Moment, step_id: str) -> StepState | None:
    return moment.before.steps.get(step_id) if moment.before is not None else None


def _fact(step: StepState, key: str, content: Content) -> Fact:
    return Fact(key, step.step_id, step.organ_id, step.organ_name, content)


def _lead_fact(moment: Moment, key: str, content: Content) -> Fact:
    lead = moment.plan.lead
    return Fact(key, CASE, lead.organ_id, lead.name, content)


def _accepted_at(moment: Moment, before: StepState | None, after: StepState) -> datetime | None:
    """When an office took a step on with this entry: by word or deed now, by silence when it had received it."""
    if before is not None and after.acceptance_stands and not before.acceptance_stands:
        return _heard_nothing(moment)
    if before is None or before.status is not StepStatus.OFFERED:
        return None
    if after.status not in (StepStatus.ACCEPTED, StepStatus.COMPLETED) or after.by_word:
        return None
    return _heard_nothing(moment) or moment.at


def _heard_nothing(moment: Moment) -> datetime | None:
    """When the office had everything whose silence is acceptance now."""
    if not isinstance(moment.given, ClockTurned):
        return None
    return received_at(moment.after.proceedings.clocks[moment.given.clock_id].clock)


def _receipt(moment: Moment, region_code: str = "") -> Accept:
    """A receipt, in the case's region unless the step has one of its own."""
    case = moment.after
    return Accept(case.applicant_id, region_code or case.region_code, case.bundle_id, case.bundle_version, moment.at)


def _worked_on(moment: Moment, before: StepState | None, after: StepState) -> Iterator[Fact]:
    """What an office did about a step with this entry."""
    if before is None:
        return
    pre_check = moment.plan.by_id[after.step_id].pre_check
    accepted_at = None if pre_check else _accepted_at(moment, before, after)
    if accepted_at is not None and after.organ_id:
        yield _node(after, Node.ACCEPT, NodeResult.ACCEPTED, "", accepted_at)
    if after.status is not before.status:
        yield from _settled(moment, after)
        yield from _let_go(moment, before, after)


def _settled(moment: Moment, after: StepState) -> Iterator[Fact]:
    """The office's decision, or why it waits for somebody."""
    given, at = moment.given, moment.at
    if after.status is StepStatus.COMPLETED:
        opinion = f"经平台运行人员认定办结：{given.reason}" if isinstance(given, StepForced) else ""
        yield _node(after, Node.DECIDE, NodeResult.AGREED, opinion, at)
    elif after.status is StepStatus.REFUSED and was_accepted(moment.plan, moment.after, after.step_id):
        yield _node(after, Node.DECIDE, NodeResult.DISAGREED, after.reason, at)
    elif after.status is StepStatus.REFUSED:
        yield _node(after, Node.ACCEPT, NodeResult.NOT_ACCEPTED, after.reason, at)
    elif after.status is StepStatus.CORRECTING:
        asked = moment.after.proceedings.corrections[-1].requests[-1]
        yield _node(after, Node.CORRECT, NodeResult.CORRECTION, _asked_for(asked), at)
    elif isinstance(given, Suspended):
        yield _node(after, Node.SPECIAL, NodeResult.SPECIAL_PROCEDURE, given.reason, at)


def _let_go(moment: Moment, before: StepState, after: StepState) -> Iterator[Fact]:
    """The office gave the step away: back, or upward."""
    given, at = moment.given, moment.at
    if isinstance(given, Returned) and moment.before is not None:
        accepted = was_accepted(moment.plan, moment.before, after.step_id)
        node, result = (Node.DECIDE, NodeResult.RETURNED) if accepted else (Node.ACCEPT, NodeResult.NOT_OURS)
        yield _node(before, node, result, given.reason, at)
    elif isinstance(given, PassedUp):
        yield _node(before, Node.REVIEW, NodeResult.AGREED, given.reason, at)
        yield _fact(before, before.step_id, Result(FinalResult.PASSED_UPWARD, given.reason or "转报上级部门", at))


def _node(step: StepState, node: Node, result: NodeResult, opinion: str, at: datetime) -> Fact:
    return _fact(step, f"{step.step_id}:{node}", Process(node, result, opinion, step.handler, at))


def _asked_for(request: CorrectionRequest) -> str:
    items = "；".join(f"{item.name}：{item.reason}" for item in request.items)
    return f"{request.reason}（{items}）" if request.reason else items


def _interruptions(moment: Moment) -> Iterator[Fact]:
    case, plan = moment.after, moment.plan
    for correction in case.proceedings.corrections:
        ended_at = None if correction.status is CorrectionStatus.OPEN else correction.settled_at
        for request in correction.requests:
            pre_check = plan.by_id[request.step_id].pre_check
            kind = SpecialKind.PRE_CHECK_CORRECTION if pre_check else SpecialKind.CORRECTION
            content = Special(kind, _asked_for(request), moment.at, ended_at)
            yield _task_fact(case, request.task_id, content)
    for procedure in case.proceedings.procedures:
        content = Special(_SPECIAL[procedure.kind], procedure.reason, procedure.began_at, procedure.ended_at)
        yield _task_fact(case, procedure.task_id, content)
    refused = _pre_check_refused(moment)
    if refused is not None:
        content = Special(SpecialKind.PRE_CHECK_REFUSED, refused.reason, moment.at, moment.at)
        yield _fact(refused, f"{refused.step_id}:refused", content)


def _pre_check_refused(moment: Moment) -> StepState | None:
    for step_id, after in moment.after.steps.items():
        before = _step_before(moment, step_id)
        newly = before is not None and before.status is not after.status and after.status is StepStatus.REFUSED
        if newly and moment.plan.by_id[step_id].pre_check:
            return after
    return None


def _task_fact(case: Case, task_id: str, content: Special) -> Fact:
    """About the office that had the task, whoever has the step now."""
    task = case.tasks[task_id]
    step = case.steps[task.step_id]
    name = step.organ_name if step.organ_id == task.organ_id else ""
    return Fact(task_id.partition(":")[2], task.step_id, task.organ_id, name, content)


_SPECIAL = {kind: SpecialKind[kind.name] for kind in StopKind}


def _ended(moment: Moment, changed: Iterable[str]) -> Iterator[Fact]:
    """How steps and the case ended: again when that changed, as by an undoing, or a document was added."""
    case = moment.after
    for step_id in changed:
        end = step_end(moment.plan, case, step_id)
        if end is not None:
            step = case.steps[step_id]
            yield _fact(step, step_id, Result(end.result, end.reason, moment.at, step.document_id))
    end = case_end(moment.plan, case)
    if end is None:
        return
    result, delivery = Result(end.result, end.reason, moment.at), case.proceedings.delivery
    if delivery is not None:
        result = replace(
            result, delivered_at=delivery.delivered_at, delivery_channel=delivery.channel, receiver=delivery.receiver
        )
    yield _lead_fact(moment, CASE, result)
