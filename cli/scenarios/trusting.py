"""`duokua scenario trust`: the publishers whose packages may be installed."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chassis.clock import new_id
from chassis.settings import Settings
from cli.connection import connect
from cli.options import AsJson
from cli.output import as_dict, every_page, print_json, print_rows, say
from duokua.matters.v1 import package_pb2
from duokua.matters.v1 import scenario_service_pb2 as pb

if TYPE_CHECKING:
    from duokua.client import Platform

app = typer.Typer(no_args_is_help=True, help="Publishers whose packages may be installed: add, list, remove.")
Reason = Annotated[str, typer.Option(help="Why: it is kept with your name.")]


@app.command()
def add(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The publisher's *.pub.", exists=True, dir_okay=False)],
    name: Annotated[str, typer.Option(help="What the publisher is called here.")],
    reason: Reason,
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Trust a publisher: packages with its signature may be installed. The same again changes nothing."""
    pem = file.read_text("utf-8", "replace")
    request = pb.TrustPublisherRequest(request_id=new_id(), public_key_pem=pem, name=name, reason=reason)
    with connect(Settings()) as platform:
        publisher = platform.scenarios.TrustPublisher(request).publisher
    if json:
        print_json(as_dict(publisher))
    else:
        say(f"{publisher.name} is trusted with the key {publisher.key_id}")


@app.command()
def remove(
    key: Annotated[str, typer.Argument(metavar="KEY", help="The key's id.")],
    reason: Reason,
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """End the trust in a publisher's key. What is installed stays; its record in the list does too."""
    request = pb.DistrustPublisherRequest(request_id=new_id(), key_id=key, reason=reason)
    with connect(Settings()) as platform:
        publisher = platform.scenarios.DistrustPublisher(request).publisher
    if json:
        print_json(as_dict(publisher))
    else:
        say(f"{publisher.name} is not trusted any more with the key {publisher.key_id}")


@app.command(name="list")
def list_publishers(
    everybody: Annotated[bool, typer.Option("--all", help="Also those who are not trusted any more.")] = False,  # noqa: FBT002
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """List the publishers who are trusted."""
    with connect(Settings()) as platform:
        found = trusted_publishers(platform, everybody=everybody)
    columns = [
        ("key", lambda each: each.key_id),
        ("publisher", lambda each: each.name),
        ("since", lambda each: f"{each.trusted_at.ToDatetime():%Y-%m-%d}"),
        ("by", lambda each: each.trusted_by),
        ("until", lambda each: f"{each.distrusted_at.ToDatetime():%Y-%m-%d}" if each.HasField("distrusted_at") else ""),
        ("why", lambda each: each.distrust_reason or each.reason),
    ]
    print_rows(found, columns, as_json=json, empty="no publisher is trusted")


def trusted_publishers(platform: "Platform", *, everybody: bool = False) -> list[package_pb2.Publisher]:
    """The trust list."""
    return every_page(
        lambda token: platform.scenarios.ListPublishers(
            pb.ListPublishersRequest(page_size=1000, page_token=token, all=everybody)
        ),
        lambda answer: answer.publishers,
    )
