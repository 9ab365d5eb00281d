"""Waiting for what comes by events: by asking again, with a deadline, never by sleeping for a guessed while."""

import time
from collections.abc import Callable, Collection
from typing import TypeVar

from duokua.errors import DuokuaError, Unavailable

T = TypeVar("T")

DEADLINE_SECONDS = 30.0
_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 0.25


class LateError(Exception):
    """What was waited for did not come; the message says what."""


def until(condition: Callable[[], bool], what: str, seconds: float = DEADLINE_SECONDS) -> None:
    """Return as soon as the condition holds; raises LateError naming `what` when it does not in time."""
    deadline = time.monotonic() + seconds
    pause = _FIRST_PAUSE
    while not condition():
        if time.monotonic() > deadline:
            message = f"{what}: not within {seconds:.0f} s"
            raise LateError(message)
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def once_known(call: Callable[[], T], reasons: Collection[str], seconds: float = DEADLINE_SECONDS) -> T:
    """The answer of a call that is refused with one of these reasons until events have brought what it needs."""
    answers: list[T] = []

    def answered() -> bool:
        try:
            answers.append(call())
        except DuokuaError as error:
            if error.reason not in reasons and not isinstance(error, Unavailable):
                raise
            return False
        return True

    until(answered, f"what lifts {' or '.join(reasons)}", seconds)
    return answers[0]
