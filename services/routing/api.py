"""The gRPC face of routing: contract to rules and back."""

from chassis.api import Call, Servicer
from chassis.paging import page
from chassis.settings import Settings
from duokua.routing.v1 import routing_pb2
from duokua.routing.v1 import routing_service_pb2 as pb
from services.routing.messages import decision_message, step_of
from services.routing.service import Routing


class RoutingApi:
    """duokua.routing.v1.RoutingService."""

    service = pb.DESCRIPTOR.services_by_name["RoutingService"]

    def __init__(self, routing: Routing) -> None:
        self._routing = routing

    def declare_capabilities(
        self, call: Call, request: pb.DeclareCapabilitiesRequest
    ) -> pb.DeclareCapabilitiesResponse:
        """Declares that an organ handles matters."""
        codes = self._routing.declare(call.work, request.organ_id, request.catalog_codes)
        return pb.DeclareCapabilitiesResponse(capabilities=[_capability(request.organ_id, code) for code in codes])

    def withdraw_capabilities(
        self, call: Call, request: pb.WithdrawCapabilitiesRequest
    ) -> pb.WithdrawCapabilitiesResponse:
        """Takes capabilities away, and gives those that were taken."""
        codes = self._routing.withdraw(call.work, request.organ_id, request.catalog_codes)
        return pb.WithdrawCapabilitiesResponse(capabilities=[_capability(request.organ_id, code) for code in codes])

    def list_capabilities(self, call: Call, request: pb.ListCapabilitiesRequest) -> pb.ListCapabilitiesResponse:
        """Lists what organs handle, by organ and code."""
        wanted = page(request.page_size, request.page_token, keys=2)
        after = None if wanted.after is None else [str(value) for value in wanted.after]
        rows = self._routing.capabilities(call.work, request.organ_id, after, wanted.fetch)
        rows, token = wanted.cut(rows, key=list)
        return pb.ListCapabilitiesResponse(
            capabilities=[_capability(organ_id, code) for organ_id, code in rows], next_page_token=token
        )

    def explain_route(self, call: Call, request: pb.ExplainRouteRequest) -> pb.ExplainRouteResponse:
        """Says where a step would go and why, and changes nothing."""
        step = step_of(request.step)
        decision = self._routing.explain(call.work, request.region_code, step)
        passed_over = [
            routing_pb2.Decision(
                step_id=step.step_id, organ_id=other.organ_id, organ_name=other.organ_name, reason=other.reason
            )
            for other in decision.passed_over
        ]
        return pb.ExplainRouteResponse(decision=decision_message(decision), passed_over=passed_over)


def _capability(organ_id: str, code: str) -> routing_pb2.Capability:
    return routing_pb2.Capability(organ_id=organ_id, catalog_code=code)


def build(settings: Settings) -> list[Servicer]:
    """The servicers of this service."""
    return [RoutingApi(Routing.from_settings(settings))]
