"""Faults of a scenario package, collected so that a developer sees all of them at once."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from chassis.problems import Invalid, Violation

# Keys and positions from the top of a YAML document, such as ("steps", 2, "after").
Path: TypeAlias = tuple[str | int, ...]

# More would help nobody, and an error has to travel in the trailer of a call.
MOST_FAULTS = 50
MOST_TEXT = 300


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
        return f"{position} {self.path}".rstrip()


class Faults:
    """The faults found so far in one package."""

    def __init__(self) -> None:
        self._found: set[Fault] = set()

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, fault: Fault) -> None:
        """Keep a fault; the same one twice counts once."""
        self._found.add(fault)

    def raise_if_any(self) -> None:
        """Raise Invalid SCENARIO_INVALID with one violation a fault, by file and line."""
        if not self._found:
            return
        faults = sorted(self._found)
        violations = [Violation(_short(fault.place), _short(fault.message)) for fault in faults[:MOST_FAULTS]]
        if more := len(faults) - len(violations):
            violations.append(Violation("scenario", f"and {more} more: put these right first"))
        count = "one fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise Invalid(
            "SCENARIO_INVALID",
            f"the scenario package has {count}; the first is at {violations[0].field}: {violations[0].description}",
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
    if near := difflib.get_close_matches(word, words, n=1, cutoff=0.6):
        return f': did you mean "{near[0]}"?'
    if 0 < len(words) <= 12:
        return f": there is {', '.join(words)}"
    return ""


def _short(text: str) -> str:
    clean = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
    return clean if len(clean) <= MOST_TEXT else f"{clean[: MOST_TEXT - 1]}…"
