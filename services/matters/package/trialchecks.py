"""Reads the tests of a package, and checks what they say about its steps, fields, materials and examples."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from services.matters.domain.bundle import Scenario
from services.matters.package.compiler import Examined
from services.matters.package.expectations import LicenceThenPart, ThenPart
from services.matters.package.faults import Fault, Faults, Path, did_you_mean
from services.matters.package.files import holds_tests, is_example, text_of
from services.matters.package.models import ManifestPart
from services.matters.package.overlay import shown
from services.matters.package.parameters import text_of_value, value_fault
from services.matters.package.reading import read_part
from services.matters.package.source import Source, read_yaml
from services.matters.package.trials import (
    HAPPENINGS,
    OF_STEPS,
    CorrectPart,
    GivenPart,
    HappeningPart,
    TrialPart,
    TrialsPart,
    verbs,
)

_NO_STEP_NEEDED = frozenset({"answer", "extend", "rate"})
# What is expected of steps, by their ids.
_BY_STEP = (
    *("steps", "skipped", "notices", "licences", "regions", "organs", "inputs", "sees", "hidden"),
    *("urged", "follow_ups", "incidents"),
)
_Names: TypeAlias = Mapping[str, Any] | Sequence[str]


@dataclass(frozen=True, slots=True)
class Trial:
    """One test, with its place in its file."""

    part: TrialPart
    source: Source
    path: Path
    local: bool = False
    """Whether it is a region's own, which knows the steps that the region adds."""

    @property
    def line(self) -> int:
        """The line of its file on which it starts."""
        return self.source.fault(self.path, "").line


def read_trials(
    files: Mapping[str, bytes], examined: Examined, overlay: Mapping[str, bytes] | None = None
) -> tuple[list[Trial], list[Fault]]:
    """The tests of a package, then those of an overlay, by file and line, and all that is wrong with their files.

    What they say about the package is checked as far as that can be read.
    """
    faults = Faults()
    own, readable = overlay or {}, with_examples(files, overlay)
    trials: list[Trial] = []
    for path in filter(holds_tests, sorted(files)):
        trials.extend(_of_file(path, files[path], faults))
    for path in filter(holds_tests, sorted(own)):
        trials.extend(replace(trial, local=True) for trial in _of_file(shown(path), own[path], faults))
    names: dict[str, Trial] = {}
    for trial in trials:
        earlier = names.setdefault(trial.part.name, trial)
        if earlier is not trial:
            place = f"{earlier.source.file}:{earlier.line}"
            faults.add(trial.source.fault((*trial.path, "name"), f"{place} has this name already: choose another"))
        if examined.manifest:
            for at, message in _Checker(examined.manifest, examined, readable).faults(trial.part):
                faults.add(trial.source.fault((*trial.path, *at), message))
    return trials, faults.all()


def with_examples(files: Mapping[str, bytes], overlay: Mapping[str, bytes] | None) -> dict[str, bytes]:
    """The files of a package with the examples of an overlay beside them, of which none has the name of another."""
    return {**files, **{path: content for path, content in (overlay or {}).items() if is_example(path)}}


def is_about(given: GivenPart, scenario: Scenario) -> bool:
    """Whether a test that has no faults is about the values that the scenario's parameters have here."""
    here = {each.parameter_id: each.value for each in scenario.parameters}
    return all(here[name] == text_of_value(value) for name, value in given.parameters.items())


def form_of(given: GivenPart, files: Mapping[str, bytes]) -> dict[str, Any]:
    """The form of a test that has no faults."""
    form: dict[str, Any] = json.loads(files[given.example]) if given.example else dict(given.form or {})
    return changed(form, given.changes)


def changed(form: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A form with other values at some paths; None takes one away. Objects on the way are made where there is none."""
    made = dict(form)
    for path, value in changes.items():
        name, _, rest = path.partition(".")
        if rest:
            below = made.get(name)
            made[name] = changed(below if isinstance(below, Mapping) else {}, {rest: value})
        elif value is None:
            made.pop(name, None)
        else:
            made[name] = value
    return made


def _of_file(path: str, content: bytes, faults: Faults) -> Iterator[Trial]:
    text = text_of(path, content, faults)
    source = None if text is None else read_yaml(path, text, faults)
    part = read_part(TrialsPart, source, faults) if source else None
    if part and source:
        for index, each in enumerate(part.tests):
            yield Trial(each, source, ("tests", index))


class _Checker:
    """What one package lets tests say."""

    def __init__(self, manifest: ManifestPart, examined: Examined, files: Mapping[str, bytes]) -> None:
        self._steps = {step.id: step for step in manifest.steps}
        self._kinds = {material.kind for material in manifest.materials}
        self._parameters = {each.id: each for each in manifest.parameters}
        self._form = examined.form
        self._matters = examined.matters
        self._files = files

    def faults(self, part: TrialPart) -> Iterator[tuple[Path, str]]:
        """Yield (path in the test, what is wrong)."""
        yield from _below("given", self._given(part.given))
        for index, happening in enumerate(part.when):
            yield from _below(("when", index), self._happening(happening))
        yield from _below("then", self._then(part.then))
        if part.then.turned_away and part.when:
            yield ("when",), "the application is turned away, so nothing happens after it: take `when` away"

    def _given(self, given: GivenPart) -> Iterator[tuple[Path, str]]:
        if (given.example is None) == (given.form is None):
            yield (), "say which form is handed in: either `example: examples/<name>.json`, or `form`"
        if given.example is not None and (fault := self._example_fault(given.example)):
            yield ("example",), fault
        yield from self._paths(given.changes, "changes")
        yield from _below("changes", _overlapping(given.changes))
        yield from self._kinds_in(given.without, "without")
        yield from _below("parameters", self._values(given.parameters))
        yield from self._ids(given.offices, "offices")
        yield from self._ids(given.results, "results")
        for step_id, result in given.results.items():
            yield from _below(("results", step_id), self._fields(step_id, result))

    def _values(self, parameters: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
        for name, value in parameters.items():
            if name not in self._parameters:
                yield (name,), f'there is no parameter "{name}"{did_you_mean(name, self._parameters)}'
            elif message := value_fault(self._parameters[name], value):
                yield (name,), message

    def _happening(self, said: HappeningPart) -> Iterator[tuple[Path, str]]:
        yield from _shape_faults(said, next(iter(self._steps)))
        if said.step is not None:
            yield from self._ids([said.step], "step", listed=False)
        if said.correct is not None:
            yield from _below("correct", self._correct(said.correct))
        if said.supply is not None:
            yield from _below("supply", self._paths(said.supply.form, "form"))
            yield from _below(("supply", "form"), _overlapping(said.supply.form))
            yield from _below("supply", self._kinds_in(said.supply.materials, "materials"))
        if said.then is not None:
            yield from _below("then", self._then(said.then))
            if said.then.turned_away:
                yield ("then", "turned_away"), "an application is turned away at once: say so in `then` of the test"

    def _correct(self, asked: CorrectPart) -> Iterator[tuple[Path, str]]:
        if not asked.fields and not asked.materials:
            yield (), "asks for nothing: name `fields` or `materials`, each with what is wrong with it"
        yield from self._paths(asked.fields, "fields")
        yield from self._kinds_in(asked.materials, "materials")

    def _then(self, expected: ThenPart) -> Iterator[tuple[Path, str]]:
        for key in _BY_STEP:
            yield from self._ids(getattr(expected, key), key)
        for key in ("order", "undone"):
            yield from self._ids(getattr(expected, key) or [], key)
        for key in ("sees", "hidden"):
            for step_id, paths in getattr(expected, key).items():
                yield from _below((key, step_id), self._paths(paths))
        yield from self._licences(expected.licences)
        for key in ("lights", "due"):
            for name in getattr(expected, key):
                step_id = name.rpartition(".")[0]
                if step_id and step_id not in self._steps:
                    yield (key, name), f'there is no step "{step_id}"{did_you_mean(step_id, self._steps)}'
        others = expected.model_fields_set - {"turned_away"}
        if expected.turned_away and others:
            yield (min(others),), "there is no case when an application is turned away: take one of them away"
        if not expected.model_fields_set:
            yield (), "expects nothing: say at least where the case stands, as in `case: completed`"

    def _ids(self, ids: _Names, key: str, *, listed: bool = True) -> Iterator[tuple[Path, str]]:
        for place, step_id in enumerate(ids):
            if step_id not in self._steps:
                at: Path = (key, step_id) if isinstance(ids, Mapping) else (key, place) if listed else (key,)
                yield at, f'there is no step "{step_id}"{did_you_mean(step_id, self._steps)}'

    def _kinds_in(self, kinds: _Names, key: str) -> Iterator[tuple[Path, str]]:
        for place, kind in enumerate(kinds):
            if kind not in self._kinds:
                at = kind if isinstance(kinds, Mapping) else place
                yield (key, at), f'there is no material "{kind}"{did_you_mean(kind, self._kinds)}'

    def _paths(self, paths: _Names, key: str = "") -> Iterator[tuple[Path, str]]:
        for place, path in enumerate(paths):
            if self._form is not None and self._form.find(path) is None:
                at = path if isinstance(paths, Mapping) else place
                yield ((key, at) if key else (at,)), self._form.unknown(path)

    def _fields(self, step_id: str, result: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
        step = self._steps.get(step_id)
        matter = self._matters.get(step.matter) if step else None
        declared = matter.part.result if matter else {}
        for name in result:
            if declared and name not in declared:
                yield (name,), f'its matter has no "{name}" in its result{did_you_mean(name, declared)}'

    def _licences(self, licences: Mapping[str, LicenceThenPart]) -> Iterator[tuple[Path, str]]:
        for step_id, wanted in licences.items():
            yield from _below(("licences", step_id), self._licence(step_id, wanted))

    def _licence(self, step_id: str, wanted: LicenceThenPart) -> Iterator[tuple[Path, str]]:
        step = self._steps.get(step_id)
        matter = self._matters.get(step.matter) if step else None
        if step is None or matter is None:
            return
        granted = matter.part.licence
        if granted is None:
            if wanted.status != "none":
                yield (), f"its matter makes no licence: say `licence` in matters/{step.matter}.yaml"
            return
        said: list[tuple[Path, str]] = [(("says", name), name) for name in wanted.says]
        said += [(("lacks", place), name) for place, name in enumerate(wanted.lacks)]
        for at, name in said:
            if name not in granted.fields:
                yield at, f'its licence has no "{name}"{did_you_mean(name, granted.fields)}'

    def _example_fault(self, example: str) -> str:
        content = self._files.get(example)
        if content is None:
            there = [path for path in self._files if path.startswith("examples/")]
            return f'there is no file "{example}"{did_you_mean(example, there)}'
        try:
            form = json.loads(content)
        except (ValueError, RecursionError) as error:
            place = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
            return f"is not JSON{place}: mend {example}"
        return "" if isinstance(form, dict) else f"holds no form: {example} should be an object in braces"


def _shape_faults(said: HappeningPart, a_step: str) -> Iterator[tuple[Path, str]]:
    """Yield what is wrong with a happening whatever the package is."""
    found = verbs(said)
    first = found[0] if found else ""
    if not found:
        yield (), f"says nothing: add one of {', '.join(HAPPENINGS)}"
    for extra in found[1:]:
        yield (extra,), f"is said together with `{first}`: write one happening a line"
    if first in OF_STEPS and said.step is None:
        yield (), f"`{first}` is about a step: say which, as in `step: {a_step}`"
    if said.step is not None and first and first not in {*OF_STEPS, *_NO_STEP_NEEDED}:
        yield ("step",), f"`{first}` is not about one step: take `step` away"
    if said.times is not None and said.fail is None:
        yield ("times",), "is how often an office fails: it goes with `fail`"
    if said.turned_down is not None and first in {"wait", "until", "then"}:
        yield ("turned_down",), f"`{first}` is not said by anybody, so nobody turns it down"


def _overlapping(paths: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Yield the paths of which a part is given besides."""
    for path in paths:
        parts = [other for other in paths if other.startswith(f"{path}.")]
        if parts:
            yield (path,), f'is given as a whole, and "{parts[0]}" as a part of it: give one of them'


def _below(path: str | Path, faults: Iterator[tuple[Path, str]]) -> Iterator[tuple[Path, str]]:
    """Faults of a part, by their path in the whole."""
    above: Path = (path,) if isinstance(path, str) else path
    for at, message in faults:
        yield (*above, *at), message
