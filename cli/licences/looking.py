"""`duokua licence list`, `show`, `verify`."""

from datetime import UTC
from typing import TYPE_CHECKING, Annotated

import typer
from google.protobuf.timestamp_pb2 import Timestamp

from cli.connection import operator, person_or_client
from cli.licences.issuing import LicenceId, days
from cli.options import AsJson
from cli.output import as_dict, enum_name, every_page, plain, print_json, print_rows, say
from duokua.licences.v1 import licence_pb2, licence_service_pb2

if TYPE_CHECKING:
    from duokua.client import Session

pb = licence_service_pb2
AsPerson = Annotated[
    str,
    typer.Option(
        "--person",
        help="The holder who looks, in a portal's environment: an id. Else the client that the environment names.",
    ),
]
For = Annotated[str, typer.Option("--for", help="With --person: the person acted for.")]


def list_licences(
    person: AsPerson = "",
    principal: For = "",
    holder: Annotated[str, typer.Option(help="For an operator: the person whose licences to list.")] = "",
    purpose: Annotated[str, typer.Option(help="For an operator: for what; the holder can see it.")] = "",
    kind: Annotated[str, typer.Option("--type", help="Of one type only.")] = "",
    valid: Annotated[bool, typer.Option("--valid", help="Those that are valid today only.")] = False,  # noqa: FBT002
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """List the licences that somebody holds, the newest first; for an office's system those that its organ issued."""
    with person_or_client(person, principal) as platform:
        found = every_page(
            lambda token: platform.licences.ListLicences(
                pb.ListLicencesRequest(
                    page_size=1000,
                    page_token=token,
                    holder_person_id=holder,
                    purpose=purpose,
                    type=kind,
                    valid_only=valid,
                )
            ),
            lambda answer: answer.licences,
        )
    columns = [
        ("licence", lambda each: each.licence_id),
        ("name", lambda each: each.name),
        ("identifier", lambda each: each.identifier),
        ("issuer", lambda each: each.issuer_name),
        ("status", lambda each: enum_name(each, "status")),
        ("days", days),
    ]
    print_rows(found, columns, as_json=json, empty="there are no licences")


def show(
    licence_id: LicenceId,
    person: AsPerson = "",
    principal: For = "",
    purpose: Annotated[str, typer.Option(help="For what; the holder can see it, and need not say.")] = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Show a licence, what it says, and what happened to it."""
    with person_or_client(person, principal) as platform:
        answer = platform.licences.GetLicence(pb.GetLicenceRequest(licence_id=licence_id, purpose=purpose))
        said = () if json else what_it_says(platform, answer.licence)
    if json:
        print_json(as_dict(answer))
        return
    licence = answer.licence
    say(f"{licence.name} {licence.identifier}, {enum_name(licence, 'status')}, {days(licence)}")
    # An organ that had a copy made is told where that stands, and not whose the licence is.
    holder = f" to {licence.holder.name} {licence.holder.masked_number}" if licence.HasField("holder") else ""
    say(f"issued by {licence.issuer_name}{holder}")
    for line in said:
        say(line)
    for each in answer.documents:
        where = f"document {each.document_id}" if each.document_id else each.reason
        say(f"{each.annotation or 'itself'}: {enum_name(each, 'status')} {where}".rstrip())
    columns = [
        ("at", lambda each: moment(each.at)),
        ("act", lambda each: each.act),
        ("status", lambda each: enum_name(each, "status")),
        ("by", lambda each: each.actor),
        ("reason", lambda each: each.reason),
    ]
    if answer.changes:
        print_rows(answer.changes, columns, as_json=False, empty="")


def verify(
    identifier: Annotated[str, typer.Argument(help="The identifier, or all that the document's QR code says.")],
    code: Annotated[str, typer.Option(help="The code that is printed below the QR code.")] = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Say whether a licence is good; the exit status is 1 when it is not."""
    with operator() as platform:
        answer = platform.licences.VerifyLicence(pb.VerifyLicenceRequest(identifier=identifier, code=code))
        said = () if json else what_it_says(platform, answer.licence)
    if json:
        print_json(as_dict(answer))
    else:
        say(answer.explanation)
        for line in said:
            say(line)
    raise typer.Exit(0 if answer.valid else 1)


def what_it_says(platform: "Session", licence: licence_pb2.Licence) -> list[str]:
    """A line for each field of a licence that may be seen: under its label, in the order of the type."""
    data = as_dict(licence).get("data", {})
    if not data:
        return []
    of = platform.licences.GetType(pb.GetTypeRequest(type=licence.type_code)).type
    return [f"  {each.label}: {plain(str(data[each.name]))}" for each in of.fields if each.name in data]


def moment(at: Timestamp) -> str:
    """A moment in UTC, to the second."""
    return at.ToDatetime(UTC).isoformat(timespec="seconds").removesuffix("+00:00") + "Z"
