"""The order of a bundle's steps: what runs before what, and what a refusal can still undo."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

# The steps that each step names in `after`.
After: TypeAlias = Mapping[str, Sequence[str]]


_BESIDE = (
    "runs beside the pivot {pivot!r}, so chance would decide whether its refusal undoes the case: "
    "let the pivot come after it, or it after the pivot"
)
_UNDECIDED = (
    'has no "undo": say `task` when the office must undo its result if another step is refused, '
    "`none` when the result has no effect outside the case"
)
_NOTICE_LEFT = "makes a notice that would stand although another step may still be refused: say `task`"


@dataclass(frozen=True, slots=True)
class StepTraits:
    """What the rules about undoing need to know of a step; `undo` is "task", "none" or "" (not said)."""

    undo: str
    pivot: bool
    conditional: bool
    makes_notice: bool


def find_cycle(after: After) -> list[str]:
    """Name the steps of one cycle, the first one repeated at the end; empty when there is none."""
    done: set[str] = set()
    for start in after:
        path: list[str] = []
        stack: list[Iterator[str]] = [iter([start])]
        while stack:
            step = next((name for name in stack[-1] if name in after and name not in done), None)
            if step is None:
                stack.pop()
                if path:
                    done.add(path.pop())
            elif step in path:
                return [*path[path.index(step) :], step][::-1]
            else:
                path.append(step)
                stack.append(iter(after[step]))
    return []


def ancestors(after: After) -> dict[str, frozenset[str]]:
    """Tell for each step which steps have ended before it starts. The graph must have no cycle."""
    found: dict[str, frozenset[str]] = {}
    waiting = list(after)
    while waiting:
        step = waiting[-1]
        missing = [name for name in after[step] if name not in found]
        if missing:
            waiting.extend(missing)
            continue
        waiting.pop()
        found[step] = frozenset(after[step]).union(*(found[name] for name in after[step]))
    return found


def undo_faults(after: After, traits: Mapping[str, StepTraits]) -> Iterator[tuple[str, str, str]]:
    """Yield (step, key, what is wrong) for each step whose undoing is not decided, or cannot be as it says.

    Before the point of no return a refusal undoes what was done, so each result must either be undone by a task or
    have no effect outside the case. After it nothing is undone. A step beside the pivot would be both, by chance.
    """
    before = ancestors(after)
    pivots = [step for step, trait in traits.items() if trait.pivot]
    if len(pivots) > 1:
        for extra in pivots[1:]:
            yield extra, "pivot", f"is a second pivot beside {pivots[0]!r}: a bundle has one point of no return at most"
        return
    pivot = pivots[0] if pivots else ""
    for step, trait in traits.items():
        if step == pivot or pivot in before[step]:
            yield from _faults_past_return(step, trait, pivot)
        elif pivot and step not in before[pivot]:
            yield step, "", _BESIDE.format(pivot=pivot)
        else:
            yield from _faults_before_return(step, trait, may_be_refused_later=_outlived(step, before, pivot))


def _faults_past_return(step: str, trait: StepTraits, pivot: str) -> Iterator[tuple[str, str, str]]:
    if trait.undo == "task":
        where = "is the point of no return" if step == pivot else f"comes after the point of no return {pivot!r}"
        yield step, "undo", f"{where}: nothing is undone there, so take `undo` away or say none"
    if step == pivot and trait.conditional:
        yield step, "when", "is the pivot, which cannot be skipped: take `when` away, or let another step be the pivot"


def _faults_before_return(
    step: str, trait: StepTraits, *, may_be_refused_later: bool
) -> Iterator[tuple[str, str, str]]:
    if not trait.undo:
        yield step, "", _UNDECIDED
    elif trait.undo == "none" and trait.makes_notice and may_be_refused_later:
        yield step, "undo", _NOTICE_LEFT


def _outlived(step: str, before: Mapping[str, frozenset[str]], pivot: str) -> bool:
    """Tell whether another step may be refused when this one has been completed."""
    return any(
        other != step and other not in before[step] and not (pivot and pivot in before[other]) for other in before
    )
