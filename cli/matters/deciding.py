"""`duokua matter submit`, `withdraw`, `publish`, `retire` and `discard`: many entries, each for itself."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chassis.clock import BEIJING, new_id
from cli.connection import operator
from cli.matters.desk import Code, Item, Organ, Region, RequestId, Text, filter_of
from cli.options import AsJson
from cli.output import as_dict, counted, print_json, print_rows, say
from duokua.matters.v1 import catalogue_service_pb2 as pb

if TYPE_CHECKING:
    from duokua.client import Platform

Codes = Annotated[list[str] | None, typer.Argument(metavar="CODE...", help="Up to 10,000 entries.")]
Everything = Annotated[bool, typer.Option("--all", help="All that are ready for it, and that the filters leave.")]
Reason = Annotated[str, typer.Option(help="Why, for the record.")]
OUTCOMES = [
    ("code", lambda outcome: outcome.code),
    ("version", lambda outcome: str(outcome.version or "")),
    ("reason", lambda outcome: outcome.reason),
    ("why", lambda outcome: outcome.message),
]


def submit(  # noqa: PLR0913, PLR0917 - options
    codes: Codes = None,
    everything: Everything = False,  # noqa: FBT002 - an option
    reason: Reason = "",
    text: Text = "",
    code: Code = "",
    item: Item = "",
    organ: Organ = "",
    region: Region = "",
    request_id: RequestId = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Submit drafts for review."""
    meant = _meant(codes, filter_of(text, code, item, organ, region), everything=everything)
    request = pb.SubmitForReviewRequest(request_id=request_id or new_id(), reason=reason, **meant)
    _do(lambda platform: platform.catalogue.SubmitForReview(request, timeout=None), request, "submitted", as_json=json)


def withdraw(  # noqa: PLR0913, PLR0917 - options
    codes: Codes = None,
    everything: Everything = False,  # noqa: FBT002 - an option
    reason: Reason = "",
    text: Text = "",
    code: Code = "",
    item: Item = "",
    organ: Organ = "",
    region: Region = "",
    request_id: RequestId = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Take versions back from review: they are drafts again."""
    meant = _meant(codes, filter_of(text, code, item, organ, region), everything=everything)
    request = pb.WithdrawReviewRequest(request_id=request_id or new_id(), reason=reason, **meant)
    _do(lambda platform: platform.catalogue.WithdrawReview(request, timeout=None), request, "withdrawn", as_json=json)


def publish(  # noqa: PLR0913, PLR0917 - options
    codes: Codes = None,
    everything: Everything = False,  # noqa: FBT002 - an option
    reason: Reason = "",
    text: Text = "",
    code: Code = "",
    item: Item = "",
    organ: Organ = "",
    region: Region = "",
    seen_at: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M%z", "%Y-%m-%dT%H:%M:%S%z"],
            help="When you looked at it, in China unless it says otherwise: what came into review later is refused.",
        ),
    ] = None,
    request_id: RequestId = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Publish what is in review. Four eyes: nobody publishes what they wrote or submitted."""
    meant = _meant(codes, filter_of(text, code, item, organ, region), everything=everything)
    request = pb.PublishMattersRequest(request_id=request_id or new_id(), reason=reason, **meant)
    if seen_at is not None:
        request.seen_at.FromDatetime(seen_at if seen_at.tzinfo else seen_at.replace(tzinfo=BEIJING))
    _do(lambda platform: platform.catalogue.PublishMatters(request, timeout=None), request, "published", as_json=json)


def retire(  # noqa: PLR0913, PLR0917 - options
    reason: Reason,
    codes: Codes = None,
    everything: Everything = False,  # noqa: FBT002 - an option
    last_day: Annotated[
        str, typer.Option(metavar="YYYY-MM-DD", help="The last day in force; yesterday, which ends it at once.")
    ] = "",
    text: Text = "",
    code: Code = "",
    item: Item = "",
    organ: Organ = "",
    region: Region = "",
    request_id: RequestId = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Retire entries: what is in force ends, and what was planned never begins."""
    meant = _meant(codes, filter_of(text, code, item, organ, region), everything=everything)
    request = pb.RetireMattersRequest(request_id=request_id or new_id(), reason=reason, last_day=last_day, **meant)
    _do(lambda platform: platform.catalogue.RetireMatters(request, timeout=None), request, "retired", as_json=json)


def discard(  # noqa: PLR0913, PLR0917 - options
    codes: Codes = None,
    everything: Everything = False,  # noqa: FBT002 - an option
    reason: Reason = "",
    text: Text = "",
    code: Code = "",
    item: Item = "",
    organ: Organ = "",
    region: Region = "",
    request_id: RequestId = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Give drafts up; what was published before stays."""
    meant = _meant(codes, filter_of(text, code, item, organ, region), everything=everything)
    request = pb.DiscardDraftsRequest(request_id=request_id or new_id(), reason=reason, **meant)
    _do(lambda platform: platform.catalogue.DiscardDrafts(request, timeout=None), request, "discarded", as_json=json)


def _meant(codes: list[str] | None, wanted: pb.MatterFilter, *, everything: bool) -> dict[str, Any]:
    if everything == bool(codes) or (codes and wanted != pb.MatterFilter()):
        raise typer.BadParameter("name entries, or say --all, with filters if you like")
    return {"codes": codes} if codes else {"filter": wanted}


def _do(call: Callable[["Platform"], Iterable[Any]], request: Any, done: str, *, as_json: bool) -> None:
    outcomes: list[pb.MatterOutcome] = []
    summary: pb.MatterSummary | None = None
    with operator() as platform:
        for answer in call(platform):
            if answer.WhichOneof("answer") == "summary":
                summary = answer.summary
            else:
                outcomes.append(answer.outcome)
    if summary is None:
        entries = counted(len(outcomes), "entry")
        again = f"the same command with --request-id {request.request_id} goes on"
        raise ValueError(f"the answer broke off after {entries}; {again}")
    if as_json:
        print_json({"outcomes": [as_dict(each) for each in outcomes], "summary": as_dict(summary)})
    else:
        if failed := [each for each in outcomes if each.reason]:
            print_rows(failed, OUTCOMES, as_json=False, empty="")
        before = f", {summary.done_before} before" if summary.done_before else ""
        say(f"{counted(summary.done, 'entry')} {done}{before}, {summary.failed} failed")
    if summary.failed:
        raise typer.Exit(1)
