"""Checks of what a whole package comes to: conditions that never hold, steps that take longer than the whole may."""

from collections.abc import Iterator

from services.matters.domain.bundle import Scenario, Step
from services.matters.domain.durations import longest_way
from services.matters.domain.limits import Limit
from services.matters.package.faults import Faults
from services.matters.package.models import ManifestPart
from services.matters.package.satisfying import Satisfying
from services.matters.package.source import Source

_KINDS = ("promised", "statutory")
_WORDS = {"promised": "promise", "statutory": "have by law"}


def check_feasible(scenario: Scenario, manifest: ManifestPart, source: Source, faults: Faults) -> None:
    """Check a scenario that has no other fault, against the manifest that it was made of."""
    places = {step.id: index for index, step in enumerate(manifest.steps)}
    satisfying = Satisfying.of(scenario)
    for step in scenario.steps:
        if step.when and satisfying.never(step.when):
            message = f'never holds, whatever is said, so "{step.step_id}" is never done: change it, or the form'
            faults.add(source.fault(("steps", places[step.step_id], "when"), message))
    for kind in _KINDS:
        for message in _too_long(scenario, kind):
            faults.add(source.fault(("limits", kind), message))


def _too_long(scenario: Scenario, kind: str) -> Iterator[str]:
    whole: Limit | None = getattr(scenario.limits, kind)
    limits = {step.step_id: limit for step in scenario.steps if (limit := _limit(step, kind))}
    if whole is None or not limits:
        return
    after = {step.step_id: step.after for step in scenario.steps}
    way = longest_way(after, limits, {step.step_id: step.quorum for step in scenario.steps})
    if way.minutes > whole.minutes:
        said = " + ".join(f"{name} {_shown(limits[name])}" for name in way.steps)
        yield (
            f"steps that follow each other {_WORDS[kind]} more than the {_shown(whole)} of the whole: {said}; "
            "give the whole more time, or one of them less"
        )


def _limit(step: Step, kind: str) -> Limit | None:
    """A step's limit that the whole's runs for: not a pre-check's, because that comes before any acceptance."""
    limit: Limit | None = getattr(step.limits, kind)
    return None if step.pre_check else limit


def _shown(limit: Limit) -> str:
    return f"{limit.amount} {limit.unit}{'s' if limit.amount > 1 else ''}"
