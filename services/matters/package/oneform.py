"""The one form of a bundle (一张表单): read from a package's files, checked, and written as JSON Schema."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from services.matters.domain.graph import find_cycle
from services.matters.package.checks import MatterFile
from services.matters.package.elements import Elements
from services.matters.package.faults import Faults, Path, did_you_mean
from services.matters.package.fields import Asked, gather_fields, seen_by
from services.matters.package.forms import FormField, bound_fault
from services.matters.package.formschema import Tree, asked_anew, make_schema
from services.matters.package.models import ManifestPart
from services.matters.package.situations import ALWAYS, Situation, Situations, simplest
from services.matters.package.source import Source


class Seen(Mapping[str, FormField]):
    """By matter: the form as it is whenever a step with it is handled. Each is made when it is first looked at."""

    def __init__(self, root: Asked, matters: Mapping[str, MatterFile]) -> None:
        self._root = root
        self._matters = matters
        self._made: dict[str, FormField] = {}

    def __getitem__(self, name: str) -> FormField:
        if name not in self._made:
            self._made[name] = seen_by(self._root, self._matters[name])
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._matters)

    def __len__(self) -> int:
        return len(self._matters)


@dataclass(frozen=True, slots=True)
class OneForm:
    """The form as the package's files make it."""

    root: Asked
    shape: FormField
    seen: Seen
    situations: Situations

    def schema(self, manifest: ManifestPart, source: Source, faults: Faults) -> Tree:
        """The form as JSON Schema, for a package without other faults."""
        schema = make_schema(self.root, manifest.name, manifest.sections, self.situations)
        if message := bound_fault(schema):
            faults.add(source.fault(("steps",), message, at_key=True))
        return schema


def read_form(
    manifest: ManifestPart, source: Source, matters: Mapping[str, MatterFile], elements: Elements, faults: Faults
) -> OneForm | None:
    """The form that questions and matters make; None when that cannot be told, which is a fault."""
    situations = Situations()
    root = gather_fields(manifest, source, matters, elements, situations, faults)
    if root is None:
        return None
    _check_sections(manifest, source, root, faults)
    seen = Seen(root, {step.matter: matters[step.matter] for step in manifest.steps})
    return OneForm(root, root.shape(), seen, situations)


def check_situations(
    form: OneForm, manifest: ManifestPart, source: Source, matters: Mapping[str, MatterFile], faults: Faults
) -> None:
    """Check that the form can say when it asks for what depends on answers, and that somebody can begin to answer."""
    used = {condition for situation in _situations(form.root) for condition in situation}
    for file, path, condition in _conditions(manifest, source, matters):
        if condition in used and not form.situations.can_say(condition):
            message = (
                "the form asks for something only when this holds, so JSON Schema has to say it: compare fields with "
                "constants (==, !=, <, >, in, has), joined by &&, || and !, or ask a question"
            )
            faults.add(file.fault(path, message))
    if cycle := find_cycle(_dependencies(form)):
        place = _node(form.root, cycle[0]).place
        if place:
            message = f"is asked for only once it has been answered: {' -> '.join(cycle)}; ask a question instead"
            faults.add(place.source.fault(place.path, message, at_key=True))


def _situations(root: Asked) -> Iterator[Situation]:
    for _, asked in root.walk():
        for given in (simplest(asked.asked), simplest(asked.required)):
            if ALWAYS not in given:
                yield from given


def _conditions(
    manifest: ManifestPart, source: Source, matters: Mapping[str, MatterFile]
) -> Iterator[tuple[Source, Path, str]]:
    for index, question in enumerate(manifest.questions):
        if question.when:
            yield source, ("questions", index, "when"), question.when
    for index, step in enumerate(manifest.steps):
        if step.when:
            yield source, ("steps", index, "when"), step.when
    for matter in matters.values():
        for path, need in matter.part.fields.items():
            if need.when:
                yield matter.source, ("fields", path, "when"), need.when


def _dependencies(form: OneForm) -> dict[str, list[str]]:
    """Which fields have to be answered before others are asked for."""
    dependencies: dict[str, list[str]] = {}
    groups = {(): form.root} | dict(form.root.walk())
    for path, asked in form.root.walk():
        needed: set[tuple[str, ...]] = {path[:-1]} if len(path) > 1 else set()
        if asked_anew(groups[path[:-1]], asked):
            conditions = {condition for each in simplest(asked.asked) for condition in each}
            needed |= {read for condition in conditions for read in form.situations.reads(condition)}
        dependencies[".".join(path)] = sorted(".".join(each) for each in needed if each in groups)
    return dependencies


def _node(root: Asked, path: str) -> Asked:
    here = root
    for name in path.split("."):
        here = here.children[name]
    return here


def _check_sections(manifest: ManifestPart, source: Source, root: Asked, faults: Faults) -> None:
    """Every group of fields has a title, and every title a group."""
    groups = {".".join(path): asked for path, asked in root.walk() if asked.is_group}
    lost = [path for path in manifest.sections if path not in groups]
    for path in lost:
        message = f'there are no fields below "{path}"{did_you_mean(path, groups)}'
        faults.add(source.fault(("sections", path), message, at_key=True))
    for path, asked in groups.items():
        # A title at a misspelt path is one slip, and has been reported.
        misspelt = difflib.get_close_matches(path, lost, n=1)
        if path not in manifest.sections and asked.element is None and asked.place and not misspelt:
            message = f'"{path}" has no title: add it to `sections` of {source.file}'
            faults.add(asked.place.source.fault(asked.place.path, message, at_key=True))
