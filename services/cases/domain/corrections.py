"""补正: what offices ask the applicant for, all at once, and how that ends.

One request to the applicant is open at a time: what several offices ask for meanwhile is added to it, and supplied
together. With each addition the applicant has the whole time again, because the new things need it too.
"""

from collections.abc import Iterable
from dataclasses import replace

from services.cases.domain import timing
from services.cases.domain.answers import must_handle, open_task
from services.cases.domain.case import StepStatus, TaskState, TaskStatus, UndoCause
from services.cases.domain.effects import CorrectionRequested as CorrectionAnnounced
from services.cases.domain.effects import CorrectionSupplied
from services.cases.domain.inputs import Corrected, CorrectionRequested
from services.cases.domain.interruptions import (
    EXPIRED,
    clock_of,
    close_expiry,
    keep,
    open_correction,
    report_expiry,
    settle,
)
from services.cases.domain.plan import PlanStep
from services.cases.domain.proceedings import (
    ClockKind,
    Correction,
    CorrectionItem,
    CorrectionRequest,
    CorrectionStatus,
    ItemKind,
)
from services.cases.domain.refusal import Refusal
from services.cases.domain.turn import Turn
from services.cases.domain.undoing import begin_undoing, pivot_passed


def requests_of(corrections: Iterable[Correction], step_id: str) -> int:
    """How often the applicant was asked for corrections of a step."""
    return sum(each.step_id == step_id for correction in corrections for each in correction.requests)


def correction_requested(turn: Turn, given: CorrectionRequested) -> None:
    """The office's task is settled, and the step waits for the applicant."""
    task = open_task(turn, given)
    if task is None:
        return
    must_handle(task)
    _check_request(turn, task, given)
    turn.settle(task, given, TaskStatus.CORRECTING)
    turn.change(task.step_id, status=StepStatus.CORRECTING, task_id="", failures=0)
    accepted = task.status is TaskStatus.ACCEPTED
    request = CorrectionRequest(task.step_id, task.task_id, given.items, given.reason, accepted)
    timing.stopped(turn, task.step_id, task.task_id, timing.correction_kind(turn.plan, task.step_id))
    correction = _with(turn, request)
    _give_time(turn, correction)
    turn.announce(CorrectionAnnounced(correction.correction_no))


def corrected(turn: Turn, given: Corrected) -> None:
    """The applicant supplied everything: each step that waited goes back to its office, with what is new."""
    correction = _named(turn, given.correction_no)
    supplied = (given.form_digest, *given.material_digests)
    if correction.status is CorrectionStatus.SUPPLIED and correction.supplied == supplied:
        return
    if correction.status is not CorrectionStatus.OPEN:
        raise Refusal(
            "CORRECTION_SETTLED",
            f"request {given.correction_no} for corrections was {correction.status} before; "
            "nothing was taken: see what is asked for now",
        )
    settle(turn, correction, CorrectionStatus.SUPPLIED, supplied)
    turn.announce(CorrectionSupplied(correction.correction_no))
    for request in correction.requests:
        timing.resumed(turn, request.step_id, request.task_id)
        turn.open_handling(request.step_id, accepted=request.accepted)


def expired(turn: Turn) -> None:
    """The applicant kept silent past the limit: the case is handed back, as long as nothing is beyond taking back.

    Past the point of no return it only goes forward: the request stays open, and an operator is asked.
    """
    correction = open_correction(turn)
    if correction is None:
        return
    if pivot_passed(turn):
        if not any(turn.incident_of(each.step_id, EXPIRED) for each in correction.requests):
            report_expiry(turn, correction)
        return
    settle(turn, correction, CorrectionStatus.EXPIRED)
    begin_undoing(turn, UndoCause.HANDED_BACK, "逾期未补正，申请退回")


def ask_again(turn: Turn, step_id: str) -> None:
    """An operator gives the applicant the whole time once more."""
    del step_id
    correction = open_correction(turn)
    if correction is not None:
        _give_time(turn, correction)
        turn.announce(CorrectionAnnounced(correction.correction_no))


def _with(turn: Turn, request: CorrectionRequest) -> Correction:
    """Add to what the applicant is asked for, or begin to ask."""
    correction = open_correction(turn)
    if correction is not None:
        correction = replace(correction, requests=(*correction.requests, request))
        keep(turn, correction)
        return correction
    correction = Correction(len(turn.proceedings.corrections) + 1, turn.now, (request,))
    turn.proceed(corrections=(*turn.proceedings.corrections, correction))
    return correction


def _give_time(turn: Turn, correction: Correction) -> None:
    limit = turn.plan.corrections.limit
    for request in correction.requests:
        close_expiry(turn, request)
    if limit is not None:
        timing.end(turn, clock_of(correction))
        timing.start(turn, clock_of(correction), timing.BUNDLE, ClockKind.CORRECTION, limit)


def _named(turn: Turn, correction_no: int) -> Correction:
    for correction in turn.proceedings.corrections:
        if correction.correction_no == correction_no:
            return correction
    raise Refusal(
        "CORRECTION_NOT_FOUND",
        f"case {turn.before.case_id} has no request {correction_no} for corrections; see which it has",
    )


def _check_request(turn: Turn, task: TaskState, given: CorrectionRequested) -> None:
    planned = turn.plan.by_id[task.step_id]
    if planned.without_application:
        raise Refusal("NOT_APPLIED_FOR", "nobody applied for this; settle it with what the platform has, or refuse it")
    if not given.items:
        raise Refusal("ITEM_NOT_DECLARED", "the request names nothing to correct; name a field or a material")
    for item in given.items:
        if not declares(planned, item):
            raise Refusal(
                "ITEM_NOT_DECLARED",
                f"{item.kind} {item.name} is not declared by step {planned.step_id}; ask for what its matter declares",
            )
    before = requests_of(turn.proceedings.corrections, task.step_id)
    if before >= turn.plan.corrections.most:
        raise Refusal(
            "CORRECTION_LIMIT",
            f"the applicant was asked for corrections of this step {before} times already, which is the most; "
            "decide with what there is",
        )
    if before and not given.reason.strip():
        raise Refusal(
            "CORRECTION_NEEDS_REASON", "the applicant was asked before; say why that did not suffice, in reason"
        )


def declares(planned: PlanStep, item: CorrectionItem) -> bool:
    """Whether an office may ask for this: it is, or is part of, what its matter declares."""
    if item.kind is ItemKind.MATERIAL:
        return item.name in planned.materials
    below = f"{item.name}."
    return any(
        path == item.name or path.startswith(below) or item.name.startswith(f"{path}.") for path in planned.form_fields
    )
