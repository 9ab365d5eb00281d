"""The expressions of a package's steps: conditions, and what each step is given of earlier results."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from services.matters.domain.graph import ancestors, find_cycle
from services.matters.package.checks import MatterFile
from services.matters.package.conditions import Conditions
from services.matters.package.earlier import Reader, Shares
from services.matters.package.faults import Faults, Path, did_you_mean
from services.matters.package.models import ManifestPart, StepPart
from services.matters.package.oneform import OneForm
from services.matters.package.order import tolerant
from services.matters.package.source import Source


def check_expressions(
    manifest: ManifestPart, source: Source, matters: Mapping[str, MatterFile], form: OneForm, faults: Faults
) -> None:
    """Check conditions and inputs against the form, and against what the matters of earlier steps share."""
    conditions = Conditions(form.shape, {step.id: _shares(step, matters[step.matter]) for step in manifest.steps})
    _check_conditions_of_asking(conditions, manifest, source, matters, form, faults)
    ended, before = _ended(manifest), _before(manifest)
    certain = {step.id for step in manifest.steps if _certain(step)}
    for index, step in enumerate(manifest.steps):
        matter = matters[step.matter]
        reader = Reader(step.id, ended[step.id], ended[step.id] & certain)
        # Which step of a choice is done is decided when the case is submitted.
        for message in conditions.faults(step.when, None if step.choice else reader) if step.when else ():
            faults.add(source.fault(("steps", index, "when"), message))
        _check_names(index, step, matter, source, faults)
        if step.inputs:
            # What some of a quorum have found out may be passed on, though nobody knows beforehand whose it is.
            reader = replace(reader, before=before[step.id], form=form.seen[step.matter])
        for name, expression in step.inputs.items():
            wanted = matter.part.inputs.get(name)
            if wanted is not None:
                for message in conditions.input_faults(expression, wanted, matter.part.form_fields, reader):
                    faults.add(source.fault(("steps", index, "inputs", name), message))


def _check_conditions_of_asking(
    conditions: Conditions,
    manifest: ManifestPart,
    source: Source,
    matters: Mapping[str, MatterFile],
    form: OneForm,
    faults: Faults,
) -> None:
    """Check when questions, fields and materials are asked for; all of it is decided by the form."""
    for index, question in enumerate(manifest.questions):
        for message in conditions.faults(question.when) if question.when else ():
            faults.add(source.fault(("questions", index, "when"), message))
    for name in dict.fromkeys(step.matter for step in manifest.steps):
        matter = matters[name]
        places: dict[Path, str | None] = {("fields", path): need.when for path, need in matter.part.fields.items()}
        places |= {("materials", index): need.when for index, need in enumerate(matter.part.materials)}
        for path, when in places.items():
            reader = Reader("", (), (), form.seen[name]) if when else None
            for message in conditions.faults(when, reader, on_form=True) if when else ():
                faults.add(matter.source.fault((*path, "when"), message))


def _check_names(index: int, step: StepPart, matter: MatterFile, source: Source, faults: Faults) -> None:
    """Refuse inputs that the matter does not take, and have all that it takes."""
    taken = matter.part.inputs
    lost = [name for name in step.inputs if name not in taken]
    for name in lost:
        remedy = did_you_mean(name, taken) or ": add it to `inputs` there, with its type"
        message = f'matters/{matter.name}.yaml takes no input "{name}"{remedy}'
        faults.add(source.fault(("steps", index, "inputs", name), message, at_key=True))
    missing = [name for name in taken if name not in step.inputs]
    for name in missing if not lost else ():
        message = f'matters/{matter.name}.yaml takes "{name}": say in `inputs` which result it comes from'
        faults.add(source.fault(("steps", index, "inputs"), message))


def _ended(manifest: ManifestPart) -> Mapping[str, frozenset[str]]:
    """The steps that have ended before each step starts: not those of which a quorum is enough."""
    after = _after(manifest)
    quorums = {step.id: step.needs or 0 for step in manifest.steps}
    return dict.fromkeys(after, frozenset[str]()) if find_cycle(after) else ancestors(after, quorums)


def _before(manifest: ManifestPart) -> Mapping[str, frozenset[str]]:
    """All steps that come before each step, ended or not."""
    after = _after(manifest)
    return dict.fromkeys(after, frozenset[str]()) if find_cycle(after) else ancestors(after)


def _after(manifest: ManifestPart) -> Mapping[str, Sequence[str]]:
    """The order of the steps, without what is faulty in it: that has been reported."""
    ids = {step.id for step in manifest.steps}
    return {step.id: [name for name in step.after if name in ids] for step in manifest.steps}


def _certain(step: StepPart) -> bool:
    """Whether the step has been completed whenever one after it starts."""
    return not step.when and not tolerant(step)


def _shares(step: StepPart, matter: MatterFile) -> Shares:
    fields = matter.part.result
    return Shares(
        matter=step.matter,
        types={name: field.type for name, field in fields.items()},
        required=frozenset(name for name, field in fields.items() if field.required),
        shared=frozenset(name for name, field in fields.items() if field.shared),
    )
