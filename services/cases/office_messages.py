"""What offices do among themselves, as the contract has it."""

from duokua.cases.v1 import case_pb2
from duokua.data import fill_struct
from services.cases.domain.case import Case, Review
from services.cases.domain.plan import Plan
from services.cases.domain.proceedings import Urge, UrgeKind
from services.cases.timestamps import stamp

URGE_KINDS = {kind: case_pb2.UrgeKind.Value(f"URGE_KIND_{kind.name}") for kind in UrgeKind}


def urge_message(urge: Urge) -> case_pb2.Urge:
    """A reminder to the office of a step."""
    return case_pb2.Urge(
        kind=URGE_KINDS[urge.kind],
        step_id=urge.step_id,
        organ_id=urge.organ_id,
        at=stamp(urge.at),
        reason=urge.reason,
        automatic=urge.automatic,
        superior_id=urge.superior_id,
    )


def visit_message(plan: Plan, case: Case, visit_id: str) -> case_pb2.VisitState:
    """A joint visit."""
    state = case.proceedings.visits[visit_id]
    visit = next(each for each in plan.visits if each.visit_id == visit_id)
    return case_pb2.VisitState(
        visit_id=visit_id,
        name=visit.name,
        steps=visit.steps,
        at=stamp(state.at),
        place=state.place,
        attended=state.attended,
        held_at=stamp(state.held_at),
    )


def review_message(review: Review) -> case_pb2.Review:
    """The opinion of an office that passed a step upward."""
    message = case_pb2.Review(
        organ_id=review.organ_id, organ_name=review.organ_name, reason=review.reason, at=stamp(review.at)
    )
    fill_struct(message.opinion, dict(review.opinion), "opinion")
    return message
