"""`duokua case search`, `decide`, `stop`: finding cases, and deciding about their steps."""

from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice
from typing import Annotated

import typer

from chassis.clock import new_id
from chassis.settings import Settings
from cli.connection import connect
from cli.deciding import Force, Reason, Reassign, Reroute, Skip, Waive, decision_of
from cli.options import AsJson
from cli.organs import organ_id_of
from cli.output import as_dict, enum_name, print_json, print_rows, say
from duokua.cases.v1 import case_pb2
from duokua.cases.v1 import operations_service_pb2 as pb

CaseId = Annotated[str, typer.Argument(help="The case's id or number.")]
FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]


class Status(StrEnum):
    """Where a case stands."""

    RUNNING = "running"
    UNDOING = "undoing"
    COMPLETED = "completed"
    UNDONE = "undone"


class Light(StrEnum):
    """The worst light of a case."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"
    UNKNOWN = "unknown"


COLUMNS = [
    ("case", lambda case: case.case_id),
    ("number", lambda case: case.case_number),
    ("bundle", lambda case: case.bundle_name),
    ("status", lambda case: enum_name(case, "status")),
    ("light", lambda case: enum_name(case, "light") if case.light else ""),
    ("submitted", lambda case: case.submitted_at.ToJsonString()),
    ("ended", lambda case: case.ended_at.ToJsonString() if case.HasField("ended_at") else ""),
    ("incidents", lambda case: str(case.open_incidents or "")),
]


def search(  # noqa: PLR0913, PLR0917 - options
    number: Annotated[str, typer.Option(help="The number, or its beginning: 8 characters at least.")] = "",
    applicant: Annotated[str, typer.Option(help="The applicant's id.")] = "",
    bundle: Annotated[str, typer.Option(help="The bundle's id.")] = "",
    organ: Annotated[str, typer.Option(help="An office that has a step: its id or unified social credit code.")] = "",
    status: Annotated[Status | None, typer.Option(help="Where it stands.")] = None,
    light: Annotated[Light | None, typer.Option(help="The worst of its clocks that run.")] = None,
    incidents: Annotated[bool, typer.Option("--incidents", help="Only what waits for an operator.")] = False,  # noqa: FBT002
    submitted_from: Annotated[datetime | None, typer.Option(formats=FORMATS, help="From then on.")] = None,
    submitted_before: Annotated[datetime | None, typer.Option(formats=FORMATS, help="And before.")] = None,
    ended_from: Annotated[datetime | None, typer.Option(formats=FORMATS, help="Ended from then on.")] = None,
    ended_before: Annotated[datetime | None, typer.Option(formats=FORMATS, help="And before.")] = None,
    most: Annotated[int, typer.Option(min=1, help="So many at most.")] = 100,
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Find cases by all of what is given, newest first. Times are of this machine's zone."""
    request = pb.SearchCasesRequest(
        page_size=min(most, 1000),
        case_number=number,
        applicant_id=applicant,
        bundle_id=bundle,
        has_incidents=incidents,
    )
    if status:
        request.status = case_pb2.CaseStatus.Value(f"CASE_STATUS_{status.name}")
    if light:
        request.light = case_pb2.Light.Value(f"LIGHT_{light.name}")
    for name, at in (
        ("submitted_from", submitted_from),
        ("submitted_before", submitted_before),
        ("ended_from", ended_from),
        ("ended_before", ended_before),
    ):
        if at is not None:
            getattr(request, name).FromDatetime(at.astimezone(UTC))
    with connect(Settings()) as platform:
        if organ:
            request.organ_id = organ_id_of(platform, organ)
        found: list[pb.CaseSummary] = []
        while len(found) < most:
            answer = platform.operations.SearchCases(request)
            found += islice(answer.cases, most - len(found))
            request.page_token = answer.next_page_token
            if not request.page_token:
                break
    print_rows(found, COLUMNS, as_json=json, empty="no case is like that")


def decide(  # noqa: PLR0913, PLR0917 - options
    case_id: CaseId,
    step: Annotated[str, typer.Argument(help="The step.")],
    reason: Reason,
    skip: Skip = False,  # noqa: FBT002 - an option
    reroute: Reroute = False,  # noqa: FBT002 - an option
    reassign: Reassign = "",
    force: Force = "",
    waive: Waive = False,  # noqa: FBT002 - an option
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Decide about a step that does not go on as it should."""
    with connect(Settings()) as platform:
        decision = decision_of(platform, skip=skip, reroute=reroute, reassign=reassign, force=force, waive=waive)
        request = pb.DecideStepRequest(
            request_id=new_id(), case_id=case_id, step_id=step, decision=decision, reason=reason
        )
        case = platform.operations.DecideStep(request).case
    if json:
        print_json(as_dict(case))
    else:
        (decided,) = (each for each in case.steps if each.step_id == step)
        notice = f", its notice {enum_name(decided, 'notice_status')}" if waive else ""
        say(f"step {step} of case {case.case_number} is {enum_name(decided, 'status')}{notice}")


def stop(case_id: CaseId, reason: Reason, json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """Give a case up before its point of no return; what was done is undone."""
    with connect(Settings()) as platform:
        request = pb.StopCaseRequest(request_id=new_id(), case_id=case_id, reason=reason)
        case = platform.operations.StopCase(request).case
    if json:
        print_json(as_dict(case))
    else:
        say(f"case {case.case_number} is {enum_name(case, 'status')}")
