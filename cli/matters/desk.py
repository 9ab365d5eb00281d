"""What the commands about matters have in common: who acts, which entries are meant, where they stand."""

from typing import Annotated

import typer

from cli.output import enum_name
from duokua.matters.v1 import catalogue_service_pb2 as pb

Text = Annotated[str, typer.Option(help="Words that the name, the organ, the theme or a local code has.")]
Code = Annotated[str, typer.Option(help="A code, or its beginning.")]
Item = Annotated[str, typer.Option(help="The catalogue code of an item: itself and its implementations.")]
Organ = Annotated[str, typer.Option(help="The implementing organ's unified social credit code.")]
Region = Annotated[str, typer.Option(help="A region's code, or its beginning.")]
OneCode = Annotated[str, typer.Argument(metavar="CODE", help="The code of an item or of an implementation.")]
RequestId = Annotated[str, typer.Option(help="To go on with what was broken off: the id that it printed.")]


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
