"""`duokua incident`: what waits for an operator, and what is decided about it."""

from typing import Annotated

import typer

from chassis.clock import new_id
from chassis.settings import Settings
from cli.connection import connect
from cli.deciding import Force, Reason, Reassign, Reroute, Retry, Skip, Stop, Waive, decision_of
from cli.options import AsJson
from cli.organs import organ_id_of
from cli.output import as_dict, counted, enum_name, every_page, print_json, print_rows, say
from duokua.cases.v1 import case_pb2
from duokua.cases.v1 import operations_service_pb2 as pb
from duokua.cases.v1.case_service_pb2 import GetCaseRequest
from duokua.client import Platform

app = typer.Typer()
Cause = Annotated[str, typer.Option("--about", metavar="REASON", help="Only of this reason, such as NO_OFFICE.")]
Bundle = Annotated[str, typer.Option(help="Only of cases of this bundle.")]
Office = Annotated[
    str, typer.Option(help="Only of steps that this organ, by its id or code, had when the incident opened.")
]
Step = Annotated[str, typer.Option(help="Only of this step.")]
OfCase = Annotated[str, typer.Option("--case", metavar="CASE", help="Only of this case, by its id or number.")]

COLUMNS = [
    ("incident", lambda incident: incident.incident_id),
    ("case", lambda incident: incident.case_number),
    ("step", lambda incident: incident.step_id),
    ("reason", lambda incident: incident.reason),
    ("possible", lambda incident: " ".join(_decisions(incident))),
    ("what to do", lambda incident: incident.description),
]
OUTCOMES = [
    ("incident", lambda outcome: outcome.incident_id),
    ("case", lambda outcome: outcome.case_number),
    ("outcome", lambda outcome: enum_name(outcome, "outcome")),
    ("reason", lambda outcome: outcome.reason),
    ("why", lambda outcome: outcome.message),
]


@app.command(name="list")
def list_incidents(
    everything: Annotated[bool, typer.Option("--all", help="Resolved ones too.")] = False,  # noqa: FBT002 - an option
    about: Cause = "",
    bundle: Bundle = "",
    organ: Office = "",
    step: Step = "",
    case: OfCase = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """List what waits for an operator, with the cause and what to do."""
    with connect(Settings()) as platform:
        wanted = _filter_of(platform, about=about, bundle=bundle, organ=organ, step=step, case=case)
        found = every_page(
            lambda token: platform.operations.ListIncidents(
                pb.ListIncidentsRequest(page_size=1000, page_token=token, include_resolved=everything, filter=wanted)
            ),
            lambda answer: answer.incidents,
        )
    print_rows(found, COLUMNS, as_json=json, empty="nothing waits for an operator")


@app.command()
def show(
    incident_id: Annotated[str, typer.Argument(help="The incident.")],
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Show an incident: what happened, what to do, and what can be decided."""
    with connect(Settings()) as platform:
        incident = platform.operations.GetIncident(pb.GetIncidentRequest(incident_id=incident_id)).incident
    if json:
        print_json(as_dict(incident))
        return
    say(f"{incident.incident_id}  {incident.reason}  step {incident.step_id} of case {incident.case_number}")
    say(incident.description)
    if incident.HasField("resolved_at"):
        say(f"resolved at {incident.resolved_at.ToJsonString()}")
    else:
        say(f"possible: {', '.join(_decisions(incident))}")


@app.command()
def resolve(  # noqa: PLR0913, PLR0917 - options
    reason: Reason,
    incidents: Annotated[list[str] | None, typer.Argument(metavar="INCIDENT...", help="Up to 1,000 of them.")] = None,
    retry: Retry = False,  # noqa: FBT002 - an option
    skip: Skip = False,  # noqa: FBT002 - an option
    reroute: Reroute = False,  # noqa: FBT002 - an option
    reassign: Reassign = "",
    force: Force = "",
    waive: Waive = False,  # noqa: FBT002 - an option
    stop: Stop = False,  # noqa: FBT002 - an option
    everything: Annotated[bool, typer.Option("--all", help="All open ones that the filters leave.")] = False,  # noqa: FBT002
    about: Cause = "",
    bundle: Bundle = "",
    organ: Office = "",
    step: Step = "",
    case: OfCase = "",
    request_id: Annotated[str, typer.Option(help="To go on with what was broken off: the id that it printed.")] = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Decide about incidents, each for itself; ends with status 1 when some could not be resolved."""
    request = pb.ResolveIncidentsRequest(request_id=request_id or new_id(), reason=reason)
    if everything == bool(incidents) or (incidents and any((about, bundle, organ, step, case))):
        raise typer.BadParameter("name incidents, or say --all, with filters if you like")
    if incidents:
        request.incident_ids.extend(incidents)
    with connect(Settings()) as platform:
        if not incidents:
            request.filter.CopyFrom(_filter_of(platform, about=about, bundle=bundle, organ=organ, step=step, case=case))
        decision = decision_of(
            platform,
            retry=retry,
            skip=skip,
            reroute=reroute,
            reassign=reassign,
            force=force,
            waive=waive,
            stop=stop,
        )
        request.decision.CopyFrom(decision)
        outcomes, summary = _resolved(platform, request)
    if json:
        print_json({"outcomes": [as_dict(each) for each in outcomes], "summary": as_dict(summary)})
    else:
        print_rows(outcomes, OUTCOMES, as_json=False, empty="no incident is meant")
        before = f", {summary.resolved_before} resolved before" if summary.resolved_before else ""
        say(f"{counted(summary.resolved, 'incident')} resolved{before}, {summary.failed} failed")
    if summary.failed:
        raise typer.Exit(1)


@app.command()
def retry(
    incident_id: Annotated[str, typer.Argument(help="The incident.")],
    reason: Reason,
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Try again what an incident stopped."""
    with connect(Settings()) as platform:
        request = pb.RetryIncidentRequest(request_id=new_id(), incident_id=incident_id, reason=reason)
        incident = platform.operations.RetryIncident(request).incident
    if json:
        print_json(as_dict(incident))
    else:
        say(f"{incident.incident_id} is being tried again")


def _resolved(
    platform: Platform, request: pb.ResolveIncidentsRequest
) -> tuple[list[pb.IncidentOutcome], pb.ResolutionSummary]:
    outcomes: list[pb.IncidentOutcome] = []
    for answer in platform.operations.ResolveIncidents(request, timeout=None):
        if answer.WhichOneof("answer") == "summary":
            return outcomes, answer.summary
        outcomes.append(answer.outcome)
    message = (
        f"the answer broke off after {counted(len(outcomes), 'incident')}; "
        f"the same command with --request-id {request.request_id} goes on"
    )
    raise ValueError(message)


def _filter_of(platform: Platform, *, about: str, bundle: str, organ: str, step: str, case: str) -> pb.IncidentFilter:
    """The filter of what the options say; raises NotFound for an organ or case that there is not."""
    return pb.IncidentFilter(
        reason=about,
        bundle_id=bundle,
        organ_id=organ_id_of(platform, organ) if organ else "",
        step_id=step,
        case_id=platform.cases.GetCase(GetCaseRequest(case_id=case)).case.case_id if case else "",
    )


def _decisions(incident: case_pb2.Incident) -> list[str]:
    names = (case_pb2.DecisionKind.Name(kind) for kind in incident.possible_decisions)
    return [name.removeprefix("DECISION_KIND_").lower() for name in names]
