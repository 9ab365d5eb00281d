"""Runs the tests of a package: given, when, then."""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from chassis.problems import Invalid, Problem
from cli.rehearsal.acting import Acting, CannotHappenError, a_material, as_sent, digest_of, moment_of
from cli.rehearsal.expecting import Miss, misses
from cli.rehearsal.mail import APPLICANT
from cli.rehearsal.offices import Offices, answer_to
from cli.rehearsal.stage import EndlessError, Stage
from cli.rehearsal.story import Line
from services.cases.applications import Application, check_application
from services.cases.domain.inputs import Submitted
from services.cases.domain.numbers import case_number, series_of
from services.cases.domain.refusal import Refusal
from services.cases.published import Published
from services.matters.package.expectations import ThenPart
from services.matters.package.faults import Path
from services.matters.package.trialchecks import Trial, form_of
from services.matters.package.trials import GivenPart, HappeningPart, verbs

CASE_ID = "00000000-0000-7000-8000-000000000000"
_SAID = (Refusal, Problem)
"""What the platform says to what it does not take."""


@dataclass(frozen=True, slots=True)
class Missed:
    """What is not as a test says, and where the test says so."""

    file: str
    line: int
    column: int
    path: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one test."""

    file: str
    line: int
    name: str
    milliseconds: float
    missed: list[Missed]
    story: Sequence[Line] = ()
    ways: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By step, how it ended: completed, refused, skipped, undone."""

    @property
    def passed(self) -> bool:
        """Whether everything was as the test says."""
        return not self.missed


def run_trial(published: Published, trial: Trial, files: Mapping[str, bytes], added: Collection[str] = ()) -> Outcome:
    """Run one test; `files` are those of its package, and `added` the steps of a region, of which it knows nothing."""
    started = time.perf_counter()
    run = _Run(published, trial, files, frozenset(added))
    missed = [_missed(trial, each) for each in run.misses()]
    milliseconds = (time.perf_counter() - started) * 1000
    stage = run.stage
    lines = stage.story.lines if stage else []
    return Outcome(trial.source.file, trial.line, trial.part.name, milliseconds, missed, lines, _ways(stage))


def _missed(trial: Trial, miss: Miss) -> Missed:
    fault = trial.source.fault((*trial.path, *miss.path), "", at_key=_at_key(trial, miss.path))
    path = fault.path.removeprefix(trial.source.fault(trial.path, "").path).removeprefix(".")
    return Missed(fault.file, fault.line, fault.column, path, miss.expected, miss.found)


def _at_key(trial: Trial, path: Path) -> bool:
    """Whether the place is shown at its key: where the value is a block below it."""
    return (*trial.path, *path) in trial.source.keys


def _ways(stage: Stage | None) -> dict[str, frozenset[str]]:
    if stage is None or not stage.submitted:
        return {}
    found: dict[str, frozenset[str]] = {}
    for step_id, step in stage.case.steps.items():
        ways = {str(step.status)} & {"skipped", "undone"}
        ways |= {"completed"} if step.completion_no else set()
        ways |= {"refused"} if step_id in stage.refused else set()
        found[step_id] = frozenset(ways)
    return found


class _Run:
    """One test on its way."""

    def __init__(self, published: Published, trial: Trial, files: Mapping[str, bytes], added: frozenset[str]) -> None:
        self._published = published
        self._added = added
        self._part = trial.part
        self._files = files
        self._here: Path = ()
        """What of the test is done now."""
        self.stage: Stage | None = None

    def misses(self) -> Iterator[Miss]:
        """What is not as the test says; after something that cannot happen, nothing more is looked at."""
        try:
            yield from self._play()
        except _SAID as said:
            reason, message = said.reason, said.message
            yield Miss(self._here, "it is taken", f"it is not: {reason}, {_said(said, message)}")
        except (CannotHappenError, EndlessError) as error:
            yield Miss(self._here, "it happens", str(error))
        except OverflowError:
            yield Miss(self._here, "it happens", "it leads to a time after the last date that there is")

    def _play(self) -> Iterator[Miss]:
        given, then = self._part.given, self._part.then
        self._here = ("given",)
        without_office = frozenset(step_id for step_id, does in given.offices.items() if does == "none")
        stage = self.stage = Stage(self._published, moment_of(given.at), without_office, self._added)
        if then.turned_away:
            yield from self._turned_away(stage, given, then)
            return
        _submit(stage, given, self._files)
        offices = Offices(stage, given)
        acting = Acting(stage, offices)
        held = frozenset(_spoken_of(self._part.when))
        for index, said in enumerate(self._part.when):
            self._here = ("when", index)
            offices.work(held)
            yield from self._happen(acting, said, held)
        self._here = ("then",)
        offices.work(frozenset())
        yield from self._below(misses(stage, then))

    def _happen(self, acting: Acting, said: HappeningPart, held: frozenset[str]) -> Iterator[Miss]:
        (verb,) = verbs(said)
        if said.then is not None:
            self._here = (*self._here, "then")
            yield from self._below(misses(acting.stage, said.then))
            return
        if said.turned_down is None:
            acting.perform(verb, said, held)
            return
        try:
            acting.perform(verb, said, held)
        except _SAID as turned_down:
            if turned_down.reason != said.turned_down:
                found = f"{turned_down.reason}: {_said(turned_down, turned_down.message)}"
                yield Miss((*self._here, "turned_down"), said.turned_down, found)
        else:
            yield Miss((*self._here, "turned_down"), said.turned_down, "it was taken")

    def _turned_away(self, stage: Stage, given: GivenPart, then: ThenPart) -> Iterator[Miss]:
        self._here = ("then",)
        try:
            _submit(stage, given, self._files)
        except Invalid as invalid:
            told = [f"{each.field}: {each.description}" for each in invalid.violations]
            for place, piece in enumerate(then.turned_away):
                if not any(piece in each for each in told):
                    yield Miss(("then", "turned_away", place), f'"{piece}" is wrong', "; ".join(told))
            return
        yield Miss(("then", "turned_away"), "the application is turned away", "it was taken")

    def _below(self, found: Iterator[Miss]) -> Iterator[Miss]:
        here = self._here
        for miss in found:
            yield Miss((*here, *miss.path), miss.expected, miss.found)


def _spoken_of(when: Sequence[HappeningPart]) -> Iterator[str]:
    """Whom a test speaks of: that does nothing else until all of it has happened. A rating is about what is over."""
    for said in when:
        if said.answer is not None:
            yield answer_to(said.step or "")
        elif said.step is not None and said.rate is None:
            yield said.step


def _submit(stage: Stage, given: GivenPart, files: Mapping[str, bytes]) -> None:
    """Hand the application in, checked as the service does. Raises Invalid APPLICATION_INVALID."""
    form = as_sent(form_of(given, files), "form")
    needs = stage.published.materials
    kinds = [kind for kind, need in needs.items() if kind not in given.without and need.may_come(form)]
    materials = [a_material(stage, kind, kind) for kind in kinds]
    application: Application = check_application(stage.published, form, materials, {}, stage.now)
    stage.form, stage.materials = application.form, application.materials.refs
    plan = stage.plan
    stage.take(
        Submitted(
            case_id=CASE_ID,
            case_number=case_number(series_of(plan, stage.now), 1),
            bundle_id=plan.bundle_id,
            bundle_version=plan.version,
            applicant_id=APPLICANT,
            region_code=application.region_code,
            skipped=tuple(application.skipped),
            form_digest=digest_of(application.form),
            material_digests=tuple(application.materials.contents),
            skip_reasons=tuple(application.skipped.values()),
            step_regions=application.step_regions,
            step_organs=application.step_organs,
        )
    )


def _said(error: Refusal | Problem, message: str) -> str:
    """The message, with what is wrong with each field."""
    if isinstance(error, Invalid) and error.violations:
        return "; ".join(f"{each.field}: {each.description}" for each in error.violations)
    if isinstance(error, Refusal) and error.fields:
        return "; ".join(f"{name} {remedy}" for name, remedy in error.fields)
    return message
