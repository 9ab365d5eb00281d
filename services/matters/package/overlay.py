"""Overlays: what one region binds, sets and adds, in files of its own beside a package that nobody edits."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from services.matters.domain.local import Binding, Needed
from services.matters.domain.versions import Version, within
from services.matters.package.faults import Fault, Faults, Path, did_you_mean
from services.matters.package.files import (
    MANIFEST,
    check_collisions,
    holds_tests,
    is_example,
    is_picture,
    is_template,
    matter_name,
    size_faults,
    text_of,
    trick,
)
from services.matters.package.localising import Here, parameters_of
from services.matters.package.models import ManifestPart, StepPart
from services.matters.package.needs import PlaceholderPart
from services.matters.package.overlay_models import NEAREST, NONE, OWN, LocalStepPart, OverlayPart
from services.matters.package.parameters import Setting
from services.matters.package.reading import read_part
from services.matters.package.source import Source, read_yaml

OVERLAY = "overlay.yaml"
MOST_FILES = 50
# In bytes, of all files.
LARGEST_OVERLAY = 400_000
# The unbound word of each kind: what a region says that has nothing to name.
WORDS = {Needed.OFFICE: NEAREST, Needed.DATA: NONE, Needed.SEAL: OWN}
KEYS = {Needed.OFFICE: "offices", Needed.DATA: "data", Needed.SEAL: "seals"}
# What a region has of its own under names.
_NAMED = ("elements", "sections")
# Says the id of an organ by its id or unified social credit code; empty when there is none.
OrganIds = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Overlay:
    """An overlay as far as it can be read; `part` is None when it does not fit."""

    source: Source
    part: OverlayPart | None


def shown(path: str) -> str:
    """How faults name a file of an overlay."""
    return path if path == OVERLAY else f"overlay/{path}"


def check_overlay_files(overlay: Mapping[str, bytes], files: Mapping[str, bytes], faults: Faults) -> None:
    """Refuse an overlay without its file, with files that nobody reads, or with a name that the package has."""
    size_faults(overlay, OVERLAY, shown, faults, most=MOST_FILES, largest=LARGEST_OVERLAY)
    check_collisions(overlay, faults)
    if OVERLAY not in overlay:
        faults.add(Fault(OVERLAY, 0, 0, "", f"the overlay has no {OVERLAY}: add it at the top of the folder"))
    for path in overlay:
        if message := trick(path) or _file_fault(path, files):
            faults.add(Fault(shown(path), 0, 0, "", message))
        if holds_tests(path) or is_example(path):
            text_of(shown(path), overlay[path], faults)  # which is kept with the rest, and read by whoever tests it


def _file_fault(path: str, files: Mapping[str, bytes]) -> str:
    if path == OVERLAY:
        return ""
    if not any(of_overlay(path) for of_overlay in (matter_name, is_template, is_picture, holds_tests, is_example)):
        return (
            f"is no file of an overlay, which has {OVERLAY}, matters/<name>.yaml, templates/<name>.txt, "
            "templates/<name>.png, tests/<name>.test.yaml and examples/<name>.json"
        )
    return f"the package has a file {path} itself: choose another name" if path in files else ""


def read_overlay(overlay: Mapping[str, bytes], faults: Faults) -> Overlay:
    """Read overlay.yaml."""
    text = text_of(OVERLAY, overlay[OVERLAY], faults)
    source = None if text is None else read_yaml(OVERLAY, text, faults)
    return Overlay(source, read_part(OverlayPart, source, faults)) if source else Overlay(Source(OVERLAY), None)


def here_of(
    manifest: ManifestPart,
    source: Source,
    overlay: Overlay | None,
    settings: Mapping[str, Setting],
    organs: OrganIds | None,
    faults: Faults,
) -> Here:
    """What the region says, or nothing without an overlay; its organs are told by their ids where they are known."""
    bindings = bindings_of(manifest, source, overlay, organs, faults)
    parameters = parameters_of(settings.values())
    if overlay is None or overlay.part is None:
        return Here(bindings=bindings, parameters=parameters)
    part = overlay.part

    def organ(named: str | None, path: Path) -> str:
        return _known(named, path, overlay.source, organs, faults) if named else ""

    return Here(
        bundle=part.bundle or "",
        region=part.region,
        lead=organ(part.lead, ("lead",)),
        bindings=bindings,
        organs={step.id: organ(step.organ, ("steps", index, "organ")) for index, step in enumerate(part.steps)},
        parameters=parameters,
    )


def localised(manifest: ManifestPart, source: Source, overlay: Overlay, faults: Faults) -> ManifestPart:
    """The manifest with the region's own steps and materials; their faults are told at the overlay's places."""
    part = overlay.part
    if part is None:
        return manifest
    _check_package(manifest, overlay.source, part, faults)
    added = [_added(index, step, manifest, overlay.source, part, faults) for index, step in enumerate(part.steps)]
    for key in ("steps", "materials", "questions"):
        for index in range(len(getattr(part, key))):
            source.grafts[key, len(getattr(manifest, key)) + index] = (overlay.source, (key, index))
    names = {
        key: _with_own(key, getattr(manifest, key), getattr(part, key), source, overlay.source, faults)
        for key in _NAMED
    }
    awaited = {
        step: [each.id for each in part.steps if step in point.before and each.at == point.id]
        for point in manifest.extension_points
        for step in point.before
    }
    steps = [step.model_copy(update={"after": [*step.after, *awaited.get(step.id, [])]}) for step in manifest.steps]
    lists = {"materials": [*manifest.materials, *part.materials], "questions": [*manifest.questions, *part.questions]}
    return manifest.model_copy(update={"steps": [*steps, *added], **lists, **names})


def _with_own(
    key: str, named: Mapping[str, Any], own: Mapping[str, Any], source: Source, overlay: Source, faults: Faults
) -> dict[str, Any]:
    """What the package names, and what the region does: its own, under names of its own."""
    for name in own:
        if name in named:
            faults.add(overlay.fault((key, name), f'the package has "{name}" itself: choose another name', at_key=True))
        else:
            source.grafts[key, name] = (overlay, (key, name))
    return {**named, **{name: part for name, part in own.items() if name not in named}}


def bindings_of(
    manifest: ManifestPart, source: Source, overlay: Overlay | None, organs: OrganIds | None, faults: Faults
) -> tuple[Binding, ...]:
    """What each placeholder is here; `organs` is None where nobody knows the organs, and what is bound stays as said.

    Without an overlay nothing is bound, which is a fault only where the organs are known: where it is installed.
    """
    if overlay is None:
        for kind, index, each in _needed(manifest) if organs is not None else ():
            message = f'"{each.id}" ({each.name.zh}) is bound to nothing: give an overlay'
            faults.add(source.fault(("requires", KEYS[kind], index), message))
        return ()
    if overlay.part is None:
        return ()
    _check_bound(manifest, overlay.source, overlay.part, faults)
    found: list[Binding] = []
    for kind, _, each in _needed(manifest):
        bound = getattr(overlay.part.bindings, KEYS[kind])
        if each.id in bound:
            path: Path = ("bindings", KEYS[kind], each.id)
            found.append(_binding(kind, each.id, bound[each.id], path, overlay.source, organs, faults))
    return tuple(found)


def _check_bound(manifest: ManifestPart, source: Source, part: OverlayPart, faults: Faults) -> None:
    """Refuse bindings of what nobody needs, and have all that is needed."""
    needed = {kind: {each.id: each for of, _, each in _needed(manifest) if of is kind} for kind in Needed}
    for kind, placeholders in needed.items():
        bound = getattr(part.bindings, KEYS[kind])
        for name in bound.keys() - placeholders.keys():
            message = f'the package needs no {kind.value} "{name}"{did_you_mean(name, placeholders)}'
            faults.add(source.fault(("bindings", KEYS[kind], name), message, at_key=True))
        for name in placeholders.keys() - bound.keys():
            called = placeholders[name].name
            message = f'"{name}" ({called.zh}, {called.en}) is missing: say which organ it is here, or "{WORDS[kind]}"'
            faults.add(source.fault(("bindings", KEYS[kind]), message))


def _binding(
    kind: Needed, name: str, bound: object, path: Path, source: Source, organs: OrganIds | None, faults: Faults
) -> Binding:
    if isinstance(bound, str):
        named, level = ("" if bound == WORDS[kind] else bound), 0
    else:
        named, level = getattr(bound, "organ", None) or "", getattr(bound, "level", None) or 0
        if named and level:
            faults.add(source.fault((*path, "level"), "an organ has its own level: take `level` away, or `organ`"))
    organ_id = _known(named, path, source, organs, faults) if named else ""
    return Binding(kind, name, organ_id, level)


def _known(named: str, path: Path, source: Source, organs: OrganIds | None, faults: Faults) -> str:
    if organs is None:
        return named
    organ_id = organs(named)
    if not organ_id:
        message = (
            f"there is no organ {named} here: register it, or name another by its id or unified social credit code"
        )
        faults.add(source.fault(path, message))
    return organ_id


def _needed(manifest: ManifestPart) -> Iterator[tuple[Needed, int, PlaceholderPart]]:
    for kind in Needed:
        for index, each in enumerate(getattr(manifest.requires, KEYS[kind])):
            yield kind, index, each


def _check_package(manifest: ManifestPart, source: Source, part: OverlayPart, faults: Faults) -> None:
    if part.package.id != manifest.id:
        message = f'is for the package "{part.package.id}", and this is "{manifest.id}": take the overlay of this one'
        faults.add(source.fault(("package", "id"), message))
    elif not within(Version.of(manifest.version), part.package.version):
        message = (
            f"{MANIFEST} has the version {manifest.version}, for which this overlay was not made: "
            "read what changed, then widen the range"
        )
        faults.add(source.fault(("package", "version"), message))


def _added(
    index: int, step: LocalStepPart, manifest: ManifestPart, source: Source, part: OverlayPart, faults: Faults
) -> StepPart:
    """A region's own step as a step of the bundle: after what its extension point comes after."""
    points = {point.id: point for point in manifest.extension_points}
    if step.at not in points:
        message = f'the package has no extension point "{step.at}"{did_you_mean(step.at, points)}'
        faults.add(source.fault(("steps", index, "at"), message))
    beside = {each.id for each in part.steps if each.at == step.at}
    for place, name in enumerate(step.after):
        if name not in beside:
            message = f'"{name}" is no step of yours at "{step.at}": what it comes after otherwise, the package says'
            faults.add(source.fault(("steps", index, "after", place), message))
    if step.organ and step.level:
        message = "an organ has its own level: take `level` away, or `organ`"
        faults.add(source.fault(("steps", index, "level"), message))
    after = [*points[step.at].after, *step.after] if step.at in points else step.after
    given = step.model_dump(exclude={"at", "organ", "limits"}, exclude_unset=True)
    return StepPart(**{**given, "after": after, "limits": step.limits})
