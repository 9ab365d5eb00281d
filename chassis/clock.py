"""Time and identifiers."""

import os
import time
from datetime import UTC, datetime
from typing import Protocol


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


def new_id() -> str:
    """A fresh UUID of version 7 (RFC 9562, 5.7), ordered by the millisecond it was made in."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = (
        (milliseconds & 0xFFFFFFFFFFFF) << 80
        | 0x7 << 76
        | (random >> 62 & 0xFFF) << 64
        | 0b10 << 62
        | random & 0x3FFFFFFFFFFFFFFF
    )
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
