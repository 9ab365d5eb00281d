"""Case numbers (办件编号): task code 31 + yyyymmdd + serial of 4 to 6 digits, at most 50 characters."""

from dataclasses import dataclass
from datetime import datetime

from chassis.clock import BEIJING
from services.cases.domain.plan import Plan
from services.cases.domain.refusal import Refusal

LARGEST_SERIAL = 999_999
KEY_CHARACTERS = 39


@dataclass(frozen=True, slots=True)
class Series:
    """What the serials of one day are counted in: a task code and a day in Beijing."""

    task_code: str
    day: str
    """As yyyymmdd."""

    @property
    def key(self) -> str:
        """The part of the number before the serial, 39 characters."""
        return self.task_code + self.day


def series_of(plan: Plan, at: datetime) -> Series:
    """Return the series in which a case of this bundle, submitted at ``at`` (aware), is numbered.

    The task code (实施编码, GB/T 39554.1-2020) is the leading organ's USCC, its level and the bundle's catalogue
    code. Raises ValueError when these do not have their 18, 1 and 12 characters, or ``at`` names no time zone.
    """
    if at.tzinfo is None:
        raise ValueError("a case number needs a time with its zone")
    lead = plan.lead
    task_code = f"{lead.uscc}{lead.level}{plan.catalog_code}"
    if (len(lead.uscc), len(str(lead.level)), len(plan.catalog_code)) != (18, 1, 12):
        raise ValueError(
            f"bundle {plan.bundle_id} makes no task code of 18 + 1 + 12 characters: "
            f"{lead.uscc!r}, {lead.level!r}, {plan.catalog_code!r}"
        )
    return Series(task_code, at.astimezone(BEIJING).strftime("%Y%m%d"))


def case_number(series: Series, serial: int) -> str:
    """Return the number with this serial, counted from 1 in each series.

    Raises Refusal CASE_NUMBERS_EXHAUSTED above 999,999: such a bundle takes no more cases that day.
    """
    if serial < 1:
        raise ValueError(f"serials count from 1, not from {serial}")
    if serial > LARGEST_SERIAL:
        raise Refusal(
            "CASE_NUMBERS_EXHAUSTED",
            f"all {LARGEST_SERIAL} case numbers of {series.key} are given; submit again tomorrow",
        )
    return f"{series.key}{serial:04d}"


def series_and_serial(number: str) -> tuple[str, int]:
    """Return the key of the series of a number that `case_number` made, and its serial."""
    return number[:KEY_CHARACTERS], int(number[KEY_CHARACTERS:])
