"""From the files of a scenario package to a scenario, or to all that is wrong with it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from services.matters.domain.bundle import (
    Burden,
    GrantedLicence,
    InputField,
    MaterialKind,
    Matter,
    Notice,
    ResultField,
    Rule,
    Scenario,
    Step,
    StepInput,
    Visit,
)
from services.matters.domain.limits import of_bundle, of_step
from services.matters.package import checks
from services.matters.package.checks import MatterFile
from services.matters.package.dataflow import check_expressions
from services.matters.package.elements import Elements, package_elements
from services.matters.package.faults import Fault, Faults, scenario_invalid
from services.matters.package.feasible import check_feasible
from services.matters.package.files import MANIFEST, check_files, is_template, matter_name, text_of
from services.matters.package.filling import Filler
from services.matters.package.formparts import SourcePart
from services.matters.package.forms import FormField
from services.matters.package.licences import check_licences
from services.matters.package.local_checks import check_needs, check_points
from services.matters.package.localising import Here, name_of, placeholders_of, points_of, with_sources
from services.matters.package.materials import check_given, merge_materials
from services.matters.package.models import GrantedLicencePart, ManifestPart, MatterPart, NoticePart, StepPart
from services.matters.package.notices import check_template
from services.matters.package.oneform import OneForm, check_situations, read_form
from services.matters.package.overlay import (
    OrganIds,
    check_overlay_files,
    here_of,
    localised,
    read_overlay,
    shown,
)
from services.matters.package.parameters import settings_of
from services.matters.package.pictures import check_data, check_pictures, shown_in, with_pictures
from services.matters.package.printing import Printer
from services.matters.package.reading import read_part
from services.matters.package.rules import check_rules, gather_rules
from services.matters.package.source import Source, read_yaml
from services.matters.package.times import check_limits, corrections_of, limits_of, rules_of


def compile_package(
    files: Mapping[str, bytes], overlay: Mapping[str, bytes] | None = None, organs: OrganIds | None = None
) -> Scenario:
    """Check a package and compile it for the region of an overlay. Raises Invalid SCENARIO_INVALID: names the faults.

    `organs` is given where the package is installed: then all that it needs must be bound, to organs that there are.
    """
    scenario, faults = check_package(files, overlay, organs)
    if scenario is None:
        raise scenario_invalid(faults)
    return scenario


def package_id_of(files: Mapping[str, bytes]) -> str:
    """The id that a package gives itself. Raises Invalid SCENARIO_INVALID when its manifest cannot be read at all."""
    faults = Faults()
    check_files(files, faults)
    source = None if faults else _read(MANIFEST, files[MANIFEST], faults)
    if source is None:
        raise scenario_invalid(faults.all())
    found = source.data.get("id") if isinstance(source.data, dict) else None
    if not isinstance(found, str):
        raise scenario_invalid([source.fault(("id",), '"id" is missing: add it')])
    return found


@dataclass(frozen=True, slots=True)
class Examined:
    """A package as far as it can be read, with all that is wrong with it; None is what cannot be read."""

    scenario: Scenario | None
    """None when there is a fault."""
    faults: list[Fault]
    """By file and line."""
    manifest: ManifestPart | None = None
    """With the overlay's values, steps and materials in it."""
    source: Source | None = None
    """Of the manifest."""
    form: FormField | None = None
    matters: Mapping[str, MatterFile] = field(default_factory=dict)
    """By name, those that can be read."""
    here: Here = field(default_factory=Here)
    """What the region said."""


def check_package(
    files: Mapping[str, bytes], overlay: Mapping[str, bytes] | None = None, organs: OrganIds | None = None
) -> tuple[Scenario | None, list[Fault]]:
    """Check a package: the scenario when it is sound, or all that is wrong with it, by file and line."""
    examined = examine_package(files, overlay, organs)
    return examined.scenario, examined.faults


def examine_package(
    files: Mapping[str, bytes], overlay: Mapping[str, bytes] | None = None, organs: OrganIds | None = None
) -> Examined:
    """Check a package, with the overlay of a region if there is one, and keep what was read of it."""
    faults = Faults()
    check_files(files, faults)
    if overlay is not None:
        check_overlay_files(overlay, files, faults)
    if faults:
        # What is too large, or lies where it must not, is not read at all.
        return Examined(None, faults.all())
    said = None if overlay is None else read_overlay(overlay, faults)
    read = _read(MANIFEST, files[MANIFEST], faults)
    settings = settings_of(read, said.source if said else None, faults) if read else {}
    filler = Filler(read, settings, faults)
    source = filler.manifest(read) if read else None
    package = read_part(ManifestPart, source, faults) if source else None
    manifest = localised(package, source, said, faults) if package and source and said else package
    texts = _texts(files, overlay or {})
    matters = {
        name: _matter(name, *texts[path], filler, faults) for path in sorted(texts) if (name := matter_name(path))
    }
    readable = {name: matter for name, matter in matters.items() if matter}
    elements = _elements(manifest, source, faults) if manifest and source else None
    form = read_form(manifest, source, readable, elements, faults) if manifest and source and elements else None
    templates = _templates(texts, form, readable, faults)
    for matter in readable.values():
        checks.check_matter(matter, manifest, faults)
    checks.check_catalogue(readable, faults)
    here = Here()
    scenario = None
    if manifest and source and elements:
        _check_manifest(manifest, source, matters, elements, form, faults)
        if len(readable) == len(matters):
            checks.check_all_used(manifest, source, readable, set(templates), faults)
            check_data(manifest, {name: matter.part for name, matter in readable.items()}, templates, faults)
            check_needs(manifest, source, readable, form, faults)
            filler.check_used()
        here = here_of(manifest, source, said, settings, organs, faults)
        if package and not faults:
            check_points(package, source, matters, faults)
        if form and not faults:
            schema = with_sources(form.schema(manifest, source, faults), here.bindings)
            materials = merge_materials(manifest, readable, elements, form.situations)
            rules = gather_rules(manifest, readable, form)
            scenario = _scenario(manifest, readable, templates, here, schema, materials, rules)
            check_feasible(scenario, manifest, source, faults)
    shape = form.shape if form else None
    return Examined(None if faults else scenario, faults.all(), manifest, source, shape, readable, here)


def _elements(manifest: ManifestPart, source: Source, faults: Faults) -> Elements:
    """The data elements that fields may be."""
    needed = {each.id: SourcePart(kind="data", name=each.name) for each in manifest.requires.data}
    return package_elements(manifest.elements, manifest.sources, needed, source, faults)


def _check_manifest(
    manifest: ManifestPart,
    source: Source,
    matters: Mapping[str, MatterFile | None],
    elements: Elements,
    form: OneForm | None,
    faults: Faults,
) -> None:
    """Check what scenario.yaml says, by itself and about the matters."""
    readable = {name: matter for name, matter in matters.items() if matter}
    checks.check_manifest(manifest, source, form.shape if form else None, faults)
    checks.check_steps(manifest, source, matters, faults)
    check_limits(manifest, source, {name: matter.part.type for name, matter in readable.items()}, faults)
    check_given(manifest, source, readable, elements, faults)
    if form:
        check_expressions(manifest, source, readable, form, faults)
        check_situations(form, manifest, source, readable, faults)
        check_licences(readable, elements, form.seen, faults)
        checks.check_addresses(manifest, source, form.seen, faults)
        check_rules(form, manifest, source, readable, faults)


def _texts(files: Mapping[str, bytes], overlay: Mapping[str, bytes]) -> dict[str, tuple[str, bytes]]:
    """The files of the package and of the overlay by their path, each with the name that faults give it."""
    return {path: (path, content) for path, content in files.items()} | {
        path: (shown(path), content) for path, content in overlay.items()
    }


def _read(file: str, content: bytes, faults: Faults) -> Source | None:
    text = text_of(file, content, faults)
    return None if text is None else read_yaml(file, text, faults)


def _matter(name: str, file: str, content: bytes, filler: Filler, faults: Faults) -> MatterFile | None:
    read = _read(file, content, faults)
    source = filler.matter(read) if read else None
    part = read_part(MatterPart, source, faults) if source else None
    return MatterFile(name, part, source) if part and source else None


def _templates(
    texts: Mapping[str, tuple[str, bytes]],
    form: OneForm | None,
    matters: Mapping[str, MatterFile],
    faults: Faults,
) -> dict[str, str]:
    templates = {}
    shown: set[str] = set()
    for path in sorted(texts):
        if is_template(path):
            file, content = texts[path]
            text = text_of(file, content, faults)
            templates[path] = with_pictures(file, text or "", texts, faults)
            shown |= shown_in(text or "")
            printers = {
                name: Printer.of(matter.part, form.seen.get(name) if form else None)
                for name, matter in matters.items()
                if matter.part.notice and matter.part.notice.template == path
            }
            if text is not None:
                check_template(file, text, form.shape if form else None, printers, faults)
    check_pictures(texts, shown, faults)
    return templates


def _scenario(
    manifest: ManifestPart,
    files: Mapping[str, MatterFile],
    templates: Mapping[str, str],
    here: Here,
    schema: Mapping[str, Any],
    materials: tuple[MaterialKind, ...],
    rules: tuple[Rule, ...],
) -> Scenario:
    matters = {name: _compiled_matter(file.part, templates) for name, file in files.items()}
    return Scenario(
        scenario_id=here.bundle or manifest.id,
        name=name_of(manifest.name),
        summary=name_of(manifest.summary) if manifest.summary else None,
        licence=manifest.licence,
        origin_region=manifest.origin.region,
        origin_organ=manifest.origin.organ,
        lead_role=manifest.lead.role,
        lead_name=name_of(manifest.lead.name),
        catalog_code=manifest.catalog_code,
        region_field=manifest.region_field,
        form_schema=json.dumps(schema, ensure_ascii=False, separators=(",", ":"), allow_nan=False),
        materials=materials,
        steps=tuple(
            _step(step, matters[step.matter], here, here.seal(files[step.matter].part.notice))
            for step in manifest.steps
        ),
        matters=tuple(matters[name] for name in sorted(matters)),
        visits=tuple(Visit(visit.id, name_of(visit.name), tuple(visit.steps)) for visit in manifest.visits),
        undo_order=tuple(manifest.undo_order),
        limits=of_bundle(limits_of(manifest.limits), {matter.type_code for matter in matters.values()}),
        clock_rules=rules_of(manifest.clock_rules),
        corrections=corrections_of(manifest.corrections),
        version=manifest.version,
        requires=placeholders_of(manifest),
        parameters=here.parameters,
        extension_points=points_of(manifest),
        region_code=here.region,
        bindings=here.bindings,
        rules=rules,
        applicant_visits=manifest.applicant_visits,
    )


def _step(step: StepPart, matter: Matter, here: Here, seal_organ_id: str) -> Step:
    organ_id, level = here.office(step)
    return Step(
        step_id=step.id,
        matter=matter,
        after=tuple(step.after),
        when=step.when,
        level=level,
        undoable=step.undo == "task",
        pivot=step.pivot,
        optional=step.optional,
        without_application=step.application == "none",
        quorum=step.needs or 0,
        choice=step.choice or "",
        pre_check=step.pre_check,
        inputs=tuple(StepInput(name, expression) for name, expression in step.inputs.items()),
        limits=of_step(limits_of(step.limits), matter.type_code),
        office=step.office or "",
        organ_id=organ_id,
        seal_organ_id=seal_organ_id,
        region_field=step.region_field or "",
        organ_field=step.organ_field or "",
    )


def _notice(part: NoticePart, templates: Mapping[str, str]) -> Notice:
    return Notice(part.title, templates[part.template], part.seal or "")


def _licence(part: GrantedLicencePart) -> GrantedLicence:
    return GrantedLicence(part.type, tuple(part.fields.items()), part.valid_until or "")


def _compiled_matter(part: MatterPart, templates: Mapping[str, str]) -> Matter:
    return Matter(
        catalog_code=part.catalog_code,
        name=name_of(part.name),
        type_code=part.type,
        form_fields=part.form_fields,
        materials=tuple(need.kind for need in part.materials),
        notice=_notice(part.notice, templates) if part.notice else None,
        licence=_licence(part.licence) if part.licence else None,
        inputs=tuple(InputField(name, kind) for name, kind in part.inputs.items()),
        result_fields=tuple(
            ResultField(name, field.type, field.required, field.shared, tuple(field.values))
            for name, field in part.result.items()
        ),
        alone=Burden(**part.alone.model_dump()) if part.alone else None,
    )
