"""Faults of a scenario package, collected so that a developer sees all of them at once."""

import difflib
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TypeAlias

from chassis.problems import Invalid, Violation

# Keys and positions from the top of a YAML document, such as ("steps", 2, "after").
Path: TypeAlias = tuple[str | int, ...]

# More would help nobody.
MOST_FAULTS = 1000
LONGEST_TEXT = 300
# An error travels in the trailer of a call, of which clients take 8 KiB. In bytes of UTF-8, before base64.
MOST_VIOLATIONS = 20
LARGEST_VIOLATIONS = 4000
# Suggestions compare words letter by letter: how many comparisons one check may make, and of which words.
MOST_COMPARISONS = 3_000
LONGEST_COMPARED = 60
_comparisons_left: ContextVar[int] = ContextVar("comparisons_left", default=MOST_COMPARISONS)


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One fault; line and column count from 1, and 0 stands for the file as a whole."""

    file: str
    line: int
    column: int
    path: str
    message: str

    @property
    def place(self) -> str:
        """Where it is: "scenario.yaml:12:5 steps[2].after"."""
        position = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{position} {self.path}" if self.path else position


class Faults:
    """The faults found so far in one package."""

    def __init__(self) -> None:
        self._found: set[Fault] = set()
        _comparisons_left.set(MOST_COMPARISONS)

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, fault: Fault) -> None:
        """Keep a fault, its text made fit to print; the same one twice counts once."""
        if len(self._found) < MOST_FAULTS:
            self._found.add(
                replace(fault, file=_short(fault.file), path=_short(fault.path), message=_short(fault.message))
            )

    def all(self) -> list[Fault]:
        """The faults by file and line."""
        return sorted(self._found)


def scenario_invalid(faults: Sequence[Fault]) -> Invalid:
    """The problem SCENARIO_INVALID with one violation a fault, as many as an error can carry."""
    violations: list[Violation] = []
    size = 0
    for fault in faults[: MOST_VIOLATIONS - 1]:
        size += len(fault.place.encode()) + len(fault.message.encode())
        if size > LARGEST_VIOLATIONS and violations:
            break
        violations.append(Violation(fault.place, fault.message))
    if more := len(faults) - len(violations):
        violations.append(Violation("scenario", f"and {more} more: check the scenario to see all of them"))
    count = "one fault" if len(faults) == 1 else f"{len(faults)} faults"
    return Invalid(
        "SCENARIO_INVALID",
        f"the scenario package has {count}; the first is at {faults[0].place}",
        violations=violations,
        faults=str(len(faults)),
    )


def spell(path: Path) -> str:
    """Write a path as a developer would: steps[2].after."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Suggest the nearest known word, or name the known ones when they are few."""
    words = sorted(known)
    near = _nearest(word, [other for other in words if len(other) <= LONGEST_COMPARED])
    if near:
        return f': did you mean "{near[0]}"?'
    if 0 < len(words) <= 12:
        return f": there is {', '.join(words)}"
    return ""


def _nearest(word: str, words: Sequence[str]) -> list[str]:
    """The nearest word, if any; none once this check has compared enough."""
    left = _comparisons_left.get()
    if len(word) > LONGEST_COMPARED or len(words) > left:
        return []
    _comparisons_left.set(left - len(words))
    return difflib.get_close_matches(word, words, n=1, cutoff=0.6)


def _short(text: str) -> str:
    clean = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
    return clean if len(clean) <= LONGEST_TEXT else f"{clean[: LONGEST_TEXT - 1]}…"
