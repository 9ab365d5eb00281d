"""Which office handles a step: the rules, without storage or transport.

An office may handle a step when it lies on the way up from the case's region, or from the step's own where it has one;
is at the level that the step names, declares the matter, and has not returned the step. Among those the nearest wins,
then the one with the fewest open steps, then the lowest organ id.

A step that the installing region bound to an organ goes there, whatever it declares, until that organ returns it or
passes it upward.

A step whose organ the application names goes to that one if it declares the matter, and to nobody else: whoever made
an entry mends it.

A step that an office passed upward (转报) goes to the nearest organ above that office that declares the matter.
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
class Organ:
    """A node of the organ tree; the name is empty when only its id is known."""

    organ_id: str
    name: str = ""
    parent_organ_id: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.organ_id})" if self.name else f"organ {self.organ_id}"


@dataclass(frozen=True, slots=True)
class Step:
    """A step that needs an office; level 0 means any."""

    step_id: str
    catalog_code: str
    level: int = 0
    excluded_organ_ids: frozenset[str] = frozenset()
    above_organ_id: str = ""
    """The office that passed the step upward; empty when none did."""
    organ_id: str = ""
    """The organ that an operator named; empty for the rules to choose one."""
    bound_organ_id: str = ""
    """The organ that the region bound it to; empty for none."""
    region_code: str = ""
    """The region whose offices handle it, where that is not the case's; empty for the case's."""
    named_uscc: str = ""
    """The unified social credit code of the organ that the application names; empty for none."""

    @property
    def assigned(self) -> str:
        """The organ that it goes to whatever that declares; empty where the rules choose one."""
        if self.organ_id or self.above_organ_id or self.named_uscc or self.bound_organ_id in self.excluded_organ_ids:
            return self.organ_id
        return self.bound_organ_id

    @property
    def named(self) -> str:
        """The organ to which it goes if that handles the matter, by its code; empty where none is named."""
        return "" if self.organ_id or self.above_organ_id else self.named_uscc


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
    superior_organ_ids: tuple[str, ...] = ()
    """The organs above the office, the nearest first."""


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


def superiors(organ_id: str, organs: Mapping[str, Organ]) -> list[Organ]:
    """The organs above one, nearest first.

    An organ that is not known ends the way up, and is on it by its id alone; so does one met twice: events come in any
    order, and their copies may hold a circle for a while.
    """
    above: list[Organ] = []
    seen = {organ_id}
    upper = organs[organ_id].parent_organ_id if organ_id in organs else ""
    while upper and upper not in seen:
        seen.add(upper)
        organ = organs.get(upper, Organ(upper))
        above.append(organ)
        upper = organ.parent_organ_id
    return above


def assigned(step: Step, organ: Organ | None) -> Decision:
    """The organ that an operator named or the region bound the step to; none when there is no such organ."""
    if organ is None:
        who = "an operator named" if step.organ_id else "the bundle is bound to"
        return Decision(step.step_id, "", "", f"there is no organ {step.assigned}, which {who}")
    reason = "named by an operator" if step.organ_id else "bound to the step where the bundle was installed"
    return Decision(step.step_id, organ.organ_id, organ.name, reason)


def choose_named(step: Step, organ: Organ | None, *, declares: bool) -> Decision:
    """The organ that the application names, or why that cannot handle the step; region, level and load do not count."""
    if organ is None:
        missing = f"The application names the organ {step.named_uscc}, which is not registered."
        return Decision(step.step_id, "", "", missing)
    if organ.organ_id in step.excluded_organ_ids:
        missing = f"{organ}, which the application names, returned the step as not its own."
    elif not declares:
        missing = f"{organ}, which the application names, does not declare matter {step.catalog_code}."
    else:
        reason = f"{organ.name} is the organ that the application names, and handles matter {step.catalog_code}."
        return Decision(step.step_id, organ.organ_id, organ.name, reason)
    return Decision(step.step_id, "", "", missing)


def nearest(step: Step, path: Sequence[Region], offices: Iterable[Office]) -> list[Office]:
    """The offices among which only load and organ id decide; empty when none may handle the step."""
    distance = _distances(path)
    able = [office for office in offices if _able(step, distance, office)]
    closest = min((distance[office.region_code] for office in able), default=0)
    return [office for office in able if distance[office.region_code] == closest]


def choose(step: Step, path: Sequence[Region], offices: Iterable[Office]) -> Decision:
    """Decides which of the offices that declare the step's matter handles it, and says why the others do not.

    `path` is what `path_up` gives for the region of the case, or of the step. The order of the offices does not matter.
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


def choose_above(step: Step, organs: Mapping[str, Organ], offices: Iterable[Office]) -> Decision:
    """Decides which organ above the office that passed the step upward handles it: the nearest that can.

    It declares the matter and has not returned the step or passed it on. The level that the step names is that of the
    office below, so it does not count. The order of the offices does not matter; those not above are passed over.
    """
    below = organs.get(step.above_organ_id, Organ(step.above_organ_id))
    above = superiors(step.above_organ_id, organs)
    declaring = {office.organ_id: office for office in offices}
    able = [each for each in above if each.organ_id in declaring and each.organ_id not in step.excluded_organ_ids]
    chosen = able[0] if able else None
    passed = tuple(
        PassedOver(each.organ_id, each.name, _why_not_above(step, declaring, below, chosen, each))
        for each in above
        if each is not chosen
    )
    on_way = {each.organ_id for each in above}
    others = tuple(
        _passed(office, f"It is not above {below}.")
        for organ_id, office in sorted(declaring.items())
        if organ_id not in on_way
    )
    if chosen is None:
        return Decision(step.step_id, "", "", _what_is_missing_above(step, below, above), passed + others)
    reason = (
        f"{chosen.name} is the nearest organ above {below} that handles matter {step.catalog_code}, "
        f"at {_level(declaring[chosen.organ_id].level)}."
    )
    return Decision(step.step_id, chosen.organ_id, chosen.name, reason, passed + others)


def _why_not_above(
    step: Step, declaring: Mapping[str, Office], below: Organ, chosen: Organ | None, organ: Organ
) -> str:
    if organ.organ_id in step.excluded_organ_ids:
        return "It returned the step as not its own, or passed it upward."
    if organ.organ_id not in declaring:
        return f"It does not declare matter {step.catalog_code}."
    return f"{chosen} is nearer above {below}."


def _what_is_missing_above(step: Step, below: Organ, above: Sequence[Organ]) -> str:
    if not above:
        return f"{below} passed the step upward, and no organ above it is known."
    names = ", ".join(str(organ) for organ in above)
    if step.excluded_organ_ids.issuperset(organ.organ_id for organ in above):
        return f"{below} passed the step upward, and all organs above it have returned it or passed it on: {names}."
    return (
        f"{below} passed the step upward, and no organ above it that could still take it handles matter "
        f"{step.catalog_code}: {names}."
    )


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
    steps, whose = "one step" if above == 1 else f"{above} steps", "step" if step.region_code else "case"
    place = f"in {path[above]}, " + (f"{steps} above {path[0]}" if above else f"the region of the {whose}")
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
