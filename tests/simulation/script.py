"""What is to become of a case: what the offices will do with it, and so how it may end."""

import random
from dataclasses import dataclass, field, replace

from tests.laws.evidence import End

STEPS = ("check", "food", "sign", "fire", "deliver", "archive")
UNDOABLE = ("food", "sign", "fire")
INCIDENT_FAILURES = 8
"""So many technical failures in a row ask for an operator."""
UNPRINTABLE = "\N{DOMINO TILE HORIZONTAL BACK}"
"""A character that the typeface of notices lacks."""


@dataclass(frozen=True, slots=True)
class Script:
    """One submission, and what is going to happen to it."""

    number: int
    at: float
    request_id: str
    sign: bool
    fire: bool
    refuses: str = ""
    """The step that is refused: before the point of no return the case is undone."""
    failures: dict[str, int] = field(default_factory=dict)
    undo_failures: dict[str, int] = field(default_factory=dict)
    returns: int = 0
    """How many of the two offices for food say that the matter is not theirs."""
    unprintable: bool = False
    helped: bool = True
    """Whether an operator retries what an incident stopped."""
    asks: str = ""
    """The step whose office asks the applicant for a correction first."""
    silent: bool = False
    """The applicant never answers that."""
    suspends: str = ""
    """The step whose office holds a hearing first."""
    extends: bool = False
    """The office for food takes more time."""
    passes_up: bool = False
    """The office for fire leaves the decision to the one above."""
    withdraws: float = 0.0
    """Seconds after which the applicant takes the case back; 0 for never."""
    rating: int = 0
    """What the applicant thinks in the end; 0 for nothing."""

    @property
    def steps(self) -> list[str]:
        """The steps that the case has."""
        return [
            step for step in STEPS if not (step == "sign" and not self.sign) and not (step == "fire" and not self.fire)
        ]

    @property
    def form(self) -> dict[str, object]:
        """What the applicant hands in."""
        name = f"第{self.number}号餐厅{UNPRINTABLE if self.unprintable else ''}"
        return {"region": "330106", "name": name, "number": self.number, "sign": self.sign, "fire": self.fire}

    @property
    def ends(self) -> frozenset[End]:
        """How the case may stand at the end."""
        failing = [*self.failures.values(), *self.undo_failures.values()]
        needs_help = self.refuses == "archive" or any(each >= INCIDENT_FAILURES for each in failing)
        stuck = self.returns > 1 or (self.unprintable and self.sign) or (needs_help and not self.helped)
        way = End.INCIDENT if stuck else End.COMPLETED
        if self.refuses in UNDOABLE or self.silent:
            return frozenset({End.UNDONE, End.INCIDENT}) if stuck else frozenset({End.UNDONE})
        return frozenset({way, End.UNDONE}) if self.withdraws else frozenset({way})


def draw(chance: random.Random, number: int, at: float, request_id: str) -> Script:
    """A submission: most go through, a third is refused, some meet trouble."""
    plain = Script(number, at, request_id, sign=chance.random() < 0.5, fire=chance.random() < 0.5)
    refuses = ""
    if chance.random() < 0.35:
        refuses = chance.choice([step for step in UNDOABLE if step in plain.steps])
    elif chance.random() < 0.08:
        refuses = "archive"
    failures = _failures(chance, plain.steps)
    # Not both: failures are counted in turns, of which these acts take some.
    calm = [step for step in UNDOABLE if step in plain.steps and step not in failures]
    asks = chance.choice(calm) if calm and chance.random() < 0.25 else ""
    return replace(
        plain,
        refuses=refuses,
        failures=failures,
        undo_failures=_failures(chance, UNDOABLE) if refuses in UNDOABLE else {},
        returns=chance.choices((0, 1, 2), (12, 2, 1))[0],
        unprintable=chance.random() < 0.06,
        helped=chance.random() < 0.7,
        asks=asks,
        silent=bool(asks) and chance.random() < 0.2,
        suspends=chance.choice(calm) if calm and chance.random() < 0.15 else "",
        extends=chance.random() < 0.2,
        passes_up="fire" in calm and chance.random() < 0.3,
        withdraws=chance.uniform(0, 60) if chance.random() < 0.12 else 0.0,
        rating=chance.choice((1, 2, 5)) if chance.random() < 0.5 else 0,
    )


def _failures(chance: random.Random, steps: list[str] | tuple[str, ...]) -> dict[str, int]:
    return {step: chance.choice((1, 2, 3, INCIDENT_FAILURES)) for step in steps if chance.random() < 0.07}
