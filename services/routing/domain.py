"""Which office handles a step: the rules, without storage or transport.

An office may handle a step when it lies on the way up from the case's region, is at the level that the step names,
declares the matter, and has not returned the step. Among those the nearest wins, then the one with the fewest open
steps, then the lowest organ id.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

# GB/T 39554.1-2020, basic code: region, type, main item, sub-item; letters never I, O, S, V or Z.
_CATALOG_CODE = re.compile(r"[0-9A-HJ-NP-RTUW-Y]{12}")

_LEVEL_NAMES = {1: "national", 2: "province", 3: "city", 4: "county", 5: "town", 6: "village"}


@dataclass(frozen=True, slots=True)
class Region:
    """A node of the region tree; the name is empty when only its code is known."""

    code: str
    name: str = ""
    parent_code: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.code})" if self.name else f"region {self.code}"


@dataclass(frozen=True, slots=True)
class Office:
    """An organ that declares the matter in question."""

    organ_id: str
    name: str
    region_code: str
    level: int
    open_steps: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """A step that needs an office; level 0 means any."""

    step_id: str
    catalog_code: str
    level: int = 0
    excluded_organ_ids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PassedOver:
    """An office that was looked at and not chosen."""

    organ_id: str
    organ_name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a step goes and why; `organ_id` is empty when no office may handle it."""

    step_id: str
    organ_id: str
    organ_name: str
    reason: str
    passed_over: tuple[PassedOver, ...] = field(default=(), compare=False)


def is_catalog_code(code: str) -> bool:
    """Whether the text has the form of a catalogue code (GB/T 39554.1-2020, 12 characters)."""
    return _CATALOG_CODE.fullmatch(code) is not None


def path_up(code: str, regions: Mapping[str, Region]) -> list[Region]:
    """The region and those above it, nearest first.

    A region that is not known ends the path, and is on it by its code alone; so does a region met twice: bad data may
    hold a circle.
    """
    path: list[Region] = []
    seen: set[str] = set()
    while code and code not in seen:
        seen.add(code)
        region = regions.get(code, Region(code))
        path.append(region)
        code = region.parent_code
    return path


def nearest(step: Step, path: Sequence[Region], offices: Iterable[Office]) -> list[Office]:
    """The offices among which only load and organ id decide; empty when none may handle the step."""
    distance = _distances(path)
    able = [office for office in offices if _able(step, distance, office)]
    closest = min((distance[office.region_code] for office in able), default=0)
    return [office for office in able if distance[office.region_code] == closest]


def choose(step: Step, path: Sequence[Region], offices: Iterable[Office]) -> Decision:
    """Decides which of the offices that declare the step's matter handles it, and says why the others do not.

    `path` is what `path_up` gives for the case's region. The order of the offices does not matter.
    """
    distance = _distances(path)
    everyone = sorted(offices, key=lambda office: office.organ_id)
    able = [office for office in everyone if _able(step, distance, office)]
    unable = tuple(
        _passed(office, _why_unable(step, path, distance, office))
        for office in everyone
        if not _able(step, distance, office)
    )
    if not able:
        return Decision(step.step_id, "", "", _what_is_missing(step, path, everyone), unable)
    able.sort(key=lambda office: (distance[office.region_code], office.open_steps, office.organ_id))
    best, *others = able
    beaten = tuple(_passed(office, _why_beaten(path, distance, best, office)) for office in others)
    return Decision(step.step_id, best.organ_id, best.name, _why_chosen(step, path, distance, able), beaten + unable)


def _distances(path: Sequence[Region]) -> dict[str, int]:
    return {region.code: steps for steps, region in reversed(list(enumerate(path)))}


def _able(step: Step, distance: Mapping[str, int], office: Office) -> bool:
    return (
        office.region_code in distance
        and step.level in {0, office.level}
        and office.organ_id not in step.excluded_organ_ids
    )


def _passed(office: Office, reason: str) -> PassedOver:
    return PassedOver(office.organ_id, office.name, reason)


def _level(level: int) -> str:
    return f"{_LEVEL_NAMES[level]} level" if level in _LEVEL_NAMES else f"level {level}"


def _why_unable(step: Step, path: Sequence[Region], distance: Mapping[str, int], office: Office) -> str:
    if office.region_code not in distance:
        return f"It lies in region {office.region_code}, which is not on the way up from {path[0]}."
    if step.level not in {0, office.level}:
        return f"It is at {_level(office.level)}; the step must be handled at {_level(step.level)}."
    return "It returned the step as not its own."


def _why_beaten(path: Sequence[Region], distance: Mapping[str, int], best: Office, office: Office) -> str:
    if distance[office.region_code] > distance[best.region_code]:
        return f"{best.name} in {path[distance[best.region_code]]} is nearer to the case."
    if office.open_steps > best.open_steps:
        return f"It has {office.open_steps} open steps, {best.name} {best.open_steps}."
    return f"It is as near and as busy as {best.name}, whose organ id comes first."


def _why_chosen(step: Step, path: Sequence[Region], distance: Mapping[str, int], ranked: Sequence[Office]) -> str:
    best = ranked[0]
    above = distance[best.region_code]
    steps = "one step" if above == 1 else f"{above} steps"
    place = f"in {path[above]}, " + (f"{steps} above {path[0]}" if above else "the region of the case")
    level = f" at {_level(step.level)}" if step.level else ""
    reason = f"{best.name} is the nearest office{level} that handles matter {step.catalog_code}, {place}"
    equals = [office for office in ranked if distance[office.region_code] == above]
    if len(equals) == 1:
        return f"{reason}."
    if equals[1].open_steps > best.open_steps:
        return f"{reason}; of {len(equals)} equally near offices it has the fewest open steps ({best.open_steps})."
    return (
        f"{reason}; of {len(equals)} equally near offices it has the fewest open steps ({best.open_steps}) "
        "and, among those equally busy, the lowest organ id."
    )


def _what_is_missing(step: Step, path: Sequence[Region], everyone: Sequence[Office]) -> str:
    if not everyone:
        return f"No office declares matter {step.catalog_code}."
    distance = _distances(path)
    on_path = [office for office in everyone if office.region_code in distance]
    if not on_path:
        above = ", ".join(str(region) for region in path[1:])
        return (
            f"No office that handles matter {step.catalog_code} lies in {path[0]} or above it ({above or 'nothing'})."
        )
    at_level = [office for office in on_path if step.level in {0, office.level}]
    if not at_level:
        levels = sorted({office.level for office in on_path})
        return (
            f"No office on the way up from {path[0]} handles matter {step.catalog_code} at {_level(step.level)}; "
            f"it is handled at {', '.join(_level(level) for level in levels)}."
        )
    names = ", ".join(office.name for office in at_level)
    return f"Every office that could handle matter {step.catalog_code} has returned the step: {names}."
