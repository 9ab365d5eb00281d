"""`duokua seal suite`: the algorithms of an organ's seals, and with them the format of its documents."""

from typing import Annotated

import typer

from chassis.clock import new_id
from cli.arrival import once_arrived
from cli.connection import operator
from cli.options import AsJson, OrganName
from cli.organs import organ_id_of
from cli.output import print_json, say
from cli.seals.trusting import Suite
from duokua.eseal.v1 import seal_pb2
from duokua.eseal.v1 import seal_register_service_pb2 as pb


def suite(
    organ: OrganName,
    suite: Annotated[Suite, typer.Argument(help="international: P-256, documents are PDF. national: SM2, OFD.")],
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Choose the algorithms of the seals that an organ applies for from now on; those that are there stay."""
    with operator() as platform:
        request = pb.SetSuiteRequest(
            request_id=new_id(),
            organ_id=organ_id_of(platform, organ),
            suite=seal_pb2.Suite.Value(f"SUITE_{suite.name}"),
        )
        once_arrived(lambda: platform.seal_register.SetSuite(request), "ORGAN_NOT_FOUND")
    if json:
        print_json({"organ_id": request.organ_id, "suite": suite.name})
    else:
        say(f"from now on {organ} applies for seals with {suite.value} algorithms")
