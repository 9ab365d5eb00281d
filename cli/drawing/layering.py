"""Places the nodes of a directed acyclic graph in columns, from left to right: few edges cross, and most are flat.

The steps are those of Sugiyama's method: columns by the longest way from a start, stand-ins where an edge passes a
column, an order within each column by where the neighbours are, then heights. Heights are the exact least-squares
solution for a column at a time, by pooling neighbours that would overlap. The same graph gives the same drawing.
"""

from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

SWEEPS = 12
"""Over all columns, to and fro, for the order."""
SETTLING = 60
"""The same for the heights, of which the last count the neighbours on both sides."""
BOTH_SIDES = 20
PASSING = 14.0
"""The height that an edge takes where it passes a column."""
STRAIGHT = 4.0
"""How much more a long edge pulls to stay flat than a short one."""
MOST_PASSING = 2_000
"""Stand-ins: where edges would need more, those that others imply are not drawn."""


@dataclass(slots=True)
class Placed:
    """A node, or a stand-in where an edge passes a column."""

    name: str
    """Empty for a stand-in."""
    column: int
    height: float
    before: list["Placed"] = field(default_factory=list)
    after: list["Placed"] = field(default_factory=list)
    y: float = 0.0
    """Of its middle, from the top of the drawing."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything is; ways lead from a node through stand-ins to another."""

    nodes: Mapping[str, Placed]
    columns: Sequence[Sequence[Placed]]
    ways: Mapping[tuple[str, str], Sequence[Placed]]
    """By edge, both ends included."""
    height: float


def lay_out(after: Mapping[str, Sequence[str]], heights: Mapping[str, float], gap: float) -> Layout:
    """Place nodes with these heights, at least `gap` apart; `after` are the nodes before each, without a cycle."""
    places = _columns(after)
    if sum(places[name] - places[other] - 1 for name, others in after.items() for other in others) > MOST_PASSING:
        after = _without_implied(after)
    nodes = {name: Placed(name, column, heights[name]) for name, column in places.items()}
    columns: list[list[Placed]] = [[] for _ in range(1 + max((node.column for node in nodes.values()), default=0))]
    for node in nodes.values():
        columns[node.column].append(node)
    ways: dict[tuple[str, str], Sequence[Placed]] = {}
    for name, others in after.items():
        for other in others:
            ways[other, name] = _way(nodes[other], nodes[name], columns)
    _order(columns)
    _raise_and_lower(columns, gap)
    top = min((node.y - node.height / 2 for column in columns for node in column), default=0.0)
    for column in columns:
        for node in column:
            node.y -= top
    bottom = max((node.y + node.height / 2 for column in columns for node in column), default=0.0)
    return Layout(nodes, columns, ways, bottom)


def _columns(after: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """The longest way to each node, in the order in which the nodes are given."""
    found: dict[str, int] = {}
    waiting = list(reversed(list(after)))
    while waiting:
        name = waiting[-1]
        missing = [other for other in after[name] if other not in found]
        if name in found or not missing:
            waiting.pop()
            found.setdefault(name, 1 + max((found[other] for other in after[name]), default=-1))
        else:
            waiting.extend(missing)
    return {name: found[name] for name in after}


def _without_implied(after: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The edges without those that others together say too."""
    earlier: dict[str, set[str]] = {}
    for name in sorted(after, key=_columns(after).__getitem__):
        earlier[name] = {*after[name]}.union(*(earlier[other] for other in after[name]))
    return {
        name: [other for other in others if not any(other in earlier[another] for another in others)]
        for name, others in after.items()
    }


def _way(start: Placed, end: Placed, columns: list[list[Placed]]) -> Sequence[Placed]:
    way = [start]
    for column in range(start.column + 1, end.column):
        standing = Placed("", column, PASSING)
        columns[column].append(standing)
        way.append(standing)
    way.append(end)
    for one, other in pairwise(way):
        one.after.append(other)
        other.before.append(one)
    return way


def _order(columns: list[list[Placed]]) -> None:
    """Order each column by where its neighbours are; of all orders seen, the one with the fewest crossings stays."""
    best, fewest = [list(column) for column in columns], _crossings(columns)
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        places = _places(columns)
        for column in columns[1:] if forward else list(reversed(columns))[1:]:
            column.sort(key=lambda node: _wanted(node, places, forward=forward))
            places |= _places([column])
        crossings = _crossings(columns)
        if crossings < fewest:
            best, fewest = [list(column) for column in columns], crossings
    columns[:] = best


def _wanted(node: Placed, places: Mapping[int, int], *, forward: bool) -> float:
    """The mean place of a node's neighbours, or its own where it has none. Sorting keeps the order of equals."""
    neighbours = node.before if forward else node.after
    if not neighbours:
        return places[id(node)]
    return sum(places[id(other)] for other in neighbours) / len(neighbours)


def _crossings(columns: Sequence[Sequence[Placed]]) -> int:
    """How many pairs of edges cross: those whose ends are in another order on the left than on the right."""
    count, places = 0, _places(columns)
    for column in columns[1:]:
        above: list[int] = []
        for _, end in sorted((places[id(other)], place) for place, node in enumerate(column) for other in node.before):
            count += len(above) - bisect_right(above, end)
            insort(above, end)
    return count


def _places(columns: Iterable[Sequence[Placed]]) -> dict[int, int]:
    """The places of nodes in their columns."""
    return {id(node): place for column in columns for place, node in enumerate(column)}


def _raise_and_lower(columns: Sequence[Sequence[Placed]], gap: float) -> None:
    """Move the nodes of each column to where their neighbours are, as far as those beside them let them."""
    for column in columns:
        _settle(column, [0.0] * len(column), [1.0] * len(column), gap)
    for sweep in range(SETTLING):
        forward = sweep % 2 == 0
        for column in columns if forward else reversed(columns):
            wanted, weights = [], []
            for node in column:
                both = sweep >= SETTLING - BOTH_SIDES
                pulls = [*_pulls(node.before, "after")] if forward or both else []
                pulls += [*_pulls(node.after, "before")] if not forward or both else []
                wanted.append(sum(y * pull for y, pull in pulls) / sum(pull for _, pull in pulls) if pulls else node.y)
                weights.append(STRAIGHT if not node.name else 1.0 if pulls else 0.2)
            _settle(column, wanted, weights, gap)


def _pulls(neighbours: Sequence[Placed], back: str) -> Iterator[tuple[float, float]]:
    """Where neighbours are, and how much each pulls: one that many hang on pulls none of them out of its line."""
    for other in neighbours:
        yield other.y, 1 / len(getattr(other, back))


def _settle(column: Sequence[Placed], wanted: Sequence[float], weights: Sequence[float], gap: float) -> None:
    """Give the nodes the heights nearest to those wanted at which none overlaps, in their order."""
    offsets = [0.0]
    for one, other in pairwise(column):
        offsets.append(offsets[-1] + (one.height + other.height) / 2 + gap)
    blocks: list[tuple[float, float, int]] = []  # mean, weight, how many
    for want, weight, offset in zip(wanted, weights, offsets, strict=True):
        mean, total, count = want - offset, weight, 1
        while blocks and blocks[-1][0] >= mean:
            above, its, many = blocks.pop()
            mean, total, count = (mean * total + above * its) / (total + its), total + its, count + many
        blocks.append((mean, total, count))
    places = [mean for mean, _, count in blocks for _ in range(count)]
    for node, place, offset in zip(column, places, offsets, strict=True):
        node.y = place + offset
