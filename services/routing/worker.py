"""What routing does when something happens elsewhere: event to use case."""

from chassis.bus import OutboxRelay, UseCases, subscribe
from chassis.database import UnitOfWork
from duokua.cases.v1 import events_pb2 as cases_events
from duokua.identity.v1 import events_pb2 as identity_events
from services.routing.service import Routing


class RoutingWorker:
    """Keeps copies of the directory, routes steps, and forgets the load of finished cases."""

    name = "routing"
    relay = OutboxRelay()
    routing = UseCases(Routing.from_settings)

    @subscribe(identity_events.RegionRegistered)
    def on_region_registered(self, work: UnitOfWork, events: list[identity_events.RegionRegistered]) -> None:
        """Keeps the regions."""
        self.routing.keep_regions(work, events)

    @subscribe(identity_events.OrganRegistered)
    def on_organ_registered(self, work: UnitOfWork, events: list[identity_events.OrganRegistered]) -> None:
        """Keeps the organs."""
        self.routing.keep_organs(work, events)

    @subscribe(cases_events.RoutingRequested)
    def on_routing_requested(self, work: UnitOfWork, events: list[cases_events.RoutingRequested]) -> None:
        """Chooses offices."""
        self.routing.route(work, events)

    @subscribe(cases_events.CaseCompleted)
    def on_case_completed(self, work: UnitOfWork, events: list[cases_events.CaseCompleted]) -> None:
        """Frees the offices of the load."""
        self.routing.close(work, {event.case.case_id for event in events})

    @subscribe(cases_events.CaseUndone)
    def on_case_undone(self, work: UnitOfWork, events: list[cases_events.CaseUndone]) -> None:
        """Frees the offices of the load."""
        self.routing.close(work, {event.case.case_id for event in events})


WORKER = RoutingWorker
