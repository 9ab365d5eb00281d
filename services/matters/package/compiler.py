"""From the files of a scenario package to a scenario, or to all that is wrong with it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from services.matters.domain.bundle import (
    InputField,
    MaterialKind,
    Matter,
    Name,
    Notice,
    ResultField,
    Scenario,
    Step,
    StepInput,
    Visit,
)
from services.matters.domain.limits import of_bundle, of_step
from services.matters.package import checks
from services.matters.package.checks import MatterFile
from services.matters.package.dataflow import check_expressions
from services.matters.package.faults import Fault, Faults, scenario_invalid
from services.matters.package.files import MANIFEST, check_files, is_template, matter_name, text_of
from services.matters.package.forms import FormField, check_form
from services.matters.package.models import ManifestPart, MatterPart
from services.matters.package.notices import Printer, check_template
from services.matters.package.parts import NamePart
from services.matters.package.reading import read_part
from services.matters.package.source import Source, read_yaml
from services.matters.package.times import check_limits, corrections_of, limits_of, rules_of


def compile_package(files: Mapping[str, bytes]) -> Scenario:
    """Check a package and compile it. Raises Invalid SCENARIO_INVALID, which names the faults."""
    scenario, faults = check_package(files)
    if scenario is None:
        raise scenario_invalid(faults)
    return scenario


@dataclass(frozen=True, slots=True)
class Examined:
    """A package as far as it can be read, with all that is wrong with it; None is what cannot be read."""

    scenario: Scenario | None
    """None when there is a fault."""
    faults: list[Fault]
    """By file and line."""
    manifest: ManifestPart | None = None
    source: Source | None = None
    """Of the manifest."""
    form: FormField | None = None
    matters: Mapping[str, MatterFile] = field(default_factory=dict)
    """By name, those that can be read."""


def check_package(files: Mapping[str, bytes]) -> tuple[Scenario | None, list[Fault]]:
    """Check a package: the scenario when it is sound, or all that is wrong with it, by file and line."""
    examined = examine_package(files)
    return examined.scenario, examined.faults


def examine_package(files: Mapping[str, bytes]) -> Examined:
    """Check a package, and keep what was read of it."""
    faults = Faults()
    check_files(files, faults)
    if faults:
        # What is too large, or lies where it must not, is not read at all.
        return Examined(None, faults.all())
    source = _read(MANIFEST, files[MANIFEST], faults)
    manifest = read_part(ManifestPart, source, faults) if source else None
    form = _form(source, faults)
    matters = {name: _matter(name, path, files[path], faults) for path in sorted(files) if (name := matter_name(path))}
    readable = {name: matter for name, matter in matters.items() if matter}
    templates = _templates(files, form, readable, faults)
    for matter in readable.values():
        checks.check_matter(matter, manifest, form, faults)
    checks.check_catalogue(readable, faults)
    if manifest and source:
        checks.check_manifest(manifest, source, form, faults)
        checks.check_steps(manifest, source, matters, faults)
        check_limits(manifest, source, {name: matter.part.type for name, matter in readable.items()}, faults)
        if form:
            check_expressions(manifest, source, readable, form, faults)
        if len(readable) == len(matters):
            checks.check_all_used(manifest, source, readable, set(templates), faults)
    scenario = None if faults or manifest is None else _scenario(manifest, readable, templates)
    return Examined(scenario, faults.all(), manifest, source, form, readable)


def _read(file: str, content: bytes, faults: Faults) -> Source | None:
    text = text_of(file, content, faults)
    return None if text is None else read_yaml(file, text, faults)


def _form(source: Source | None, faults: Faults) -> FormField | None:
    """Check the form even when the rest of the manifest does not fit, so that all faults are seen at once."""
    if source is None or not isinstance(source.data, dict) or not isinstance(source.data.get("form"), dict):
        return None
    return check_form(source.data["form"], source, faults)


def _matter(name: str, file: str, content: bytes, faults: Faults) -> MatterFile | None:
    source = _read(file, content, faults)
    part = read_part(MatterPart, source, faults) if source else None
    return MatterFile(name, part, source) if part and source else None


def _templates(
    files: Mapping[str, bytes], form: FormField | None, matters: Mapping[str, MatterFile], faults: Faults
) -> dict[str, str]:
    templates = {}
    for path in sorted(files):
        if is_template(path):
            text = text_of(path, files[path], faults)
            templates[path] = text or ""
            printers = {
                name: Printer(
                    matter.part.form_fields, {field: each.required for field, each in matter.part.result.items()}
                )
                for name, matter in matters.items()
                if matter.part.notice and matter.part.notice.template == path
            }
            if text is not None:
                check_template(path, text, form, printers, faults)
    return templates


def _scenario(manifest: ManifestPart, files: Mapping[str, MatterFile], templates: Mapping[str, str]) -> Scenario:
    matters = {name: _compiled_matter(file.part, templates) for name, file in files.items()}
    return Scenario(
        scenario_id=manifest.id,
        name=_name(manifest.name),
        summary=_name(manifest.summary) if manifest.summary else None,
        licence=manifest.licence,
        origin_region=manifest.origin.region,
        origin_organ=manifest.origin.organ,
        lead_role=manifest.lead.role,
        lead_name=_name(manifest.lead.name),
        catalog_code=manifest.catalog_code,
        region_field=manifest.region_field,
        form_schema=json.dumps(manifest.form, ensure_ascii=False, separators=(",", ":"), allow_nan=False),
        materials=tuple(
            MaterialKind(
                kind=material.kind,
                name=_name(material.name),
                required=material.required,
                media_types=tuple(material.media_types),
                max_size=checks.size_in_bytes(material.max_size),
            )
            for material in manifest.materials
        ),
        steps=tuple(
            Step(
                step_id=step.id,
                matter=matters[step.matter],
                after=tuple(step.after),
                when=step.when,
                level=step.level or 0,
                undoable=step.undo == "task",
                pivot=step.pivot,
                optional=step.optional,
                without_application=step.application == "none",
                quorum=step.needs or 0,
                choice=step.choice or "",
                pre_check=step.pre_check,
                inputs=tuple(StepInput(name, expression) for name, expression in step.inputs.items()),
                limits=of_step(limits_of(step.limits), matters[step.matter].type_code),
            )
            for step in manifest.steps
        ),
        matters=tuple(matters[name] for name in sorted(matters)),
        visits=tuple(Visit(visit.id, _name(visit.name), tuple(visit.steps)) for visit in manifest.visits),
        undo_order=tuple(manifest.undo_order),
        limits=of_bundle(limits_of(manifest.limits), {matter.type_code for matter in matters.values()}),
        clock_rules=rules_of(manifest.clock_rules),
        corrections=corrections_of(manifest.corrections),
    )


def _compiled_matter(part: MatterPart, templates: Mapping[str, str]) -> Matter:
    return Matter(
        catalog_code=part.catalog_code,
        name=_name(part.name),
        type_code=part.type,
        form_fields=tuple(part.form_fields),
        materials=tuple(part.materials),
        notice=Notice(part.notice.title, templates[part.notice.template]) if part.notice else None,
        inputs=tuple(InputField(name, kind) for name, kind in part.inputs.items()),
        result_fields=tuple(
            ResultField(name, field.type, field.required, field.shared) for name, field in part.result.items()
        ),
    )


def _name(part: NamePart) -> Name:
    return Name(zh=part.zh, en=part.en)
