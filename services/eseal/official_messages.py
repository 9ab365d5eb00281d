"""What officials ask for, and why they are refused, between contract and use case."""

from chassis.api import Caller
from chassis.problems import Conflict, Invalid, NotFound, Problem, Violation
from duokua.eseal.v1 import seal_service_pb2 as pb
from services.eseal.domain.findings import UnreadableError
from services.eseal.domain.orders import At, AtText, Order, SealingError
from services.eseal.domain.use import Purpose, Refusal

_NOT_THERE = frozenset({"NO_SEAL", "SEAL_OF_ANOTHER_ORGAN"})
# What is wrong with a field other than the file.
_FIELDS = {
    "NO_SUCH_PAGE": "at.page",
    "OFF_THE_PAGE": "place",
    "BAD_TEXT": "text",
    "TEXT_NOT_FOUND": "text.text",
    "ONE_PAGE": "riding",
    "NO_PLACE": "place",
    "NO_PLACE_FOR_REASON": "reason",
    "SEAL_NOT_FOR_FORMAT": "seal_id",
}


def order_of(request: pb.SealDocumentRequest) -> Order:
    """Where the seal goes, and what may be done to the file afterwards."""
    place: At | AtText | None = None
    if request.HasField("at"):
        place = At(request.at.page, request.at.x, request.at.y)
    elif request.HasField("text"):
        text = request.text
        place = AtText(text.text, text.occurrence or -1, text.dx, text.dy)
    return Order(place, riding=request.riding, certify=request.certify, reason=request.reason)


def purpose_of(caller: Caller, request: pb.SealDocumentRequest) -> Purpose:
    """What the seal is wanted for, and by whom."""
    return Purpose(
        organ_id=caller.organ_id,
        for_organ_id=caller.organ_id,
        catalog_code=request.catalog_code,
        title=request.title,
        actor=caller.subject,
        official=request.official,
    )


def refused_seal(refusal: Refusal, seal_id: str) -> Problem:
    """Why the seal may not be used: to those whom it does not concern, it is not there."""
    if refusal.reason in _NOT_THERE:
        return NotFound("SEAL_NOT_FOUND", f"there is no seal {seal_id}", seal_id=seal_id)
    return Conflict(refusal.reason, refusal.description, seal_id=seal_id)


def refused_file(fault: SealingError | UnreadableError) -> Invalid:
    """Why the file cannot be sealed so."""
    field = _FIELDS.get(fault.reason, "content")
    return Invalid(fault.reason, fault.description, [Violation(field, fault.description)])
