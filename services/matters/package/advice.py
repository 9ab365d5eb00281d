"""Advice about a package that has no fault: what its authors would want to know before others use it."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence

from services.matters.domain.bundle import Scenario
from services.matters.package.compiler import Examined
from services.matters.package.elements import platform_elements
from services.matters.package.expectations import ThenPart
from services.matters.package.faults import Fault, Faults, Path
from services.matters.package.files import MANIFEST, is_template
from services.matters.package.formparts import ElementPart
from services.matters.package.models import ManifestPart
from services.matters.package.satisfying import Satisfying
from services.matters.package.source import Source
from services.matters.package.trialchecks import Trial
from services.matters.package.trials import OF_OFFICES, verbs

_TAG = re.compile(r"\{%.*?%\}")


def advise(files: Mapping[str, bytes], examined: Examined, trials: Sequence[Trial]) -> list[Fault]:
    """What is not wrong, and could be better, by file and line; nothing about a package with faults."""
    scenario, manifest, source = examined.scenario, examined.manifest, examined.source
    if scenario is None or manifest is None or source is None:
        return []
    advice = Faults()
    for path, message in (
        *_about_elements(examined, manifest),
        *_about_limits(scenario),
        *_about_conditions(scenario, manifest),
        *_about_results(scenario, manifest),
        *_about_tests(manifest, trials),
    ):
        advice.add(source.fault(path, message))
    for file, path, message in _about_fields(examined, manifest):
        advice.add(file.fault(path, message, at_key=True))
    for template, line, message in _about_templates(files):
        advice.add(Fault(template, line, 1, "", message))
    for message in _about_files(files, manifest, trials):
        advice.add(Fault(MANIFEST, 0, 0, "", message))
    return advice.all()


def _about_elements(examined: Examined, manifest: ManifestPart) -> Iterator[tuple[Path, str]]:
    """The scenario's own data elements that no field is."""
    used = {need.element for matter in examined.matters.values() for need in matter.part.fields.values()}
    waiting = list(used)
    while waiting:
        part = manifest.elements.get(waiting.pop())
        inner = {*([part.like] if part and part.like else []), *_members(part)} - used
        used |= inner
        waiting.extend(inner)
    for name in manifest.elements:
        if name not in used:
            yield ("elements", name), f'no field is "{name}": have a matter ask for it, or take it away'


def _about_fields(examined: Examined, manifest: ManifestPart) -> Iterator[tuple[Source, Path, str]]:
    """What may be asked twice: fields of one group that are the same element and have nearly the same name."""
    seen: dict[tuple[str, str], set[str]] = {}
    for matter in examined.matters.values():
        for path, need in matter.part.fields.items():
            group, _, name = path.rpartition(".")
            others = seen.setdefault((group, need.element), set())
            if name in others or _is_group(need.element, manifest):
                continue
            if near := difflib.get_close_matches(name, others, n=1, cutoff=0.75):
                message = f'"{name}" and "{near[0]}" are both "{need.element}": is it asked twice, and one misspelt?'
                yield matter.source, ("fields", path), message
            others.add(name)


def _is_group(element_id: str, manifest: ManifestPart) -> bool:
    """Whether fields of the element hold others: a person, of whom there may be several."""
    own, platform = manifest.elements.get(element_id), platform_elements().find(element_id)
    return bool(own.members if own else platform and platform.members)


def _members(part: ElementPart | None) -> Iterator[str]:
    yield from (member.element for member in ((part and part.members) or {}).values())


def _expressions(scenario: Scenario) -> Iterator[str]:
    return (each.expression for step in scenario.steps for each in step.inputs)


def _about_limits(scenario: Scenario) -> Iterator[tuple[Path, str]]:
    whole = scenario.limits
    if not (whole.promised or whole.statutory):
        yield ("limits",), "the bundle has no limit: say `limits: {promised: ...}`, or nobody is told when it is late"
    for index, step in enumerate(scenario.steps):
        if not (step.limits.promised or step.limits.statutory):
            message = f'"{step.step_id}" has no limit: say `limits: {{promised: ...}}`, or nobody is told it is late'
            yield ("steps", index), message
        elif whole.promised and not step.limits.promised:
            message = f'"{step.step_id}" promises nothing, though the whole does: say `promised` in its limits'
            yield ("steps", index), message


def _about_conditions(scenario: Scenario, manifest: ManifestPart) -> Iterator[tuple[Path, str]]:
    satisfying = Satisfying.of(scenario)
    for index, step in enumerate(manifest.steps):
        if step.when and not step.choice and satisfying.always(step.when):
            yield ("steps", index, "when"), f'always holds, so "{step.id}" is always done: take `when` away'


def _about_results(scenario: Scenario, manifest: ManifestPart) -> Iterator[tuple[Path, str]]:
    """What a matter shares and nobody reads."""
    read = " ".join([*(step.when for step in scenario.steps), *_expressions(scenario)])
    for index, step in enumerate(scenario.steps):
        for field in step.matter.result_fields:
            if field.shared and f'"{step.step_id}"].result.{field.name}' not in read:
                where = f"matters/{manifest.steps[index].matter}.yaml"
                message = f'{where} shares "{field.name}", and no step reads it of "{step.step_id}": use it, or do not'
                yield ("steps", index), message


def _about_tests(manifest: ManifestPart, trials: Sequence[Trial]) -> Iterator[tuple[Path, str]]:
    """Which refusals and which ways of conditions no test shows."""
    if not trials:
        return
    refused = {said.step for trial in trials for said in trial.part.when if said.refuse is not None}
    skipped = {step_id for trial in trials for then in _expected(trial) for step_id in _skipped(then)}
    done = {step_id for trial in trials for step_id in _done(trial)}
    for index, step in enumerate(manifest.steps):
        if step.id not in refused:
            yield ("steps", index), f'no test has "{step.id}" refused: show what becomes of the case then'
        if step.when and step.id not in skipped:
            yield ("steps", index, "when"), f'no test has "{step.id}" skipped: show an application without it'
        if step.when and step.id not in done:
            yield ("steps", index, "when"), f'no test has "{step.id}" done: show an application that needs it'


def _expected(trial: Trial) -> Iterator[ThenPart]:
    yield trial.part.then
    yield from (said.then for said in trial.part.when if said.then is not None)


def _skipped(then: ThenPart) -> Iterator[str]:
    yield from then.skipped
    yield from (step_id for step_id, status in then.steps.items() if status == "skipped")


def _done(trial: Trial) -> Iterator[str]:
    """The steps that a test shows at work."""
    for said in trial.part.when:
        if said.step is not None and set(verbs(said)) & set(OF_OFFICES):
            yield said.step
    for then in _expected(trial):
        yield from (step_id for step_id, status in then.steps.items() if status not in {"skipped", "waiting"})
        yield from (step_id for step_id, notice in then.notices.items() if notice.status not in {None, "none"})
        yield from (*then.order, *(then.undone or ()), *then.organs, *then.inputs, *then.sees, *then.hidden)


def _about_templates(files: Mapping[str, bytes]) -> Iterator[tuple[str, int, str]]:
    """Lines that end with a tag after text: the paragraph goes on with the next line, which is seldom meant."""
    for path in sorted(files):
        lines = files[path].decode().splitlines() if is_template(path) else []
        for number, line in enumerate(lines[:-1], start=1):
            if line.rstrip().endswith("%}") and _TAG.sub("", line).strip():
                yield (
                    path,
                    number,
                    "ends with a tag, so the paragraph goes on with the next line: put its full stop after",
                )


def _about_files(files: Mapping[str, bytes], manifest: ManifestPart, trials: Sequence[Trial]) -> Iterator[str]:
    if not trials:
        yield "the package has no tests: add tests/<name>.test.yaml, so that whoever installs it can see that it works"
    if not any(path.startswith("examples/") for path in files):
        yield "the package has no example of a form: add examples/<name>.json"
    if not any(path.startswith("README") for path in files):
        yield "the package has no README.md: say what it is for, and what has to be checked before it is used"
    if manifest.summary is None:
        yield "the package has no `summary`: say in a sentence what it does"
