"""Checks of the order of a package's steps: what waits for what, and what is undone in which order."""

from collections.abc import Collection, Mapping, Sequence

from services.matters.domain.graph import StepTraits, find_cycle, undo_faults
from services.matters.domain.waiting import visit_fault, waiting_faults
from services.matters.package.faults import Faults, Path, did_you_mean
from services.matters.package.models import ManifestPart, StepPart
from services.matters.package.source import Source


def check_order(manifest: ManifestPart, source: Source, with_notice: Collection[str], faults: Faults) -> None:
    """Check how the steps wait for each other; their ids are unique, and `after` names such.

    `with_notice` are the matters whose result becomes a notice.
    """
    after = {step.id: step.after for step in manifest.steps}
    positions = {step.id: index for index, step in enumerate(manifest.steps)}
    if cycle := find_cycle(after):
        message = f"the steps wait for each other: {' -> '.join(cycle)}; take one `after` away"
        faults.add(source.fault(("steps", positions[cycle[0]], "after"), message))
        return
    traits = traits_of(manifest, with_notice)
    for name, key, message in (*undo_faults(after, traits), *waiting_faults(after, traits)):
        path: Path = ("steps", positions[name], key) if key else ("steps", positions[name])
        faults.add(source.fault(path, f'"{name}" {message}'))
    _check_visits(manifest, source, faults)
    _check_undo_order(manifest, source, faults)


def tolerant(step: StepPart) -> bool:
    """Whether the bundle can do without the step: its refusal undoes nothing."""
    return step.optional or step.application == "none"


def traits_of(manifest: ManifestPart, with_notice: Collection[str]) -> dict[str, StepTraits]:
    """What the rules about the order need to know of each step; `with_notice` are the matters that make one."""
    return {step.id: _traits(step, makes_notice=step.matter in with_notice) for step in manifest.steps}


def _traits(step: StepPart, *, makes_notice: bool) -> StepTraits:
    return StepTraits(
        undo=step.undo or "",
        pivot=step.pivot,
        conditional=bool(step.when),
        makes_notice=makes_notice,
        tolerant=tolerant(step),
        quorum=step.needs or 0,
        choice=step.choice or "",
        pre_check=step.pre_check,
    )


def _check_visits(manifest: ManifestPart, source: Source, faults: Faults) -> None:
    known = {step.id: step.after for step in manifest.steps}
    visits = {visit.id: visit.steps for visit in manifest.visits}
    sound = len(visits) == len(manifest.visits)
    if not sound:
        faults.add(source.fault(("visits",), "two visits have the same id: give each its own"))
    taken: dict[str, str] = {}
    for index, visit in enumerate(manifest.visits):
        for place, name in enumerate(visit.steps):
            path: Path = ("visits", index, "steps", place)
            if name not in known:
                sound = False
                faults.add(source.fault(path, f'there is no step "{name}"{did_you_mean(name, known)}'))
            elif name in taken:
                sound = False
                faults.add(source.fault(path, f'"{name}" is in the visit "{taken[name]}" already: one visit a step'))
            taken.setdefault(name, visit.id)
    if sound and (fault := visit_fault(known, visits)):
        place = list(visits).index(fault[0])
        faults.add(source.fault(("visits", place), f'the visit "{fault[0]}" cannot be: {fault[1]}'))


def _check_undo_order(manifest: ManifestPart, source: Source, faults: Faults) -> None:
    undo = {step.id: step.undo for step in manifest.steps}
    for place, name in enumerate(manifest.undo_order):
        if message := _undo_order_fault(name, manifest.undo_order[:place], undo):
            faults.add(source.fault(("undo_order", place), message))


def _undo_order_fault(name: str, earlier: Sequence[str], undo: Mapping[str, str | None]) -> str:
    if name not in undo:
        return f'there is no step "{name}"{did_you_mean(name, undo)}'
    if name in earlier:
        return f'"{name}" is here twice: keep one'
    if undo[name] != "task":
        return f'"{name}" is not undone by a task: say `undo: task` there, or take it away here'
    return ""
