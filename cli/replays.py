"""Repairs of many dead letters, and the wait for what becomes of replays."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from duokua.errors import NotFound
from duokua.operations.v1.bus_service_pb2 import DeadLetter

MOST_AT_ONCE = 1000
"""Letters that the platform takes in one request."""
INTERRUPTED = "REPLAY_INTERRUPTED"
"""The reason of a letter whose replay has begun; it stays only when the worker ends meanwhile."""

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0

Ask = Callable[[Sequence[str]], Sequence[DeadLetter]]
"""Asks the platform something about letters, by their ids; the answer is about those that there are."""


def repair_all(letter_ids: Sequence[str], repair: Ask, *, may_be_gone: bool) -> Iterator[Sequence[DeadLetter]]:
    """Repair letters, so many at once as the platform takes; gives those of each request.

    With `may_be_gone` a letter that somebody else repaired in the meantime is left out; else it is an error, and
    nothing of its request is done.
    """
    left = list(dict.fromkeys(letter_ids))
    while left:
        try:
            yield repair(left[:MOST_AT_ONCE])
        except NotFound as error:
            gone = error.metadata.get("letter_id", "")
            if not (may_be_gone and error.reason == "DEAD_LETTER_NOT_FOUND" and gone in left):
                raise
            left.remove(gone)
        else:
            del left[:MOST_AT_ONCE]


@dataclass(slots=True)
class Outcome:
    """What became of replays so far."""

    waiting: list[str]
    done: list[str] = field(default_factory=list)
    """They are no dead letters any more: handled, or discarded meanwhile."""
    failed: list[DeadLetter] = field(default_factory=list)
    """They were given up again, with the reason of this time."""


def await_replays(letter_ids: Collection[str], look: Ask, seconds: float, note: Callable[[Outcome], None]) -> Outcome:
    """Wait until replays have come to an end, or for so many seconds; `note` is told after each look."""
    outcome = Outcome(sorted(letter_ids))
    deadline = time.monotonic() + seconds
    pause = _FIRST_PAUSE
    while True:
        _sort_out(outcome, look)
        note(outcome)
        if not outcome.waiting or time.monotonic() + pause > deadline:
            return outcome
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _sort_out(outcome: Outcome, look: Ask) -> None:
    there: dict[str, DeadLetter] = {}
    for start in range(0, len(outcome.waiting), MOST_AT_ONCE):
        there |= {letter.letter_id: letter for letter in look(outcome.waiting[start : start + MOST_AT_ONCE])}
    outcome.done += [letter_id for letter_id in outcome.waiting if letter_id not in there]
    outcome.failed += [letter for letter in there.values() if _has_failed(letter)]
    outcome.waiting = [letter_id for letter_id, letter in there.items() if not _has_failed(letter)]


def _has_failed(letter: DeadLetter) -> bool:
    return not letter.HasField("replay_requested_at") and letter.reason != INTERRUPTED
