"""Checks of what a package leaves to regions: placeholders that steps name, extension points that can be used."""

from collections.abc import Iterable, Mapping

from services.matters.domain.graph import StepTraits, ancestors, find_cycle, undo_faults
from services.matters.domain.waiting import waiting_faults
from services.matters.package.checks import MatterFile
from services.matters.package.faults import Faults, Path, did_you_mean
from services.matters.package.models import ManifestPart
from services.matters.package.needs import ExtensionPointPart
from services.matters.package.oneform import OneForm
from services.matters.package.order import traits_of
from services.matters.package.source import Source

_ADDED = "(a step of your region)"


def check_needs(
    manifest: ManifestPart, source: Source, matters: Mapping[str, MatterFile], form: OneForm | None, faults: Faults
) -> None:
    """Check that placeholders are unique, and that steps, notices and fields name such as there are, all of them."""
    requires = manifest.requires
    for key in ("offices", "data", "seals"):
        _check_unique([each.id for each in getattr(requires, key)], ("requires", key), source, faults)
    _check_unique([point.id for point in manifest.extension_points], ("extension_points",), source, faults)
    offices = [each.id for each in requires.offices]
    for index, step in enumerate(manifest.steps):
        if step.office and step.office not in offices:
            message = f'`requires` has no office "{step.office}"{did_you_mean(step.office, offices)}'
            faults.add(source.fault(("steps", index, "office"), message))
    _check_used(offices, {step.office for step in manifest.steps}, ("requires", "offices"), "step", source, faults)
    if form:
        elements = [asked.element for _, asked in form.root.walk() if asked.element]
        sources = {origin.source_id for each in elements for origin in each.origins if origin.part.kind == "data"}
        for index, each in enumerate(requires.data):
            if each.id not in sources:
                message = (
                    f'no field of the form can come from the data source "{each.id}"{did_you_mean(each.id, sources)}'
                )
                faults.add(source.fault(("requires", "data", index, "id"), message))
    seals = [each.id for each in requires.seals]
    for matter in matters.values():
        notice = matter.part.notice
        if notice and notice.seal and notice.seal not in seals:
            message = f'`requires` of scenario.yaml has no seal "{notice.seal}"{did_you_mean(notice.seal, seals)}'
            faults.add(matter.source.fault(("notice", "seal"), message))
    named = {matter.part.notice.seal for matter in matters.values() if matter.part.notice}
    _check_used(seals, named, ("requires", "seals"), "notice", source, faults)


def check_points(
    manifest: ManifestPart, source: Source, matters: Mapping[str, MatterFile | None], faults: Faults
) -> None:
    """Check that a step which is added at an extension point fits between the steps of the package.

    The steps themselves are in order: that has been checked. Which may be undone is up to the region, so it is asked of
    a step that is undone by a task.
    """
    after = {step.id: list(step.after) for step in manifest.steps}
    with_notice = {name for name, file in matters.items() if file and file.part.notice}
    traits = traits_of(manifest, with_notice)
    for index, point in enumerate(manifest.extension_points):
        path: Path = ("extension_points", index)
        lost = [(key, place, name) for key in ("after", "before") for place, name in _unknown(point, key, after)]
        for key, place, name in lost:
            message = f'there is no step "{name}"{did_you_mean(name, after)}'
            faults.add(source.fault((*path, key, place), message))
        if not lost and (message := _unusable(point, after, traits)):
            faults.add(source.fault(path, message))


def _unusable(point: ExtensionPointPart, after: Mapping[str, list[str]], traits: Mapping[str, StepTraits]) -> str:
    """Say why no step could be added at a point; empty when one could."""
    if not point.after and not point.before:
        return "says neither after which steps added ones start, nor which wait for them: say one of them, or both"
    extended = {step: [*names, _ADDED] if step in point.before else names for step, names in after.items()}
    extended[_ADDED] = list(point.after)
    if find_cycle(extended):
        early = next(step for step in point.before if any(step in ancestors(after)[name] for name in point.after))
        return f'has "{early}" wait for what comes after it: take it out of `before`'
    of_added = StepTraits(undo="task", pivot=False, conditional=False, makes_notice=True)
    pivots = [step for step, trait in traits.items() if trait.pivot]
    if pivots and pivots[0] in ancestors(extended)[_ADDED]:
        of_added = StepTraits(undo="", pivot=False, conditional=False, makes_notice=True)
    for step in point.before:
        if traits[step].quorum:
            return f'has "{step}" wait, which counts the steps before it (`needs`): take it out of `before`'
    added = {**traits, _ADDED: of_added}
    for step, _, message in (*undo_faults(extended, added), *waiting_faults(extended, added)):
        return f'would not do for a step: "{step}" {message}'
    return ""


def _unknown(point: ExtensionPointPart, key: str, steps: Mapping[str, object]) -> list[tuple[int, str]]:
    return [(place, name) for place, name in enumerate(getattr(point, key)) if name not in steps]


def _check_unique(names: list[str], items: Path, source: Source, faults: Faults) -> None:
    for index, name in enumerate(names):
        if name in names[:index]:
            faults.add(source.fault((*items, index, "id"), f'"{name}" is here twice: choose another'))


def _check_used(
    names: list[str], used: Iterable[str | None], items: Path, by: str, source: Source, faults: Faults
) -> None:
    taken = set(used)
    for index, name in enumerate(names):
        if name not in taken:
            message = f'no {by} names "{name}": let one do so, or do not ask regions for it'
            faults.add(source.fault((*items, index, "id"), message))
