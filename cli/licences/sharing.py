"""`duokua licence look-up`, `accesses`, `grant ...`: licences before other organs, and who looked."""

from datetime import datetime, timedelta
from typing import Annotated

import typer

from chassis.clock import BEIJING
from cli.connection import connect_as, operator, person_or_client
from cli.licences.issuing import days
from cli.licences.looking import AsPerson, For, moment, what_it_says
from cli.licences.types import TypeName
from cli.options import AsJson
from cli.organs import organ_id_of
from cli.output import as_dict, every_page, print_json, print_rows, say
from duokua.licences.v1 import sharing_service_pb2 as pb

app = typer.Typer(no_args_is_help=True, help="A holder's consent: give, list, withdraw.")


def look_up(
    name: TypeName,
    purpose: Annotated[str, typer.Option(help="For what; the holder can see it.")],
    person: Annotated[str, typer.Option("--holder", help="Whose: a person's id. Else their number is asked for.")] = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Look up somebody's licences of a type, in the environment of a department's system."""
    # Asked for on standard error: what is on a command line is in the shell's history, and `--json` has the output.
    number = "" if person else typer.prompt("identity number", err=True)
    request = pb.LookUpLicencesRequest(type=name, holder_person_id=person, holder_number=number, purpose=purpose)
    with operator() as platform:
        found = platform.sharing.LookUpLicences(request)
        said = [] if json else [what_it_says(platform, each) for each in found.licences]
    if json:
        print_json(as_dict(found))
        return
    for licence, lines in zip(found.licences, said, strict=True):
        say(f"{licence.name} {licence.identifier}, {days(licence)}, issued by {licence.issuer_name}")
        for line in lines:
            say(line)
    if not found.licences:
        say("there are none that may be seen")
    if found.consent_needed:
        say("licences of other organs are shown with the holder's consent to this purpose: `duokua licence grant list`")
    if found.more:
        say("there are more than these, which are the newest")


def accesses(
    person: AsPerson = "",
    principal: For = "",
    licence: Annotated[str, typer.Option(help="At this licence only; an operator names one.")] = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """List who looked at licences, when and why; as their holder with --person."""
    with person_or_client(person, principal) as platform:
        found = every_page(
            lambda token: platform.sharing.ListAccesses(
                pb.ListAccessesRequest(page_size=1000, page_token=token, licence_id=licence)
            ),
            lambda answer: answer.accesses,
        )
    columns = [
        ("at", lambda each: moment(each.at)),
        ("who", lambda each: each.organ_name or each.subject),
        ("how", lambda each: each.action.replace("_", " ")),
        ("why", lambda each: each.purpose),
        ("licence", lambda each: each.identifier or f"none of type {each.none_of_type}"),
    ]
    print_rows(found, columns, as_json=json, empty="nobody looked")


@app.command()
def give(
    name: TypeName,
    organ: Annotated[str, typer.Argument(help="The organ's id, or its unified social credit code.")],
    person: Annotated[str, typer.Option("--person", help="The holder, in a portal's environment: an id.")],
    purpose: Annotated[str, typer.Option(help="For what.")],
    until: Annotated[str, typer.Option(help="The last day, YYYY-MM-DD (UTC+8); or a moment, as 2026-01-31T12:00:00Z.")],
    principal: For = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Let an organ look up one's licences of a type, for this purpose alone and for a while."""
    request = pb.GrantAccessRequest(type=name, purpose=purpose)
    request.expires_at.FromDatetime(_end(until))
    with connect_as(person, principal) as platform:
        request.organ_id = organ_id_of(platform, organ)
        made = platform.sharing.GrantAccess(request).grant
    if json:
        print_json(as_dict(made))
    else:
        say(f"consent {made.grant_id} holds until {moment(made.expires_at)}")


@app.command(name="list")
def list_grants(
    person: AsPerson = "",
    principal: For = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """List consents, those that are over too; those given to one's organ without --person."""
    with person_or_client(person, principal) as platform:
        found = every_page(
            lambda token: platform.sharing.ListGrants(pb.ListGrantsRequest(page_size=1000, page_token=token)),
            lambda answer: answer.grants,
        )
    columns = [
        ("consent", lambda each: each.grant_id),
        ("organ", lambda each: each.organ_id),
        ("type", lambda each: each.type_code),
        ("for", lambda each: each.purpose),
        ("by", lambda each: each.granted_by),
        ("until", lambda each: moment(each.expires_at)),
        ("withdrawn", lambda each: moment(each.withdrawn_at) if each.HasField("withdrawn_at") else ""),
    ]
    print_rows(found, columns, as_json=json, empty="there are no consents")


@app.command()
def withdraw(
    grant_id: Annotated[str, typer.Argument(metavar="CONSENT", help="The consent's id.")],
    person: Annotated[str, typer.Option("--person", help="The holder, in a portal's environment: an id.")],
    principal: For = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Take a consent back."""
    with connect_as(person, principal) as platform:
        made = platform.sharing.WithdrawAccess(pb.WithdrawAccessRequest(grant_id=grant_id)).grant
    if json:
        print_json(as_dict(made))
    else:
        say(f"consent {made.grant_id} is withdrawn")


def _end(until: str) -> datetime:
    """The moment at which consent ends: that of a day is over in Beijing when the day is."""
    try:
        if len(until) == len("2026-01-31"):
            day = datetime.strptime(until, "%Y-%m-%d")  # noqa: DTZ007 - the zone follows
            return day.replace(tzinfo=BEIJING) + timedelta(days=1)
        end = datetime.fromisoformat(until)
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(f"--until {until}: must be a day such as 2026-01-31, or a moment") from error
    if end.tzinfo is None:
        raise typer.BadParameter(f"--until {until}: of which zone? {until}Z is UTC, {until}+08:00 is Beijing")
    return end
