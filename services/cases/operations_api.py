"""OperationsService: what operators see and decide, between contract and use cases."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from chassis.api import Call, Caller, StreamCall
from chassis.paging import page
from chassis.problems import Forbidden, Invalid, Problem, Unavailable, Violation
from chassis.requests import check_request_id
from duokua.cases.v1 import case_pb2
from duokua.cases.v1 import operations_service_pb2 as pb
from duokua.data import from_struct
from services.cases.case_migration import CaseMigration, Move
from services.cases.domain.decisions import DecisionKind
from services.cases.domain.inputs import (
    CaseStopped,
    IncidentRetried,
    NoticeWaived,
    Order,
    StepForced,
    StepReassigned,
    StepSkipped,
)
from services.cases.messages import case_message, incident_message
from services.cases.migration_messages import count, move_of, moved, refused
from services.cases.operations import Filter, Operations
from services.cases.search_messages import summary_message, wanted_of
from services.cases.searching import key_of, keys_of, search
from services.cases.service import Cases

AT_ONCE = 100
"""Incidents or cases looked up together for a bulk decision; each is decided in a transaction of its own."""
NO_LIMIT = -1
_KINDS = {kind: case_pb2.DecisionKind.Value(f"DECISION_KIND_{kind.name}") for kind in DecisionKind}


class OperationsApi:
    """What operators do about what does not go on by itself."""

    service = pb.DESCRIPTOR.services_by_name["OperationsService"]

    def __init__(self, cases: Cases) -> None:
        self._cases = cases
        self._operations = Operations(cases)
        self._migration = CaseMigration(cases)

    def list_incidents(self, call: Call, request: pb.ListIncidentsRequest) -> pb.ListIncidentsResponse:
        """What waits for an operator."""
        asked = page(request.page_size, request.page_token)
        found = self._operations.list_incidents(
            call.work, asked, _filter(request.filter), resolved=request.include_resolved
        )
        kept, token = asked.cut(found, lambda each: [each.row.incident_id])
        messages = [incident_message(each.row, [_KINDS[kind] for kind in each.possible]) for each in kept]
        return pb.ListIncidentsResponse(incidents=messages, next_page_token=token)

    def get_incident(self, call: Call, request: pb.GetIncidentRequest) -> pb.GetIncidentResponse:
        """One of them, open or resolved."""
        return pb.GetIncidentResponse(incident=self._incident(call, request.incident_id))

    def retry_incident(self, call: Call, request: pb.RetryIncidentRequest) -> pb.RetryIncidentResponse:
        """Try again what an incident stopped."""
        row = self._operations.incident_row(call.work, request.incident_id)
        order = IncidentRetried(request.incident_id, request.request_id, request.reason)
        self._operations.decide(call.work, row.case_id, order, call.caller.subject)
        return pb.RetryIncidentResponse(incident=self._incident(call, request.incident_id))

    def resolve_incident(self, call: Call, request: pb.ResolveIncidentRequest) -> pb.ResolveIncidentResponse:
        """Decide what becomes of what an incident stopped."""
        make = _order_of(request.decision, request.reason, request.request_id)
        _check_permission(call.caller, request.decision)
        row = self._operations.incident_row(call.work, request.incident_id)
        order = make(row.step_id, row.incident_id)
        self._operations.decide(call.work, row.case_id, order, call.caller.subject)
        return pb.ResolveIncidentResponse(incident=self._incident(call, request.incident_id))

    async def resolve_incidents(
        self, call: StreamCall, request: pb.ResolveIncidentsRequest
    ) -> AsyncIterator[pb.ResolveIncidentsResponse]:
        """Decide about many, each in a transaction of its own."""
        check_request_id(request.request_id)
        make = _order_of(request.decision, request.reason, request.request_id)
        _check_permission(call.caller, request.decision)
        if bool(request.incident_ids) == request.HasField("filter"):
            fault = Violation("incident_ids", "give these or a filter, one of the two")
            raise Invalid("BAD_REQUEST", "it is not clear which incidents are meant", [fault])
        summary = pb.ResolutionSummary()
        async for incident_id in self._named(call, request):
            if call.stopping.is_set():
                raise Unavailable("SERVER_STOPPING", "the server stops; call again with the same request_id")
            outcome = await call.run(self._resolve, call, incident_id, make)
            _count(summary, outcome)
            yield pb.ResolveIncidentsResponse(outcome=outcome)
        yield pb.ResolveIncidentsResponse(summary=summary)

    def decide_step(self, call: Call, request: pb.DecideStepRequest) -> pb.DecideStepResponse:
        """Decide about a step that needs no incident for it."""
        if request.decision.WhichOneof("decision") in ("retry", "stop"):
            fault = Violation(
                "decision", "must be skip, reassign, force or waive; a retry needs an incident, a case StopCase"
            )
            raise Invalid("BAD_REQUEST", "this cannot be decided about a step", [fault])
        make = _order_of(request.decision, request.reason, request.request_id)
        return pb.DecideStepResponse(case=self._decided(call, request.case_id, make(request.step_id, "")))

    def search_cases(self, call: Call, request: pb.SearchCasesRequest) -> pb.SearchCasesResponse:
        """Cases by many things."""
        wanted = wanted_of(request)
        asked = page(request.page_size, request.page_token, keys=keys_of(wanted))
        rows = search(call.work.connection, wanted, asked)
        kept, token = asked.cut(rows, lambda row: key_of(wanted, row))
        found = [summary_message(row, self._bundle_name(call, row)) for row in kept]
        return pb.SearchCasesResponse(cases=found, next_page_token=token)

    def _bundle_name(self, call: Call, row: Row[Any]) -> str:
        return self._cases.plans.of(call.work.connection, row.bundle_id, row.bundle_version).plan.name

    def stop_case(self, call: Call, request: pb.StopCaseRequest) -> pb.StopCaseResponse:
        """Give a case up."""
        return pb.StopCaseResponse(case=self._decided(call, request.case_id, CaseStopped(request.reason)))

    async def migrate_cases(
        self, call: StreamCall, request: pb.MigrateCasesRequest
    ) -> AsyncIterator[pb.MigrateCasesResponse]:
        """Have cases go on by a newer version, each in a transaction of its own."""
        check_request_id(request.request_id)
        move = move_of(request)
        await call.run(self._check_move, call, move)
        summary, left = pb.MigrationSummary(), request.most or NO_LIMIT
        async for id_or_number in self._to_migrate(call, request, move):
            if call.stopping.is_set():
                raise Unavailable("SERVER_STOPPING", "the server stops; call again with the same request_id")
            outcome = await call.run(self._migrate, call, id_or_number, move, request.dry_run)
            count(summary, outcome)
            yield pb.MigrateCasesResponse(outcome=outcome)
            left -= 1
            if not left:
                break
        yield pb.MigrateCasesResponse(summary=summary)

    def _check_move(self, call: StreamCall, move: Move) -> None:
        with call.database.read() as work:
            self._migration.check(work, move)

    async def _to_migrate(self, call: StreamCall, request: pb.MigrateCasesRequest, move: Move) -> AsyncIterator[str]:
        """The cases that the request names, or else all that run the version before."""
        for id_or_number in dict.fromkeys(request.case_ids):
            yield id_or_number
        after = ""
        while not request.case_ids and (found := await call.run(self._running, call, move, after)):
            for case_id in found:
                yield case_id
            after = found[-1]

    def _running(self, call: StreamCall, move: Move, after: str) -> Sequence[str]:
        with call.database.read() as work:
            return self._migration.running(work, move, after, AT_ONCE)

    def _migrate(self, call: StreamCall, id_or_number: str, move: Move, dry_run: bool) -> pb.MigrationOutcome:  # noqa: FBT001 - passed on
        outcome = pb.MigrationOutcome(case_id=id_or_number)
        try:
            with call.database.read() if dry_run else call.database.begin() as work:
                row = self._cases.row(work, id_or_number)
                outcome.case_id, outcome.case_number = row.case_id, row.case_number
                if dry_run:
                    moved(outcome, self._migration.preview(work, row, move), dry_run=True)
                else:
                    what = self._migration.migrate(work, row.case_id, move, call.caller.subject)
                    moved(outcome, what, dry_run=False)
        except Problem as problem:
            refused(outcome, problem)
        return outcome

    def _decided(self, call: Call, id_or_number: str, order: Order) -> case_pb2.Case:
        row = self._cases.row(call.work, id_or_number)
        self._operations.decide(call.work, row.case_id, order, call.caller.subject)
        row = self._cases.row(call.work, row.case_id)
        plan = self._cases.plans.of(call.work.connection, row.bundle_id, row.bundle_version).plan
        return case_message(row, plan, self._cases.reader(call.work, plan))

    def _incident(self, call: Call, incident_id: str) -> case_pb2.Incident:
        found = self._operations.incident(call.work, incident_id)
        return incident_message(found.row, [_KINDS[kind] for kind in found.possible])

    async def _named(self, call: StreamCall, request: pb.ResolveIncidentsRequest) -> AsyncIterator[str]:
        """The ids that the request names, or that its filter finds among those that are there now."""
        for incident_id in dict.fromkeys(request.incident_ids):
            yield incident_id
        if not request.HasField("filter"):
            return
        wanted, until, after = _filter(request.filter), call.database.clock.now(), ""
        while found := await call.run(self._open_since, call, wanted, after, until):
            for incident_id in found:
                yield incident_id
            after = found[-1]

    def _open_since(self, call: StreamCall, wanted: Filter, after: str, until: datetime) -> list[str]:
        with call.database.read() as work:
            return self._operations.open_since(work, wanted, after, until, AT_ONCE)

    def _resolve(self, call: StreamCall, incident_id: str, make: Callable[[str, str], Order]) -> pb.IncidentOutcome:
        outcome = pb.IncidentOutcome(incident_id=incident_id, outcome=pb.RESOLUTION_OUTCOME_FAILED)
        try:
            with call.database.begin() as work:
                row = self._operations.incident_row(work, incident_id)
                outcome.case_number = row.case_number
                order = make(row.step_id, incident_id)
                changed = self._operations.decide(work, row.case_id, order, call.caller.subject)
        except Problem as problem:
            outcome.reason, outcome.message = problem.reason, problem.message
            return outcome
        outcome.outcome = pb.RESOLUTION_OUTCOME_RESOLVED if changed else pb.RESOLUTION_OUTCOME_RESOLVED_BEFORE
        return outcome


def _count(summary: pb.ResolutionSummary, outcome: pb.IncidentOutcome) -> None:
    summary.resolved += outcome.outcome == pb.RESOLUTION_OUTCOME_RESOLVED
    summary.resolved_before += outcome.outcome == pb.RESOLUTION_OUTCOME_RESOLVED_BEFORE
    summary.failed += outcome.outcome == pb.RESOLUTION_OUTCOME_FAILED


def _filter(message: pb.IncidentFilter) -> Filter:
    return Filter(message.reason, message.bundle_id, message.organ_id, message.step_id, message.case_id)


def _check_permission(caller: Caller, decision: pb.Decision) -> None:
    if decision.WhichOneof("decision") != "retry" and not caller.may("cases.decide"):
        message = "anything but a retry needs the permission cases.decide"
        raise Forbidden("PERMISSION_MISSING", message, permission="cases.decide")


def _order_of(decision: pb.Decision, reason: str, request_id: str) -> Callable[[str, str], Order]:
    """The input for a step and an incident (empty for none) that a decision is; raises Invalid when it says nothing."""
    match decision.WhichOneof("decision"):
        case "retry":
            return lambda _, incident_id: IncidentRetried(incident_id, request_id, reason)
        case "skip":
            return lambda step_id, incident_id: StepSkipped(step_id, reason, incident_id, request_id)
        case "reassign":
            organ_id = decision.reassign.organ_id
            return lambda step_id, incident_id: StepReassigned(
                step_id, reason, organ_id, incident_id=incident_id, request_id=request_id
            )
        case "force":
            result = from_struct(decision.force.result)
            return lambda step_id, incident_id: StepForced(step_id, reason, result, incident_id, request_id)
        case "waive":
            return lambda step_id, incident_id: NoticeWaived(step_id, reason, incident_id, request_id)
        case "stop":
            return lambda _, incident_id: CaseStopped(reason, incident_id, request_id)
        case _:
            fault = Violation("decision", "say one: retry, skip, reassign, force, waive or stop")
            raise Invalid("BAD_REQUEST", "nothing is decided", [fault])
