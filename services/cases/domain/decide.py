"""The saga's one entry: an input and a case give the next case and what is to be done."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from services.cases.domain.case import Case
from services.cases.domain.effects import Effect
from services.cases.domain.inputs import Input
from services.cases.domain.plan import Plan


@dataclass(frozen=True, slots=True)
class Decision:
    """The case after an input, and what the shell has to do, in order."""

    case: Case
    effects: tuple[Effect, ...]
    changed: bool
    """False for a repeated or a late input: same case, no effects, no row of history."""


def decide(plan: Plan, case: Case | None, given: Input, now: datetime) -> Decision:
    """Take one input; ``case`` is None for Submitted only. Raises Refusal when the input is not allowed."""
    raise NotImplementedError


def replay(plan: Plan, history: Iterable[tuple[Input, datetime]]) -> Case:
    """Return the case that the inputs lead to, each with the time at which it was taken."""
    raise NotImplementedError
