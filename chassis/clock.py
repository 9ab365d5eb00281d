"""Time and identifiers."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from datetime import time as time_of_day
from typing import Protocol

BEIJING = timezone(timedelta(hours=8), "UTC+8")
"""The legal time of the whole country, without daylight saving: its days are those of limits, licences, papers."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """Where a service gets its time from."""

    def now(self) -> datetime:
        """The time now: aware, in UTC, in whole milliseconds."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The time now."""
        return to_milliseconds(datetime.now(UTC))


def to_milliseconds(instant: datetime) -> datetime:
    """Drop what is finer than a millisecond, so that a time survives every store and every contract unchanged."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def day_of(instant: datetime) -> date:
    """The day on which an instant (aware) falls in China."""
    return instant.astimezone(BEIJING).date()


def instant_of(day: date, at: time_of_day = time_of_day(0)) -> datetime:
    """The instant, in UTC, of a time of a day in China."""
    return datetime.combine(day, at, BEIJING).astimezone(UTC)


@dataclass(slots=True)
class IdSource:
    """What identifiers are made of."""

    time_ns: Callable[[], int] = time.time_ns
    """Nanoseconds since 1970."""
    random_bytes: Callable[[int], bytes] = os.urandom


id_source = IdSource()
"""This process's. `chassis.testing.repeatable_ids` puts others in its place, so that a run can be repeated."""


def new_id() -> str:
    """A fresh UUID of version 7 (RFC 9562, 5.7), ordered by the millisecond it was made in."""
    milliseconds = id_source.time_ns() // 1_000_000
    random = int.from_bytes(id_source.random_bytes(10), "big")
    value = (
        (milliseconds & 0xFFFFFFFFFFFF) << 80
        | 0x7 << 76
        | (random >> 62 & 0xFFF) << 64
        | 0b10 << 62
        | random & 0x3FFFFFFFFFFFFFFF
    )
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def least_id(at: datetime, apart: timedelta = timedelta(0)) -> str:
    """What no identifier of `new_id` that is made `apart` from a time or later comes before; for ranges of ids."""
    milliseconds = max(0, (at - _EPOCH + apart) // timedelta(milliseconds=1))
    text = f"{milliseconds:012x}"
    return f"{text[:8]}-{text[8:]}"
