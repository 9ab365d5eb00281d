"""Corrections and special procedures in a test, one line each."""

from typing import TYPE_CHECKING

from services.cases.domain.clocks import StopKind
from services.cases.domain.inputs import Corrected, CorrectionRequested, Resumed, Suspended
from services.cases.domain.proceedings import Correction, CorrectionItem, CorrectionStatus, ItemKind, Procedure

if TYPE_CHECKING:
    from tests.cases.domain.saga import Saga


def field(path: str, reason: str = "does not match the deed") -> CorrectionItem:
    return CorrectionItem(ItemKind.FIELD, path, reason)


def material(kind: str, reason: str = "cannot be read") -> CorrectionItem:
    return CorrectionItem(ItemKind.MATERIAL, kind, reason)


def asking(saga: "Saga", step_id: str, *items: CorrectionItem, reason: str = "") -> CorrectionRequested:
    """What the office of a step says to ask for corrections: of the area, when the test names nothing."""
    asked = items or (field("shop.area"),)
    return CorrectionRequested(saga.task_id(step_id), saga.request_id(), asked, reason)


def ask(saga: "Saga", step_id: str, *items: CorrectionItem, reason: str = "") -> None:
    """The office of a step asks the applicant for corrections."""
    saga.answer(asking(saga, step_id, *items, reason=reason))


def supply(saga: "Saga", digest: str = "corrected") -> None:
    """The applicant supplies what is asked for."""
    saga.take(Corrected(latest(saga).correction_no, digest))


def suspend(saga: "Saga", step_id: str, procedure: StopKind = StopKind.HEARING) -> None:
    """The office of a step begins a special procedure."""
    saga.answer(Suspended(saga.task_id(step_id), saga.request_id(), procedure, "the neighbours are heard"))


def resume(saga: "Saga", step_id: str) -> None:
    """The open procedure of a step is over."""
    (found,) = (each for each in under_way(saga) if each.step_id == step_id)
    saga.answer(Resumed(found.task_id, saga.request_id()))


def release(saga: "Saga") -> None:
    """Whatever holds steps up is over."""
    if asked(saga):
        supply(saga)
    for procedure in under_way(saga):
        resume(saga, procedure.step_id)


def latest(saga: "Saga") -> Correction:
    """The latest request to the applicant."""
    return saga.case.proceedings.corrections[-1]


def asked(saga: "Saga") -> list[str]:
    """The steps that wait for the applicant."""
    corrections = saga.case.proceedings.corrections
    waiting = corrections[-1].requests if corrections and corrections[-1].status is CorrectionStatus.OPEN else ()
    return [request.step_id for request in waiting]


def under_way(saga: "Saga") -> list[Procedure]:
    """The special procedures that are not over."""
    return [each for each in saga.case.proceedings.procedures if each.ended_at is None]
