"""`duokua licence issue`, `renew`, `hold`, `release`, `end`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from cli.arrival import once_arrived
from cli.connection import operator
from cli.licences.types import TypeName
from cli.options import AsJson
from cli.organs import organ_id_of
from cli.output import as_dict, enum_name, print_json, say
from duokua.data import to_struct
from duokua.licences.v1 import licence_pb2, licence_service_pb2

pb = licence_service_pb2
_ON_THE_WAY = ("ORGAN_NOT_FOUND", "PERSON_NOT_FOUND")
"""What was registered a moment ago."""
LicenceId = Annotated[str, typer.Argument(metavar="LICENCE", help="The licence's id.")]
Data = Annotated[
    Path | None, typer.Option(help="What it says: fields and values, in YAML or JSON.", exists=True, dir_okay=False)
]
From = Annotated[str, typer.Option("--from", help="The first day, YYYY-MM-DD; else today.")]
Until = Annotated[str, typer.Option(help="The last day, YYYY-MM-DD; else what the type says.")]
Reason = Annotated[str, typer.Option(help="Why, for the history.")]


class Ending(StrEnum):
    """How a licence ends."""

    REVOKED = "revoked"
    CANCELLED = "cancelled"
    MOVED_OUT = "moved-out"
    WITHDRAWN = "withdrawn"
    OTHER = "other"


def issue(
    name: TypeName,
    person: Annotated[str, typer.Argument(help="Who is to hold it: a person's id.")],
    data: Data = None,
    issuer: Annotated[
        str, typer.Option(help="For an operator: the issuing organ's id, or its unified social credit code.")
    ] = "",
    serial: Annotated[str, typer.Option(help="The issuer's own number; else the next one.")] = "",
    valid_from: From = "",
    until: Until = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Issue a licence to a registered person."""
    request = pb.IssueLicenceRequest(
        type=name,
        holder_person_id=person,
        serial=serial,
        valid_from=valid_from,
        valid_until=until,
        data=to_struct(_read(data)),
    )
    with operator() as platform:
        if issuer:
            request.issuer_organ_id = organ_id_of(platform, issuer)
        answer = once_arrived(lambda: platform.licences.IssueLicence(request), *_ON_THE_WAY)
    tell(answer.licence, "issued", as_json=json)


def renew(
    licence_id: LicenceId,
    data: Data = None,
    valid_from: From = "",
    until: Until = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Issue the next version of a licence; what is not in the data stays as it was."""
    request = pb.RenewLicenceRequest(
        licence_id=licence_id, valid_from=valid_from, valid_until=until, data=to_struct(_read(data))
    )
    with operator() as platform:
        made = platform.licences.RenewLicence(request).licence
    tell(made, "issued", as_json=json)


def hold(licence_id: LicenceId, reason: Reason, json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """Take a licence out of use for a while (暂扣)."""
    with operator() as platform:
        request = pb.HoldLicenceRequest(licence_id=licence_id, reason=reason)
        changed = platform.licences.HoldLicence(request).licence
    tell(changed, "held", as_json=json)


def release(licence_id: LicenceId, reason: Reason, json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """Give a licence back that is held."""
    with operator() as platform:
        request = pb.ReleaseLicenceRequest(licence_id=licence_id, reason=reason)
        changed = platform.licences.ReleaseLicence(request).licence
    tell(changed, "released", as_json=json)


def end(
    licence_id: LicenceId,
    ending: Annotated[Ending, typer.Argument(help="撤销, 注销, 迁出, 吊销 or another end.")],
    reason: Reason,
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """End a licence for good."""
    request = pb.EndLicenceRequest(
        licence_id=licence_id, ending=licence_pb2.LicenceStatus.Value(f"LICENCE_STATUS_{ending.name}"), reason=reason
    )
    with operator() as platform:
        changed = platform.licences.EndLicence(request).licence
    tell(changed, "ended", as_json=json)


def tell(licence: licence_pb2.Licence, what: str, *, as_json: bool) -> None:
    """Say what became of a licence."""
    if as_json:
        print_json(as_dict(licence))
    else:
        status = enum_name(licence, "status")
        say(f"licence {licence.licence_id} {licence.identifier} is {what}, {status}, {days(licence)}")


def days(licence: licence_pb2.Licence) -> str:
    """From when until when it is good."""
    return f"{licence.valid_from} to {licence.valid_until}" if licence.valid_until else f"from {licence.valid_from}"


def _read(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        # Days stay text: every scalar but numbers, truths and null is read as it is written.
        said = yaml.load(file.read_text("utf-8"), Loader=_Loader)  # noqa: S506 - a safe loader without its dates
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{file} is no YAML: {error}") from error
    if not isinstance(said, dict):
        raise typer.BadParameter(f"{file} has no fields")
    return said


class _Loader(yaml.SafeLoader):
    """Without YAML's own dates, which JSON and licences do not have."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - replaces the table that the class inherits
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
