"""Between the contracts of routing and what its rules work on."""

from collections.abc import Iterable
from dataclasses import dataclass

from duokua.cases.v1 import events_pb2 as cases_events
from duokua.routing.v1 import events_pb2, routing_pb2
from services.routing.domain import Decision, Step


@dataclass(frozen=True, slots=True)
class Request:
    """What a case asks: offices for some of its steps."""

    case_id: str
    request_no: int
    region_code: str
    steps: tuple[Step, ...]

    @property
    def region_codes(self) -> set[str]:
        """The regions whose offices are asked for."""
        return {step.region_code or self.region_code for step in self.steps}


def request_of(event: cases_events.RoutingRequested) -> Request:
    """What a case asks."""
    steps = {step.step_id: step_of(step) for step in event.steps}
    return Request(event.case.case_id, event.request_no, event.region_code, tuple(steps.values()))


def step_of(step: routing_pb2.StepToRoute) -> Step:
    """The contract's step as a rule sees it."""
    excluded = frozenset(step.excluded_organ_ids)
    return Step(
        step_id=step.step_id,
        catalog_code=step.catalog_code,
        level=step.level,
        excluded_organ_ids=excluded,
        above_organ_id=step.above_organ_id,
        organ_id=step.organ_id,
        bound_organ_id=step.bound_organ_id,
        region_code=step.region_code,
        named_uscc=step.named_uscc,
    )


def decision_message(decision: Decision) -> routing_pb2.Decision:
    """The decision in the contract's words."""
    return routing_pb2.Decision(
        step_id=decision.step_id,
        organ_id=decision.organ_id,
        organ_name=decision.organ_name,
        reason=decision.reason,
        superior_organ_ids=decision.superior_organ_ids,
    )


def steps_routed(case_id: str, request_no: int, decisions: Iterable[Decision]) -> events_pb2.StepsRouted:
    """The answer to a request."""
    return events_pb2.StepsRouted(
        case_id=case_id,
        request_no=request_no,
        decisions=[decision_message(decision) for decision in decisions],
    )
