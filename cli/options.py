"""Arguments and options that several commands have."""

from enum import StrEnum
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of words and tables.")]
OrganName = Annotated[str, typer.Argument(metavar="ORGAN", help="The organ's id, or its unified social credit code.")]
Codes = Annotated[list[str], typer.Argument(metavar="CODE...", help="Catalogue codes of matters, 12 characters each.")]


class Level(StrEnum):
    """The level of an organ (GB/T 39554.1)."""

    NATIONAL = "national"
    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"
    TOWN = "town"
    VILLAGE = "village"
