"""`duokua seal list`, `show`, `history` and `uses`: what there is, and what was done with it."""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.connection import operator
from cli.options import AsJson
from cli.organs import organ_id_of
from cli.output import as_dict, counted, enum_name, every_page, print_json, print_rows, say
from duokua.client import Platform
from duokua.eseal.v1 import seal_pb2
from duokua.eseal.v1 import seal_register_service_pb2 as pb

SealId = Annotated[str, typer.Argument(metavar="SEAL", help="The seal's id.")]
OfOrgan = Annotated[str, typer.Option("--organ", help="Of this organ alone: its id or unified social credit code.")]


class State(StrEnum):
    """How far a seal has come."""

    APPLIED = "applied"
    REJECTED = "rejected"
    APPROVED = "approved"
    MADE = "made"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    REPLACED = "replaced"


def all_seals(platform: Platform, organ_id: str = "", state: State | None = None) -> list[seal_pb2.Seal]:
    """Every seal, ended ones too; of one organ, or in one state."""
    wanted = seal_pb2.SealState.Value(f"SEAL_STATE_{state.name if state else 'UNSPECIFIED'}")
    return every_page(
        lambda token: platform.seal_register.ListSeals(
            pb.ListSealsRequest(page_size=1000, page_token=token, organ_id=organ_id, state=wanted)
        ),
        lambda answer: answer.seals,
    )


def list_seals(
    organ: OfOrgan = "",
    state: Annotated[State | None, typer.Option(help="In this state alone.")] = None,
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """List the seals, ended ones too."""
    with operator() as platform:
        found = all_seals(platform, organ_id_of(platform, organ) if organ else "", state)
    columns = [
        ("seal", lambda seal: seal.seal_id),
        ("organ", lambda seal: seal.organ_id),
        ("kind", lambda seal: enum_name(seal, "kind")),
        ("name", lambda seal: seal.name),
        ("until", lambda seal: _day(seal, "valid_until")),
        ("state", lambda seal: enum_name(seal, "state")),
    ]
    print_rows(found, columns, as_json=json, empty="there are no seals")


def show(
    seal_id: SealId,
    picture: Annotated[Path | None, typer.Option(help="Write its picture to this file, PNG.")] = None,
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Show a seal: whose it is, what it may be used for, until when."""
    with operator() as platform:
        answer = platform.seal_register.GetSeal(pb.GetSealRequest(seal_id=seal_id))
    if picture:
        picture.write_bytes(answer.picture)
    seal = answer.seal
    if json:
        print_json(as_dict(seal))
        return
    say(f"seal {seal.seal_id} {seal.name} ({enum_name(seal, 'kind')}) is {enum_name(seal, 'state')}")
    say(f"of {seal.organ_name} ({seal.organ_id}), {enum_name(seal, 'suite')} algorithms")
    say(f"applied for by {seal.applied_by} for {counted(seal.years, 'year')}: {answer.history[0].reason}")
    say("for all matters" if "*" in seal.matters else f"for the matters {' '.join(seal.matters) or 'of no case'}")
    if seal.served_organ_ids:
        say(f"also for steps of {' '.join(seal.served_organ_ids)}")
    if seal.HasField("valid_until"):
        say(f"good from {_day(seal, 'valid_from')} until {_day(seal, 'valid_until')}")
    if seal.replaces_seal_id:
        say(f"replaces {seal.replaces_seal_id}")


def history(seal_id: SealId, json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """List what was done to a seal, by whom, when and why."""
    with operator() as platform:
        acts = platform.seal_register.GetSeal(pb.GetSealRequest(seal_id=seal_id)).history
    columns = [
        ("at", _moment),
        ("act", lambda act: act.act),
        ("by", lambda act: act.actor),
        ("reason", lambda act: act.reason),
    ]
    print_rows(acts, columns, as_json=json, empty="nothing was done to it")


def uses(
    seal_id: Annotated[str, typer.Argument(metavar="[SEAL]", help="The seal's id; without it all seals.")] = "",
    organ: OfOrgan = "",
    since: Annotated[datetime | None, typer.Option(help="From this moment on, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Before this moment, UTC.")] = None,
    refused: Annotated[bool, typer.Option("--refused", help="Refused attempts alone.")] = False,  # noqa: FBT002
    count: Annotated[bool, typer.Option("--count", help="How many alone.")] = False,  # noqa: FBT002
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """List the uses of seals and the attempts that were refused, or count them."""
    with operator() as platform:
        request = pb.ListSealUsesRequest(
            page_size=1 if count else 1000,
            seal_id=seal_id,
            organ_id=organ_id_of(platform, organ) if organ else "",
            refused_only=refused,
        )
        if since:
            request.since.FromDatetime(since)
        if until:
            request.until.FromDatetime(until)
        if count:
            answer = platform.seal_register.ListSealUses(request)
            _print_count(answer, as_json=json)
            return
        found = every_page(lambda token: _page(platform, request, token), lambda answer: answer.uses)
    columns = [
        ("at", _moment),
        ("seal", lambda use: use.seal_id),
        ("organ", lambda use: use.organ_id),
        ("on", lambda use: use.title),
        ("case", lambda use: use.case_id),
        ("step", lambda use: use.step_id),
        ("by", lambda use: f"{use.actor} {use.official}".strip()),
        ("outcome", lambda use: use.reason if use.refused else "used"),
        ("document", lambda use: use.document_id),
    ]
    print_rows(found, columns, as_json=json, empty="no seal was used")


def _page(platform: Platform, request: pb.ListSealUsesRequest, token: str) -> pb.ListSealUsesResponse:
    request.page_token = token
    return platform.seal_register.ListSealUses(request)


def _print_count(answer: pb.ListSealUsesResponse, *, as_json: bool) -> None:
    if as_json:
        print_json({"used": answer.used_count, "refused": answer.refused_count})
    else:
        say(f"{counted(answer.used_count, 'use')}, {counted(answer.refused_count, 'refused attempt')}")


def _day(seal: seal_pb2.Seal, field: str) -> str:
    moment = getattr(seal, field)
    return moment.ToDatetime().date().isoformat() if seal.HasField(field) else ""  # type: ignore[arg-type] # a moment


def _moment(message: seal_pb2.SealAct | seal_pb2.SealUse) -> str:
    return f"{message.at.ToDatetime():%Y-%m-%d %H:%M:%S}"
