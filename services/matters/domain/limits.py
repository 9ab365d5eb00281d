"""How long things may take: limits of steps and bundles, how their days are counted, and what the law has by itself."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class TimeUnit(StrEnum):
    """What a limit is counted in."""

    WORKING_DAY = "working day"
    CALENDAR_DAY = "calendar day"
    HOUR = "hour"
    MINUTE = "minute"
    MONTH = "month"


# A hundred years: beyond it a limit is a slip.
LONGEST = {
    TimeUnit.WORKING_DAY: 36_525,
    TimeUnit.CALENDAR_DAY: 36_525,
    TimeUnit.HOUR: 876_600,
    TimeUnit.MINUTE: 52_596_000,
    TimeUnit.MONTH: 1_200,
}
# In minutes, with 5 working days a week and 30 days a month: to tell the longer of two limits in different units.
_ABOUT = {
    TimeUnit.WORKING_DAY: 2_016,
    TimeUnit.CALENDAR_DAY: 1_440,
    TimeUnit.HOUR: 60,
    TimeUnit.MINUTE: 1,
    TimeUnit.MONTH: 43_200,
}


@dataclass(frozen=True, slots=True)
class Limit:
    """How long something may take, and by how much that may be extended, in the same unit."""

    amount: int
    unit: TimeUnit
    longest_extension: int = 0

    @property
    def minutes(self) -> int:
        """About how long it is, without extensions: limits in different units are compared by their usual lengths."""
        return self.amount * _ABOUT[self.unit]

    def longer_than(self, other: "Limit") -> bool:
        """Whether it is, without extensions."""
        return self.minutes > other.minutes


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a step or of a bundle; None where there is none."""

    acceptance: Limit | None = None
    """受理."""
    statutory: Limit | None = None
    """法定."""
    promised: Limit | None = None
    """承诺."""


@dataclass(frozen=True, slots=True)
class ClockRules:
    """How days are counted; the defaults are those of the Civil Code for periods."""

    counts_start_day: bool = False
    counts_stop_day: bool = False
    counts_resume_day: bool = False
    ends_on_days_off: bool = False
    closes_at: int = 0
    """In minutes after midnight; 0 for midnight."""
    yellow_percent: int = 80


@dataclass(frozen=True, slots=True)
class CorrectionRules:
    """How often and for how long an applicant may be asked for corrections (补正)."""

    most: int = 2
    """Requests of one step."""
    limit: Limit | None = Limit(15, TimeUnit.WORKING_DAY)
    """Until everything is supplied. No law says how long: it is what a package that says nothing gets. None for bundles
    that were published before there were corrections: their applicants have all the time."""


NO_LIMITS = Limits()
CORRECTIONS = CorrectionRules()
CIVIL_CODE = ClockRules()
LICENCE = "01"
"""The type of matters to which the law on administrative licences (行政许可法) applies."""
# In working days. What a package declares comes first.
ACCEPTANCE = Limit(5, TimeUnit.WORKING_DAY)
DECISION = Limit(20, TimeUnit.WORKING_DAY, longest_extension=10)
JOINT_HANDLING = Limit(45, TimeUnit.WORKING_DAY, longest_extension=15)


def of_step(declared: Limits, type_code: str) -> Limits:
    """The limits of a step whose matter has that type: what is declared, and the law's where nothing is."""
    if type_code != LICENCE:
        return declared
    return Limits(declared.acceptance or ACCEPTANCE, declared.statutory or DECISION, declared.promised)


def of_bundle(declared: Limits, type_codes: Iterable[str]) -> Limits:
    """The limits of a bundle whose steps' matters have those types; it has none of acceptance."""
    if LICENCE not in type_codes:
        return declared
    return Limits(statutory=declared.statutory or JOINT_HANDLING, promised=declared.promised)
