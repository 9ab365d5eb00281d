"""`duokua case rate` and `deliver`: what follows the end of a case."""

from typing import Annotated

import typer

from chassis.clock import new_id
from chassis.settings import Settings
from cli.applications import CaseId, Person, Principal
from cli.connection import connect
from cli.options import AsJson
from cli.output import as_dict, print_json, say
from duokua.cases.v1 import case_service_pb2
from duokua.client import Platform

pb = case_service_pb2


def rate(
    case_id: CaseId,
    level: Annotated[int, typer.Option(min=1, max=5, help="From 1, very satisfied, to 5, very dissatisfied.")],
    person: Person,
    step: Annotated[str, typer.Option(help="The step whose office is rated; without it the case.")] = "",
    comment: Annotated[str, typer.Option(help="In the applicant's words.")] = "",
    tag: Annotated[list[str] | None, typer.Option(help="A word on what was good or bad; may be repeated.")] = None,
    principal: Principal = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Rate a case that has ended, or the service of one step's office; each once, as an applicant."""
    with Platform.from_env() as portal:
        request = pb.RateCaseRequest(
            request_id=new_id(), case_id=case_id, step_id=step, level=level, comment=comment, tags=tag or ()
        )
        case = portal.acting_for(person, principal or None).cases.RateCase(request).case
    if json:
        print_json(as_dict(case))
        return
    say(f"case {case.case_number} is rated {level}" + (f" for {step}" if step else ""))
    if any(each.step_id == step and not each.HasField("closed_at") for each in case.follow_ups):
        say("the office has to answer: see the case for what it did")


def deliver(
    case_id: CaseId,
    channel: Annotated[str, typer.Option(help="How, such as 窗口, 邮寄 or 网上.")],
    receiver: Annotated[str, typer.Option(help="Who took the results.")],
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Note how the applicant got the results of a completed case."""
    with connect(Settings()) as platform:
        request = pb.DeliverCaseRequest(request_id=new_id(), case_id=case_id, channel=channel, receiver=receiver)
        delivery = platform.cases.DeliverCase(request).delivery
    if json:
        print_json(as_dict(delivery))
        return
    say(f"delivered at {delivery.delivered_at.ToJsonString()} by {delivery.channel} to {delivery.receiver}")
