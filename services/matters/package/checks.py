"""Checks across the files of a scenario package: whatever one file says about another, or about the form."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from services.matters.domain.codes import catalog_code_fault
from services.matters.package.faults import Fault, Faults, Path, did_you_mean
from services.matters.package.files import MANIFEST
from services.matters.package.forms import FormField
from services.matters.package.models import ManifestPart, MatterPart
from services.matters.package.order import check_order
from services.matters.package.source import Source

_REGION = "a region's code"
_ORGAN = "the unified social credit code of an organ"


@dataclass(frozen=True, slots=True)
class MatterFile:
    """A matter of the package with its positions."""

    name: str
    part: MatterPart
    source: Source


def check_matter(matter: MatterFile, manifest: ManifestPart | None, faults: Faults) -> None:
    """Check one matter: its codes, the answers that its office sees, its materials in the bundle's list."""
    part, source = matter.part, matter.source
    if fault := catalog_code_fault(part.catalog_code):
        faults.add(source.fault(("catalog_code",), fault))
    elif part.type != part.catalog_code[2:4]:
        wanted = part.catalog_code[2:4]
        faults.add(source.fault(("type",), f'should be "{wanted}": characters 3 and 4 of the catalogue code say so'))
    _check_result(matter, faults)
    asked = [question.field for question in manifest.questions] if manifest else None
    for index, path in enumerate(part.answers):
        if asked is not None and path not in asked:
            message = f'there is no question "{path}"{did_you_mean(path, asked)}'
            faults.add(source.fault(("answers", index), message))
        if path in part.answers[:index]:
            faults.add(source.fault(("answers", index), f'"{path}" is here twice: keep one'))
    kinds = {material.kind for material in manifest.materials} if manifest else None
    needed = [need.kind for need in part.materials]
    for index, kind in enumerate(needed):
        if kinds is not None and kind not in kinds:
            faults.add(
                source.fault(
                    ("materials", index), f'the materials of {MANIFEST} have no "{kind}"{did_you_mean(kind, kinds)}'
                )
            )
        if kind in needed[:index]:
            faults.add(source.fault(("materials", index), f'"{kind}" is here twice: keep one'))


def _check_result(matter: MatterFile, faults: Faults) -> None:
    for name, field in matter.part.result.items():
        path: Path = ("result", name, "values")
        if field.values and field.type != "string":
            faults.add(matter.source.fault(path, f"are for a string, and this is of type {field.type}"))
        for index, value in enumerate(field.values):
            if value in field.values[:index]:
                faults.add(matter.source.fault((*path, index), f'"{value}" is here twice: keep one'))


def check_catalogue(matters: Mapping[str, MatterFile], faults: Faults) -> None:
    """Refuse a catalogue code that two matters have."""
    first: dict[str, str] = {}
    for name, matter in matters.items():
        code = matter.part.catalog_code
        if code in first:
            faults.add(
                matter.source.fault(("catalog_code",), f"matters/{first[code]}.yaml has the code {code} already")
            )
        first.setdefault(code, name)


def check_manifest(manifest: ManifestPart, source: Source, form: FormField | None, faults: Faults) -> None:
    """Check what the manifest says by itself: its code, its region field, its materials."""
    if fault := catalog_code_fault(manifest.catalog_code):
        faults.add(source.fault(("catalog_code",), fault))
    if form:
        why = "may be missing: have a step that is always done require it, or no office can be found"
        _check_address(manifest.region_field, ("region_field",), source, form, _REGION, why, faults)
    _check_unique([material.kind for material in manifest.materials], "materials", "kind", source, faults)
    _check_unique([step.id for step in manifest.steps], "steps", "id", source, faults)
    for index, material in enumerate(manifest.materials):
        if size_in_bytes(material.max_size) > LARGEST_MATERIAL:
            faults.add(source.fault(("materials", index, "max_size"), "a material has 200 MB at most"))


# What an installation takes with one material, in bytes, unless its operators allow less.
LARGEST_MATERIAL = 200_000_000


def size_in_bytes(size: str) -> int:
    """Read a size such as "500 KB" or "2 MB" (thousands, not 1,024s)."""
    return int(size[:-2].strip()) * {"KB": 1000, "MB": 1_000_000}[size[-2:]]


def check_steps(
    manifest: ManifestPart, source: Source, matters: Mapping[str, MatterFile | None], faults: Faults
) -> None:
    """Check the steps against each other and against the matters; a matter of None is there but unreadable."""
    known = {step.id for step in manifest.steps}
    sound = len(known) == len(manifest.steps)
    for index, step in enumerate(manifest.steps):
        if step.matter not in matters:
            message = f"there is no matters/{step.matter}.yaml{did_you_mean(step.matter, matters)}"
            faults.add(source.fault(("steps", index, "matter"), message))
        elif (matter := matters[step.matter]) and matter.part.catalog_code == manifest.catalog_code:
            message = f"the bundle has the code {manifest.catalog_code} itself: give the bundle its own"
            faults.add(source.fault(("steps", index, "matter"), message))
        for place, name in enumerate(step.after):
            path: Path = ("steps", index, "after", place)
            if name not in known:
                sound = False
                faults.add(source.fault(path, f'there is no step "{name}"{did_you_mean(name, known)}'))
            elif name in step.after[:place]:
                faults.add(source.fault(path, f'"{name}" is here twice: keep one'))
    if sound:
        check_order(manifest, source, {name for name, file in matters.items() if file and file.part.notice}, faults)


def check_all_used(
    manifest: ManifestPart, source: Source, matters: Mapping[str, MatterFile], templates: set[str], faults: Faults
) -> None:
    """Refuse what nobody uses: matters without a step, materials and templates without a matter."""
    stepped = {step.matter for step in manifest.steps}
    lost = [name for name in stepped if name not in matters]
    for name, matter in matters.items():
        # A step that misspells the matter is one slip, and has been reported.
        if name not in stepped and not difflib.get_close_matches(name, lost, n=1):
            message = f"no step uses it: add a step with `matter: {name}`, or take the file away"
            faults.add(matter.source.fault((), message))
    seen = {need.kind for matter in matters.values() for need in matter.part.materials}
    for index, material in enumerate(manifest.materials):
        if material.kind not in seen:
            message = f'no matter declares "{material.kind}", so no office would see it: add it to one, or do not ask'
            faults.add(source.fault(("materials", index, "kind"), message))
    printed = {matter.part.notice.template for matter in matters.values() if matter.part.notice}
    for file in sorted(templates - printed):
        faults.add(Fault(file, 0, 0, "", "no notice uses it: name it in a matter, or take the file away"))
    for matter in matters.values():
        notice = matter.part.notice
        if notice and notice.template not in templates:
            message = f'there is no file "{notice.template}"{did_you_mean(notice.template, templates)}'
            faults.add(matter.source.fault(("notice", "template"), message))


def check_addresses(manifest: ManifestPart, source: Source, seen: Mapping[str, FormField], faults: Faults) -> None:
    """Check the fields that say where steps are handled, or by which organ.

    `seen` is by matter the form as it is whenever a step with it is handled.
    """
    for index, step in enumerate(manifest.steps):
        for key, holds in (("region_field", _REGION), ("organ_field", _ORGAN)):
            field = getattr(step, key)
            if field is not None and step.matter in seen:
                why = f"may be missing when the step is done: have matters/{step.matter}.yaml require it"
                _check_address(field, ("steps", index, key), source, seen[step.matter], holds, why, faults)
        for key in ("office", "level", "region_field") if step.organ_field else ():
            if getattr(step, key) is not None:
                message = f'the form names the organ of "{step.id}": take `{key}` away, or `organ_field`'
                faults.add(source.fault(("steps", index, key), message))


def _check_address(
    path: str, place: Path, source: Source, form: FormField, holds: str, why: str, faults: Faults
) -> None:
    found = form.find(path)
    if found is None:
        faults.add(source.fault(place, form.unknown(path)))
    elif found.types != {"string"}:
        faults.add(source.fault(place, f'"{path}" should be text: it holds {holds}'))
    elif not form.always_has(path):
        faults.add(source.fault(place, f'"{path}" {why}'))


def _check_unique(names: list[str], items: str, key: str, source: Source, faults: Faults) -> None:
    for index, name in enumerate(names):
        if name in names[:index]:
            message = f'{items}[{names.index(name)}] has "{name}" already: choose another'
            faults.add(source.fault((items, index, key), message))
