"""What one rendering of a template may cost: time, turns of loops, and the size of every value on the way.

Python cannot be interrupted within one call, so what goes into a call has to be small enough beforehand. A value
that is used twice in each of thirty nested loops doubles thirty times: hence values are weighed as they are bound.
"""

import time
from collections.abc import Iterable, Iterator, Mapping

LARGEST_TEXT = 20_000
MOST_TURNS = 2_000
# No honest template takes a twentieth of it, even while Python collects the garbage of a large process.
MOST_CPU_SECONDS = 2.0
# A value with all that it holds: its parts, and the characters of its texts.
MOST_PARTS = 10_000
MOST_CHARACTERS = 200_000
LARGEST_NUMBER = 10**30


class BadTemplateError(Exception):
    """A template that cannot be rendered; the message says why, for the scenario's developer."""


class Budget:
    """The budget of one rendering, used up by its loops, filters, tests and operators."""

    def __init__(self) -> None:
        self._turns_left = MOST_TURNS
        self._stop_at = time.thread_time() + MOST_CPU_SECONDS

    def tick(self) -> None:
        """Raises BadTemplateError when the time is used up."""
        if time.thread_time() > self._stop_at:
            raise BadTemplateError(f"the template takes longer than {MOST_CPU_SECONDS:g} s of CPU")

    def take_turn(self) -> None:
        """Takes one turn of a loop."""
        self._turns_left -= 1
        if self._turns_left < 0:
            raise BadTemplateError(f"the loops of the template take more than {MOST_TURNS} turns")

    def steps(self, values: Iterable[object]) -> Iterator[object]:
        """The same values, each weighed, while there is time."""
        for value in values:
            self.tick()
            weigh(value)
            yield value


def weigh(*values: object) -> None:
    """Raises BadTemplateError for values that are too large to work with; what is shared counts wherever it occurs."""
    parts, characters = 0, 0
    waiting = list(values)
    while waiting:
        value = waiting.pop()
        parts += 1
        if isinstance(value, str):
            characters += len(value)
        elif isinstance(value, int):
            number(value)
        elif isinstance(value, list | tuple | Mapping):
            if parts + len(waiting) + len(value) > MOST_PARTS:
                raise BadTemplateError(f"a value has more than {MOST_PARTS} parts")
            waiting.extend(value)
            if isinstance(value, Mapping):
                waiting.extend(value.values())
        if characters > MOST_CHARACTERS:
            raise BadTemplateError(f"a value has more than {MOST_CHARACTERS} characters")


def number(value: float) -> float:
    """The same number; raises BadTemplateError when it has more digits than anything in a notice."""
    if isinstance(value, int) and not -LARGEST_NUMBER <= value <= LARGEST_NUMBER:
        raise BadTemplateError("a number is too large")
    return value


def text(pieces: Iterable[str]) -> str:
    """The pieces joined, at most LARGEST_TEXT characters."""
    kept: list[str] = []
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > LARGEST_TEXT:
            raise BadTemplateError(f"the text is longer than {LARGEST_TEXT} characters")
        kept.append(piece)
    return "".join(kept)
