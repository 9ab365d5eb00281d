"""Patience with what was registered a moment ago: the other services hear of it by events."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 5.0
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 0.5


def once_arrived(call: Callable[[], T], *reasons: str, seconds: float = PATIENCE_SECONDS) -> T:
    """The answer of a call, tried again while it fails for one of these reasons; after `seconds` its own error."""
    from duokua.errors import DuokuaError  # noqa: PLC0415 - only what a command needs is loaded

    deadline = time.monotonic() + seconds
    pause = _FIRST_PAUSE
    while True:
        try:
            return call()
        except DuokuaError as error:
            if error.reason not in reasons or time.monotonic() + pause > deadline:
                raise
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
