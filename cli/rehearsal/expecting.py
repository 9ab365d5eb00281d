"""What a test expects, compared with what has become of the case."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chassis.clock import BEIJING
from cli.rehearsal.stage import Stage
from duokua.data import from_struct
from services.cases.applications import value_at
from services.cases.domain.proceedings import CaseClock
from services.cases.domain.reckoning import DueState, read
from services.matters.package.expectations import NoticeThenPart, ThenPart
from services.matters.package.faults import Path


@dataclass(frozen=True, slots=True)
class Miss:
    """An expectation that does not hold; the path is that below `then`."""

    path: Path
    expected: str
    found: str


def misses(stage: Stage, expected: ThenPart) -> Iterator[Miss]:
    """What does not hold as the case stands. An incident that the test does not expect is one of it."""
    case = stage.case
    if expected.case is not None and expected.case != case.status:
        yield Miss(("case",), expected.case, str(case.status))
    if expected.cause is not None and expected.cause != case.undo_cause:
        yield Miss(("cause",), expected.cause, str(case.undo_cause) or "nothing undoes it")
    if expected.reason is not None and expected.reason not in case.refusal_reason:
        yield Miss(("reason",), f'"{expected.reason}" in it', f'"{case.refusal_reason}"')
    for compare in _COMPARISONS:
        yield from compare(stage, expected)


def _steps(stage: Stage, expected: ThenPart) -> Iterator[Miss]:
    for step_id, status in expected.steps.items():
        found = stage.case.steps[step_id].status
        if status != found:
            yield Miss(("steps", step_id), status, str(found))
    for step_id, why in expected.skipped.items():
        step = stage.case.steps[step_id]
        if step.status != "skipped":
            yield Miss(("skipped", step_id), "skipped", str(step.status))
        elif why not in step.reason:
            yield Miss(("skipped", step_id), f'"{why}" in the reason', f'"{step.reason}"')


def _orders(stage: Stage, expected: ThenPart) -> Iterator[Miss]:
    numbers = {step_id: step.completion_no for step_id, step in stage.case.steps.items()}
    completed = sorted((step_id for step_id, number in numbers.items() if number), key=numbers.__getitem__)
    if expected.order and [step_id for step_id in completed if step_id in expected.order] != expected.order:
        yield Miss(("order",), _listed(expected.order), _listed(completed))
    if expected.undone is not None and expected.undone != stage.undone:
        yield Miss(("undone",), _listed(expected.undone), _listed(stage.undone))


def _notices(stage: Stage, expected: ThenPart) -> Iterator[Miss]:
    for step_id, wanted in expected.notices.items():
        for miss in _notice(stage, step_id, wanted):
            yield Miss(("notices", step_id, *miss.path), miss.expected, miss.found)


def _notice(stage: Stage, step_id: str, wanted: NoticeThenPart) -> Iterator[Miss]:
    status, sealed = stage.notice_status(step_id), stage.sealed(step_id)
    if wanted.status is not None and wanted.status != status:
        yield Miss(("status",), wanted.status, status)
    if sealed is None:
        if wanted.title or wanted.contains or wanted.lacks:
            yield Miss((), "a notice", f"none: its notice is {status}")
        return
    if wanted.title is not None and wanted.title != sealed.title:
        yield Miss(("title",), wanted.title, sealed.title)
    for place, piece in enumerate(wanted.contains):
        if piece not in sealed.text:
            yield Miss(("contains", place), f'"{piece}" in it', sealed.text)
    for place, piece in enumerate(wanted.lacks):
        if piece in sealed.text:
            yield Miss(("lacks", place), f'no "{piece}" in it', sealed.text)


def _licences(stage: Stage, expected: ThenPart) -> Iterator[Miss]:
    for step_id, wanted in expected.licences.items():
        granted = stage.licence(step_id)
        status = "none" if granted is None else "revoked" if granted.revoked else "issued"
        if wanted.status is not None and wanted.status != status:
            yield Miss(("licences", step_id, "status"), wanted.status, status)
        says = granted.says if granted else {}
        for name, value in wanted.says.items():
            if name not in says or says[name] != value:
                found = _value(says[name]) if name in says else f"nothing: it says {_listed(sorted(says))}"
                yield Miss(("licences", step_id, "says", name), _value(value), found)
        for place, name in enumerate(wanted.lacks):
            if name in says:
                yield Miss(("licences", step_id, "lacks", place), f"no {name}", _value(says[name]))


def _offices(stage: Stage, expected: ThenPart) -> Iterator[Miss]:
    """Where offices were sought, and what they were given."""
    for step_id, region in expected.regions.items():
        found = stage.case.steps[step_id].region_code or stage.case.region_code
        if region != found:
            yield Miss(("regions", step_id), region, found)
    for step_id, uscc in expected.organs.items():
        named = stage.case.steps[step_id].named_uscc
        if uscc != named:
            yield Miss(("organs", step_id), uscc, named or "the form names none")
    for step_id, inputs in expected.inputs.items():
        task = stage.given.get(step_id)
        given = from_struct(task.inputs) if task else {}
        for name, value in inputs.items():
            if name not in given or given[name] != value:
                found = (
                    _value(given[name]) if name in given else f"nothing: the office was given {_listed(sorted(given))}"
                )
                yield Miss(("inputs", step_id, name), _value(value), found)
    for key, there in (("sees", True), ("hidden", False)):
        for step_id, paths in getattr(expected, key).items():
            yield from _seen(stage, step_id, paths, key, there=there)


def _seen(stage: Stage, step_id: str, paths: Iterable[str], key: str, *, there: bool) -> Iterator[Miss]:
    task = stage.given.get(step_id)
    if task is None:
        yield Miss((key, step_id), "a task of its office", "none: it was given nothing")
        return
    form = from_struct(task.form)
    for place, path in enumerate(paths):
        if (value_at(form, path) is not None) != there:
            expected = f"the office {'sees' if there else 'does not see'} {path}"
            yield Miss((key, step_id, place), expected, "it does not" if there else f"it sees {value_at(form, path)!r}")


def _clocks(stage: Stage, expected: ThenPart) -> Iterator[Miss]:
    for name, light in expected.lights.items():
        yield from _compared(stage, ("lights", name), light, lambda reading: str(reading.light))
    for name, day in expected.due.items():
        yield from _compared(stage, ("due", name), day, _due)


def _compared(stage: Stage, path: Path, wanted: str, tell: Callable[[Any], str]) -> Iterator[Miss]:
    clock = _clock(stage, str(path[-1]))
    if clock is None:
        known = [_name(each) for each in stage.case.proceedings.clocks.values()]
        yield Miss(path, wanted, f"no such clock: it has not started, or there is no limit; there is {_listed(known)}")
        return
    found = tell(read(clock.clock, stage.now, stage.calendar, stage.plan.rules))
    if found != wanted:
        yield Miss(path, wanted, found)


def _clock(stage: Stage, name: str) -> CaseClock | None:
    return next((each for each in reversed(list(stage.case.proceedings.clocks.values())) if _name(each) == name), None)


def _name(clock: CaseClock) -> str:
    return f"{clock.step_id}.{clock.kind}" if clock.step_id else str(clock.kind)


def _due(reading: Any) -> str:
    if reading.due.state is DueState.SET:
        return f"{reading.due.at.astimezone(BEIJING):%Y-%m-%d}"
    return str(reading.due.state)


def _incidents(stage: Stage, expected: ThenPart) -> Iterator[Miss]:
    found = {each.step_id: each for each in stage.case.incidents.values() if each.resolved_at is None}
    for step_id, reason in expected.incidents.items():
        if step_id not in found:
            yield Miss(("incidents", step_id), reason, "no open incident")
        elif found[step_id].reason != reason:
            yield Miss(("incidents", step_id), reason, found[step_id].reason)
    for step_id, incident in found.items():
        if step_id not in expected.incidents:
            what = f"{incident.reason} of {step_id}: {incident.description}"
            yield Miss(("incidents",) if expected.incidents else (), "no incident", what)


def _afterwards(stage: Stage, expected: ThenPart) -> Iterator[Miss]:
    """What offices were reminded of, and what became of bad ratings."""
    urges = stage.case.proceedings.urges
    for step_id, kinds in expected.urged.items():
        found = [str(each.kind) for each in urges if each.step_id == step_id]
        if kinds != found:
            yield Miss(("urged", step_id), _listed(kinds), _listed(found))
    answers = {each.step_id: each.closed_at for each in stage.case.proceedings.follow_ups}
    wanted: dict[Path, tuple[str, str]] = {
        ("follow_ups", step_id): (step_id, status) for step_id, status in expected.follow_ups.items()
    }
    if expected.follow_up is not None:
        wanted["follow_up",] = ("", expected.follow_up)
    for path, (step_id, status) in wanted.items():
        stands = "none" if step_id not in answers else "answered" if answers[step_id] else "open"
        if status != stands:
            yield Miss(path, status, stands)


def _told(stage: Stage, expected: ThenPart) -> Iterator[Miss]:
    for place, piece in enumerate(expected.told):
        if not any(piece in message for message in stage.outbox.told):
            titles = [message.partition("\n")[0] for message in stage.outbox.told]
            yield Miss(("told", place), f'a message with "{piece}"', "; ".join(titles) or "no message")


def _listed(names: Iterable[str] | Mapping[str, Any]) -> str:
    return ", ".join(names) or "nothing"


def _value(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


_COMPARISONS = (_steps, _orders, _notices, _licences, _offices, _clocks, _incidents, _afterwards, _told)
