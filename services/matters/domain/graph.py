"""The order of a bundle's steps: what runs before what, and what a refusal can still undo."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

# The steps that each step names in `after`.
After: TypeAlias = Mapping[str, Sequence[str]]
# A step, the key that is at fault (empty: the step as a whole), and what is wrong.
StepFault: TypeAlias = tuple[str, str, str]
NO_QUORUMS: Mapping[str, int] = MappingProxyType({})


_BESIDE = (
    "runs beside the pivot {pivot!r}, so chance would decide whether its refusal undoes the case: "
    "let the pivot come after it, or it after the pivot, or let the bundle do without it (`optional`)"
)
_UNDECIDED = (
    'has no "undo": say `task` when the office must undo its result if another step is refused, '
    "`none` when the result has no effect outside the case"
)
_NOTICE_LEFT = "makes a notice that would stand although another step may still be refused: say `task`"


@dataclass(frozen=True, slots=True)
class StepTraits:
    """What the rules about the order of steps need to know of one; `undo` is "task", "none" or "" (not said)."""

    undo: str
    pivot: bool
    conditional: bool
    makes_notice: bool
    tolerant: bool = False
    """Its refusal undoes nothing."""
    quorum: int = 0
    """So many of the steps before it have to be completed; 0 for all to have ended."""
    choice: str = ""
    pre_check: bool = False


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


def ancestors(after: After, quorums: Mapping[str, int] = NO_QUORUMS) -> dict[str, frozenset[str]]:
    """Tell for each step which steps have ended before it starts. The graph must have no cycle.

    A step with a quorum starts when some of those before it are completed; which, nobody knows, so only what comes
    before each of them is certain.
    """
    found: dict[str, frozenset[str]] = {}
    waiting = list(after)
    while waiting:
        step = waiting[-1]
        missing = [name for name in after[step] if name not in found]
        if missing:
            waiting.extend(missing)
            continue
        waiting.pop()
        ways = [found[name] | {name} for name in after[step]]
        some = 0 < quorums.get(step, 0) < len(ways)
        found[step] = frozenset.intersection(*ways) if some else frozenset[str]().union(*ways)
    return found


def undo_faults(after: After, traits: Mapping[str, StepTraits]) -> Iterator[StepFault]:
    """Yield (step, key, what is wrong) for each step whose undoing is not decided, or cannot be as it says.

    Before the point of no return a refusal undoes what was done, so each result must either be undone by a task or
    have no effect outside the case. After it nothing is undone. A step beside the pivot would be both, by chance,
    unless its refusal undoes nothing anyway.
    """
    before = ancestors(after, {step: trait.quorum for step, trait in traits.items()})
    pivots = [step for step, trait in traits.items() if trait.pivot]
    if len(pivots) > 1:
        for extra in pivots[1:]:
            yield extra, "pivot", f"is a second pivot beside {pivots[0]!r}: a bundle has one point of no return at most"
        return
    pivot = pivots[0] if pivots else ""
    for step, trait in traits.items():
        if step == pivot or pivot in before[step]:
            yield from _faults_past_return(step, trait, pivot)
        elif pivot and step not in before[pivot] and _may_undo(step, after, traits, before[pivot] | {pivot}):
            yield step, "", _BESIDE.format(pivot=pivot)
        else:
            later = [other for other in _outlived(step, traits, before, pivot) if _may_undo(other, after, traits)]
            yield from _faults_before_return(step, trait, may_be_refused_later=bool(later))


def _faults_past_return(step: str, trait: StepTraits, pivot: str) -> Iterator[StepFault]:
    if trait.undo == "task":
        where = "is the point of no return" if step == pivot else f"comes after the point of no return {pivot!r}"
        yield step, "undo", f"{where}: nothing is undone there, so take `undo` away or say none"
    if step == pivot and trait.tolerant:
        yield step, "pivot", "is the pivot, which the bundle cannot do without: let another step be the pivot"
    if step == pivot and trait.conditional:
        yield step, "when", "is the pivot, which cannot be skipped: take `when` away, or let another step be the pivot"


def _faults_before_return(step: str, trait: StepTraits, *, may_be_refused_later: bool) -> Iterator[StepFault]:
    if not trait.undo:
        yield step, "", _UNDECIDED
    elif trait.undo == "none" and trait.makes_notice and may_be_refused_later:
        yield step, "undo", _NOTICE_LEFT


def _may_undo(
    step: str, after: After, traits: Mapping[str, StepTraits], started_first: frozenset[str] = frozenset()
) -> bool:
    """Tell whether a refusal of the step may undo the case, by itself or because a quorum is missed.

    A quorum is not missed any more once its step has started: as those that have `started_first`.
    """
    return not traits[step].tolerant or any(
        step in after[other] and trait.quorum and not trait.tolerant and other not in started_first
        for other, trait in traits.items()
    )


def _outlived(
    step: str, traits: Mapping[str, StepTraits], before: Mapping[str, frozenset[str]], pivot: str
) -> Iterator[str]:
    """The steps that may still be under way when this one has been completed."""
    for other in before:
        alternative = bool(traits[step].choice) and traits[step].choice == traits[other].choice
        if other != step and other not in before[step] and not alternative and not (pivot and pivot in before[other]):
            yield other
