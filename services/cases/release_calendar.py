"""The working-day calendar that came with this release."""

from functools import cache
from importlib.resources import files

from services.cases.domain.calendar import Calendar
from services.cases.domain.calendar_file import days_of

BUILT_IN = "working-days.csv"


@cache
def built_in() -> Calendar:
    """The calendar that came with this release, as version 1."""
    content = files("services.cases").joinpath("data", BUILT_IN).read_text("utf-8")
    return Calendar(1, tuple(days_of(content)))
