"""What the commands about matters have in common: who acts, which entries are meant, where they stand."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from chassis.settings import Settings
from cli.connection import connect
from cli.output import enum_name
from duokua.matters.v1 import catalogue_service_pb2 as pb

if TYPE_CHECKING:
    from duokua.client import Platform

Text = Annotated[str, typer.Option(help="Words that the name, the organ, the theme or a local code has.")]
Code = Annotated[str, typer.Option(help="A code, or its beginning.")]
Item = Annotated[str, typer.Option(help="The catalogue code of an item: itself and its implementations.")]
Organ = Annotated[str, typer.Option(help="The implementing organ's unified social credit code.")]
Region = Annotated[str, typer.Option(help="A region's code, or its beginning.")]
OneCode = Annotated[str, typer.Argument(metavar="CODE", help="The code of an item or of an implementation.")]
RequestId = Annotated[str, typer.Option(help="To go on with what was broken off: the id that it printed.")]


def operator() -> "Platform":
    """The platform, for the operator whose client the environment names, as `client register` prints it.

    Without one, for the first operator. Publishing needs four eyes, and so more than one operator.
    """
    if not os.environ.get("DUOKUA_CLIENT_ID"):
        return connect(Settings())
    from duokua.client import Platform  # noqa: PLC0415 - only what a command needs is loaded

    return Platform.from_env()


def filter_of(text: str, code: str, item: str, organ: str, region: str) -> pb.MatterFilter:
    """The filter that the options make."""
    return pb.MatterFilter(text=text, code=code, catalog_code=item, uscc=organ, region_code=region)


def phase(matter: pb.MatterVersion) -> str:
    """Where a version stands, in words."""
    return enum_name(matter, "phase")


def in_force(matter: pb.MatterVersion) -> str:
    """From when until when, as far as it is published."""
    if not matter.begins_on:
        return ""
    if matter.last_on and matter.last_on < matter.begins_on:
        return "never"
    return f"{matter.begins_on} to {matter.last_on}" if matter.last_on else f"from {matter.begins_on}"
