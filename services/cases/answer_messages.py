"""Answers of offices as the core has them, and what became of them as the contract has it."""

from collections.abc import Callable
from datetime import UTC
from typing import Any

from google.protobuf.struct_pb2 import Struct

from chassis.problems import Exhausted, Invalid, Problem, Violation
from chassis.status import code_of, duration
from duokua.cases.v1 import case_pb2, task_pb2
from duokua.data import from_struct
from services.cases.domain.clocks import StopKind
from services.cases.domain.inputs import (
    Accepted,
    Answer,
    Completed,
    CorrectionRequested,
    Failed,
    HandedOver,
    LimitExtended,
    PassedUp,
    Refused,
    Resumed,
    Returned,
    Suspended,
    VisitAttended,
    VisitScheduled,
)
from services.cases.domain.proceedings import CorrectionItem, ItemKind
from services.cases.tasks import Outcome
from services.cases.timestamps import stamp

LARGEST_RESULT = 65_536
"""In bytes, serialised."""
PROCEDURES = {
    case_pb2.ProcedureKind.Value(f"PROCEDURE_KIND_{kind.name}"): kind
    for kind in (StopKind.HEARING, StopKind.PUBLICITY, StopKind.VERIFICATION, StopKind.SUSPENDED)
}
_LEASE_ONLY = ("extend", "release")


def answer_of(message: task_pb2.TaskAnswer) -> Answer | None:
    """What an office says, for the core; None when only the lease is meant.

    Raises Invalid when no answer is set, or something of it cannot be.
    """
    said = message.WhichOneof("answer")
    if said in _LEASE_ONLY:
        return None
    if said is None:
        names = [each.name for each in task_pb2.TaskAnswer.DESCRIPTOR.oneofs_by_name["answer"].fields]
        fault = Violation("answer", f"say one of {', '.join(names)}")
        raise Invalid("BAD_REQUEST", "the answer says nothing", [fault])
    return _READERS[said](message)


def _completed(message: task_pb2.TaskAnswer) -> Completed:
    return Completed(message.task_id, message.request_id, _data("complete.result", message.complete.result))


def _failed(message: task_pb2.TaskAnswer) -> Failed:
    fail = message.fail
    if not fail.HasField("retry_after"):
        return Failed(message.task_id, message.request_id, fail.reason)
    wait = fail.retry_after.ToTimedelta()
    if wait.total_seconds() < 0:
        fault = Violation("fail.retry_after", "must not be negative")
        raise Invalid("BAD_REQUEST", "retry_after is negative", [fault])
    return Failed(message.task_id, message.request_id, fail.reason, wait)


def _correction_requested(message: task_pb2.TaskAnswer) -> CorrectionRequested:
    asked = message.request_correction
    items = []
    for index, item in enumerate(asked.items):
        said = item.WhichOneof("item")
        if said is None or not getattr(item, said):
            fault = Violation(f"request_correction.items[{index}]", "name a field or a kind of material")
            raise Invalid("BAD_REQUEST", "an item names nothing", [fault])
        items.append(CorrectionItem(ItemKind(said), getattr(item, said), item.reason))
    return CorrectionRequested(message.task_id, message.request_id, tuple(items), asked.reason)


def _suspended(message: task_pb2.TaskAnswer) -> Suspended:
    kind = PROCEDURES.get(message.suspend.kind)
    if kind is None:
        fault = Violation("suspend.kind", "is not a procedure that can be begun")
        raise Invalid("BAD_REQUEST", "the kind is not known", [fault])
    return Suspended(message.task_id, message.request_id, kind, message.suspend.reason)


def _extended(message: task_pb2.TaskAnswer) -> LimitExtended:
    said = message.extend_limit
    return LimitExtended(message.task_id, message.request_id, said.amount, said.reason, said.authority)


def _passed_up(message: task_pb2.TaskAnswer) -> PassedUp:
    opinion = _data("pass_up.opinion", message.pass_up.opinion)
    return PassedUp(message.task_id, message.request_id, opinion, message.pass_up.reason)


def _visit_scheduled(message: task_pb2.TaskAnswer) -> VisitScheduled:
    said = message.schedule_visit
    try:
        at = said.at.ToDatetime(UTC)
    except ValueError as error:
        fault = Violation("schedule_visit.at", "is not a time")
        raise Invalid("BAD_REQUEST", "at is not a time", [fault]) from error
    return VisitScheduled(message.task_id, message.request_id, at, said.place)


_READERS: dict[str, Callable[[task_pb2.TaskAnswer], Answer]] = {
    "accept": lambda said: Accepted(said.task_id, said.request_id),
    "complete": _completed,
    "refuse": lambda said: Refused(said.task_id, said.request_id, said.refuse.reason),
    "return_task": lambda said: Returned(said.task_id, said.request_id, said.return_task.reason),
    "fail": _failed,
    "request_correction": _correction_requested,
    "suspend": _suspended,
    "resume": lambda said: Resumed(said.task_id, said.request_id, said.resume.note),
    "extend_limit": _extended,
    "pass_up": _passed_up,
    "hand_over": lambda said: HandedOver(said.task_id, said.request_id, said.hand_over.handler, said.hand_over.reason),
    "schedule_visit": _visit_scheduled,
    "attend_visit": lambda said: VisitAttended(said.task_id, said.request_id, said.attend_visit.finding),
}


def _data(field: str, data: Struct) -> dict[str, Any]:
    size = data.ByteSize()
    if size > LARGEST_RESULT:
        fault = Violation(field, f"has {size} bytes; at most {LARGEST_RESULT} are allowed")
        raise Invalid("BAD_REQUEST", f"{field} is too large", [fault])
    return from_struct(data)


def outcome_message(request_id: str, task_id: str, outcome: Outcome) -> task_pb2.AnswerOutcome:
    """What became of an answer."""
    message = task_pb2.AnswerOutcome(
        request_id=request_id, task_id=task_id, lease_expires_at=stamp(outcome.lease_until)
    )
    if outcome.problem is not None:
        message.problem.CopyFrom(problem_message(outcome.problem))
    return message


def problem_message(problem: Problem) -> task_pb2.Problem:
    """A problem with one answer of a stream."""
    message = task_pb2.Problem(
        code=code_of(problem).value[0], reason=problem.reason, message=problem.message, metadata=problem.metadata
    )
    if isinstance(problem, Invalid):
        for violation in problem.violations:
            message.violations.add(field=violation.field, description=violation.description)
    if isinstance(problem, Exhausted) and problem.retry_after is not None:
        message.retry_after.CopyFrom(duration(problem.retry_after))
    return message
