"""How long a bundle may take when every step takes as long as it may: the longest way through it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.matters.domain.graph import NO_QUORUMS, After, ancestors
from services.matters.domain.limits import Limit


@dataclass(frozen=True, slots=True)
class Way:
    """Steps one after the other, and how long they may take together, in minutes as limits are compared."""

    steps: tuple[str, ...] = ()
    minutes: int = 0


def longest_way(after: After, limits: Mapping[str, Limit], quorums: Mapping[str, int] = NO_QUORUMS) -> Way:
    """The way through the steps that may take longest; a step without a limit counts as none. There is no cycle.

    A step with a quorum starts when so many of those before it are over, the quickest of them.
    """
    ways: dict[str, Way] = {}
    for step in _in_order(after):
        before = sorted((ways[name] for name in after[step]), key=lambda way: way.minutes)
        quorum = quorums.get(step, 0)
        waits_for = before[quorum - 1] if 0 < quorum <= len(before) else before[-1] if before else Way()
        limit = limits.get(step)
        own = (step,) if limit else ()
        ways[step] = Way((*waits_for.steps, *own), waits_for.minutes + (limit.minutes if limit else 0))
    return max(ways.values(), key=lambda way: way.minutes, default=Way())


def _in_order(after: After) -> Sequence[str]:
    """The steps, each after all those before it."""
    depth = ancestors(after)
    return sorted(after, key=lambda step: len(depth[step]))
