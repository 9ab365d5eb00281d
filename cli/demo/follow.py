"""Follows a case by WatchCase, through restarts of the platform."""

import time
from collections.abc import Callable

from cli.demo.show import Show
from cli.demo.waiting import DEADLINE_SECONDS, LateError
from duokua.cases.v1 import case_pb2, case_service_pb2
from duokua.client import Session
from duokua.errors import DuokuaError

ENDED = (case_pb2.CASE_STATUS_COMPLETED, case_pb2.CASE_STATUS_UNDONE)


def follow(
    session: Session,
    case_id: str,
    show: Show,
    until: Callable[[case_pb2.Case], bool],
    seconds: float = DEADLINE_SECONDS,
) -> case_pb2.Case:
    """Show each change of a case until it is as wanted, and return it; raises LateError."""
    deadline = time.monotonic() + seconds
    request = case_service_pb2.WatchCaseRequest(case_id=case_id)
    latest = case_pb2.Case(case_id=case_id)
    while (left := deadline - time.monotonic()) > 0:
        try:
            stream = session.cases.WatchCase(request, timeout=left)
            for answer in stream:
                latest = answer.case
                show.case(latest)
                if until(latest):
                    stream.cancel()
                    return latest
        except DuokuaError as error:
            # The platform may be away for a moment; the next stream begins with the case as it is then.
            if not error.transient:
                raise
    status = case_pb2.CaseStatus.Name(latest.status)
    steps = ", ".join(
        f"{step.step_id} {case_pb2.StepStatus.Name(step.status)} {step.reason}".rstrip() for step in latest.steps
    )
    message = (
        f"case {latest.case_number or case_id} did not get where it should within {seconds:.0f} s: {status}; {steps}"
    )
    raise LateError(message)


def ended(case: case_pb2.Case) -> bool:
    """Whether a case has ended."""
    return case.status in ENDED


def step_of(case: case_pb2.Case, step_id: str) -> case_pb2.StepState:
    """One step of a case."""
    return next(step for step in case.steps if step.step_id == step_id)
