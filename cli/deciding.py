"""What an operator decides, as options that several commands have: exactly one of them must be given."""

import json
from typing import Annotated

import typer

from cli.organs import organ_id_of
from duokua.cases.v1 import operations_service_pb2 as pb
from duokua.client import Platform
from duokua.data import to_struct

Retry = Annotated[bool, typer.Option("--retry", help="Try again what was stopped.")]
Skip = Annotated[bool, typer.Option("--skip", help="Go on without the step.")]
Reroute = Annotated[bool, typer.Option("--reroute", help="Have routing find another office than the present one.")]
Reassign = Annotated[
    str, typer.Option(metavar="ORGAN", help="Give the step to this organ: its id or unified social credit code.")
]
Force = Annotated[
    str,
    typer.Option(
        metavar="RESULT", help="Take the step as done, with this result as JSON ({} for none); an undo as undone."
    ),
]
Waive = Annotated[
    bool, typer.Option("--waive-notice", help="Go on without the sealed notice of the step; its result stands.")
]
Stop = Annotated[bool, typer.Option("--stop", help="Give the case up; what was done is undone.")]
Reason = Annotated[str, typer.Option(help="Why, for the history.")]


def decision_of(
    platform: Platform,
    *,
    skip: bool,
    reroute: bool,
    reassign: str,
    force: str,
    waive: bool = False,
    retry: bool = False,
    stop: bool = False,
) -> pb.Decision:
    """The one decision that the options name. Raises typer.BadParameter unless it is one."""
    given = [retry, skip, reroute, bool(reassign), bool(force), waive, stop]
    if given.count(True) != 1:
        raise typer.BadParameter("say what is decided, with exactly one of these options; --help lists them")
    if retry:
        return pb.Decision(retry=pb.Retry())
    if skip:
        return pb.Decision(skip=pb.Skip())
    if waive:
        return pb.Decision(waive=pb.Waive())
    if stop:
        return pb.Decision(stop=pb.Stop())
    if force:
        return _forcing(force)
    organ_id = organ_id_of(platform, reassign) if reassign else ""
    return pb.Decision(reassign=pb.Reassign(organ_id=organ_id))


def _forcing(text: str) -> pb.Decision:
    try:
        result = to_struct(json.loads(text), "RESULT")
    except (ValueError, TypeError) as error:
        raise typer.BadParameter(f"the result must be a JSON object, such as '{{}}': {error}") from None
    return pb.Decision(force=pb.Force(result=result))
