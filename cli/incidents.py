"""`duokua incident`: what waits for an operator, and trying it again."""

from typing import Annotated

import typer

from chassis.clock import new_id
from chassis.settings import Settings
from cli.connection import connect
from cli.options import AsJson
from cli.output import as_dict, every_page, print_json, print_rows, say
from duokua.cases.v1 import operations_service_pb2

pb = operations_service_pb2
app = typer.Typer(no_args_is_help=True, help="Incidents: list, retry.")


@app.command(name="list")
def list_incidents(
    everything: Annotated[bool, typer.Option("--all", help="Resolved ones too.")] = False,  # noqa: FBT002 - an option
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """List what waits for an operator, with the cause and what to do."""
    with connect(Settings()) as platform:
        found = every_page(
            lambda token: platform.operations.ListIncidents(
                pb.ListIncidentsRequest(page_size=1000, page_token=token, include_resolved=everything)
            ),
            lambda answer: answer.incidents,
        )
    columns = [
        ("incident", lambda incident: incident.incident_id),
        ("case", lambda incident: incident.case_number),
        ("step", lambda incident: incident.step_id),
        ("reason", lambda incident: incident.reason),
        ("what to do", lambda incident: incident.description),
    ]
    print_rows(found, columns, as_json=json, empty="nothing waits for an operator")


@app.command()
def retry(
    incident_id: Annotated[str, typer.Argument(help="The incident.")],
    reason: Annotated[str, typer.Option(help="Why, for the history.")],
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
