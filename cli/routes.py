"""`duokua route`: where a step would go."""

from typing import Annotated

import typer

from chassis.settings import Settings
from cli.arrival import once_arrived
from cli.connection import connect
from cli.options import AsJson, Level
from cli.output import as_dict, print_json, print_rows, say
from duokua.identity.v1 import directory_pb2
from duokua.routing.v1 import routing_pb2, routing_service_pb2

pb = routing_service_pb2
app = typer.Typer()


@app.callback()
def routes() -> None:
    """Routes: explain."""


@app.command()
def explain(
    region: Annotated[str, typer.Argument(help="The code of the region that a case is in.")],
    code: Annotated[str, typer.Argument(help="The catalogue code of the step's matter.")],
    level: Annotated[Level | None, typer.Option(help="The level that must handle it; by default any.")] = None,
    above: Annotated[str, typer.Option(help="The organ that passed the step upward; by default none did.")] = "",
    named: Annotated[
        str, typer.Option(help="The organ that the application names, by its credit code; by default none.")
    ] = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Say which office a step would go to now, and why the others are passed over; changes nothing."""
    number = directory_pb2.OrganLevel.Value(f"ORGAN_LEVEL_{level.name}") if level else 0
    step = routing_pb2.StepToRoute(
        step_id="step", catalog_code=code, level=number, above_organ_id=above, named_uscc=named
    )
    request = pb.ExplainRouteRequest(region_code=region, step=step)
    with connect(Settings()) as platform:
        answer = once_arrived(lambda: platform.routing.ExplainRoute(request), "UNKNOWN_REGION")
    if json:
        print_json(as_dict(answer))
        return
    decision = answer.decision
    goes = f"goes to {decision.organ_name} ({decision.organ_id})" if decision.organ_id else "goes to nobody"
    say(f"{code} {goes}: {decision.reason}")
    columns = [
        ("passed over", lambda office: office.organ_id),
        ("name", lambda office: office.organ_name),
        ("why", lambda office: office.reason),
    ]
    print_rows(answer.passed_over, columns, as_json=False, empty="no other office was looked at")
