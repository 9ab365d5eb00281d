"""`duokua case migrate`: running cases that go on by a newer version of their bundle; looked at first, then done."""

from typing import Annotated

import typer

from chassis.clock import new_id
from chassis.settings import Settings
from cli.connection import connect
from cli.deciding import Reason
from cli.options import AsJson
from cli.output import as_dict, counted, enum_name, print_json, print_rows, say
from duokua.cases.v1 import operations_service_pb2 as pb
from duokua.client import Platform

COLUMNS = [
    ("case", lambda outcome: outcome.case_number or outcome.case_id),
    ("outcome", lambda outcome: enum_name(outcome, "outcome")),
    ("steps", lambda outcome: ", ".join(_change(each) for each in outcome.changes)),
    ("reason", lambda outcome: outcome.reason),
    ("why", lambda outcome: outcome.message),
]


def migrate(  # noqa: PLR0913, PLR0917 - options
    bundle_id: Annotated[str, typer.Argument(metavar="BUNDLE", help="The bundle, such as open-restaurant.")],
    from_version: Annotated[int, typer.Option("--from", min=1, help="The version that the cases run.")],
    to_version: Annotated[int, typer.Option("--to", min=1, help="The newer version by which they go on.")],
    reason: Reason,
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="OLD=NEW",
            help="The step that takes the place of one that has not begun, or OLD= for none; needed for each step that "
            "the newer version does not have. May be repeated.",
        ),
    ] = None,
    case: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CASE", help="Only this case, by id or number; may be repeated. Else all that run the version."
        ),
    ] = None,
    most: Annotated[int, typer.Option(min=0, help="So many cases at most; 0 for all.")] = 0,
    apply: Annotated[bool, typer.Option("--apply", help="Do it; without, it is only told what would be.")] = False,  # noqa: FBT002 - an option
    request_id: Annotated[str, typer.Option(help="To go on with what was broken off: the id that it printed.")] = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Tell what a newer version would make of running cases, and with --apply do it; status 1 when some were refused.

    What has begun stays as it is; what has not follows the newer version.
    """
    request = pb.MigrateCasesRequest(
        request_id=request_id or new_id(),
        bundle_id=bundle_id,
        from_version=from_version,
        to_version=to_version,
        mapping=[_place(each) for each in mapping or ()],
        reason=reason,
        dry_run=not apply,
        case_ids=case or (),
        most=most,
    )
    with connect(Settings()) as platform:
        outcomes, summary = _migrated(platform, request)
    if json:
        print_json({"outcomes": [as_dict(each) for each in outcomes], "summary": as_dict(summary)})
    else:
        print_rows(outcomes, COLUMNS, as_json=False, empty=f"no case runs version {from_version} of {bundle_id}")
        before = f", {summary.unchanged} run version {to_version} already" if summary.unchanged else ""
        if apply:
            say(f"{counted(summary.migrated, 'case')} migrated{before}, {summary.refused} refused")
        else:
            say(f"{counted(summary.possible, 'case')} could be migrated{before}, {summary.refused} refused")
            say("nothing was changed; the same with --apply does it" if summary.possible else "nothing was changed")
    if summary.refused:
        raise typer.Exit(1)


def _place(given: str) -> pb.StepPlace:
    step_id, equals, place = given.partition("=")
    if not step_id or not equals:
        raise typer.BadParameter(f"{given}: give OLD=NEW, or OLD= for a step that has no place", param_hint="--map")
    return pb.StepPlace(step_id=step_id, place=place)


def _change(change: pb.StepChange) -> str:
    """A step and what becomes of it: "sign waiting → gone"."""
    before = enum_name(change, "before") if change.before else "new"
    after = enum_name(change, "after") if change.after else "gone"
    return f"{change.step_id} {before} → {after}"


def _migrated(
    platform: Platform, request: pb.MigrateCasesRequest
) -> tuple[list[pb.MigrationOutcome], pb.MigrationSummary]:
    outcomes: list[pb.MigrationOutcome] = []
    for answer in platform.operations.MigrateCases(request, timeout=None):
        if answer.WhichOneof("answer") == "summary":
            return outcomes, answer.summary
        outcomes.append(answer.outcome)
    message = (
        f"the answer broke off after {counted(len(outcomes), 'case')}; "
        f"the same command with --request-id {request.request_id} goes on"
    )
    raise ValueError(message)
