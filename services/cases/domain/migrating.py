"""A running case goes on by a newer version of its bundle, because an operator says so, step for step.

- A step that has begun stays what it is: it keeps its id, its office, its open task, its clocks and its result. So the
  new version must have it, and its place there must be one that it could have reached: those before it have ended.
- A step that has not begun may get another id, or none. What has the place of one keeps its office, where matter,
  level, region and organ are the same; all others, and those that are new, are begun like the steps of a new case.
- A step that was left out stays so. Dropped, and in the new version under the same id, it is a new one.
- A clock that runs goes on as it was granted: what the applicant was promised is neither shortened nor put off. A new
  limit is for what begins after; no clock starts late for what is under way.
- From here on the new version alone tells what may follow: what is undone, what is sealed, what may be corrected.

What the two versions must have in common is told in `versions.py`.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from itertools import zip_longest

from services.cases.domain.case import Case, NoticeStatus, StepState, StepStatus
from services.cases.domain.corrections import declares
from services.cases.domain.dataflow import lacks
from services.cases.domain.flow import could_have_started, start_first
from services.cases.domain.inputs import Migrated
from services.cases.domain.interruptions import open_correction
from services.cases.domain.refusal import Refusal
from services.cases.domain.turn import Turn
from services.cases.domain.visits import hold_visits, plan_visits

_NOT_BEGUN = frozenset({StepStatus.WAITING, StepStatus.ROUTING, StepStatus.SKIPPED})
_DECIDED_AGAIN = frozenset({"CONDITION_FAILED", "QUORUM_MISSED"})
"""Incidents of steps that have not begun, about what the new version decides for itself."""


def has_begun(step: StepState) -> bool:
    """Whether an office was ever asked to handle the step, or somebody took it as done."""
    return step.attempt > 0 or step.status not in _NOT_BEGUN


def migrated(turn: Turn, given: Migrated) -> None:
    """Go on by the new version, which is the turn's plan; a case that runs it already stays as it is.

    Raises Refusal CASE_ENDED, CASE_UNDOING, MIGRATION_VERSION, MIGRATION_MAPPING, MIGRATION_STATE, MIGRATION_PLAN.
    """
    if turn.bundle_version == given.to_version:
        return
    check_state(turn.before, given.from_version, given.to_version)
    places = places_of(turn.steps, turn.plan.by_id, given.mapping)
    _keep_begun(turn, places)
    _close_incidents(turn, places, {*given.moved, *given.skipped})
    turn.bundle_version = given.to_version
    turn.changed = True
    to_route = _take_places(turn, given, places)
    _check(turn)
    plan_visits(turn)
    if to_route:
        turn.request_routing(to_route)
    hold_visits(turn)
    start_first(turn)


def check_state(case: Case, from_version: int, to_version: int) -> None:
    """Raise Refusal CASE_ENDED, CASE_UNDOING or MIGRATION_VERSION when a case cannot be migrated so at all."""
    if case.ended_at is not None:
        raise Refusal("CASE_ENDED", f"case {case.case_id} is {case.status}; it stays on the version by which it ended")
    if case.undo_cause:
        raise Refusal(
            "CASE_UNDOING",
            f"case {case.case_id} is being undone, which follows version {case.bundle_version}; let it come to its end",
        )
    if case.bundle_version != from_version or to_version <= from_version:
        raise Refusal(
            "MIGRATION_VERSION",
            f"case {case.case_id} runs version {case.bundle_version} and goes from there to a newer one only, "
            f"not from {from_version} to {to_version}",
        )


def places_of(before: Collection[str], after: Collection[str], mapping: Mapping[str, str]) -> dict[str, str]:
    """By step of the version before, the step in its place, or "": the ids that both have need not be said.

    Raises Refusal MIGRATION_MAPPING, which names the steps.
    """
    unknown = sorted(mapping.keys() - set(before))
    if unknown:
        raise _mapping(f"{', '.join(unknown)}: no such step in the version before; it has {', '.join(before)}")
    places: dict[str, str] = {}
    taken: dict[str, str] = {}
    for step_id in before:
        place = mapping.get(step_id, step_id if step_id in after else None)
        if place is None:
            raise _mapping(f"{step_id} is not in the new version: say which step takes its place, or that none does")
        if place and place not in after:
            raise _mapping(f"{place}, in the place of {step_id}, is not in the new version; it has {', '.join(after)}")
        if place in taken:
            raise _mapping(f"{place} cannot take the place of {taken[place]} and of {step_id}: drop one of them")
        if place:
            taken[place] = step_id
        places[step_id] = place
    return places


def _mapping(message: str) -> Refusal:
    return Refusal("MIGRATION_MAPPING", message, (("mapping", message),))


def _keep_begun(turn: Turn, places: Mapping[str, str]) -> None:
    for step_id, step in turn.steps.items():
        if has_begun(step) and places[step_id] != step_id:
            becomes = f"{places[step_id]} instead" if places[step_id] else "nothing in its place"
            raise Refusal(
                "MIGRATION_MAPPING",
                f"step {step_id} of case {turn.before.case_id} has begun: it keeps its id, and cannot have {becomes}",
            )


def _close_incidents(turn: Turn, places: Mapping[str, str], anew: Collection[str]) -> None:
    """Those about steps that have not begun, where the new version leaves them out or begins them anew."""
    for incident in tuple(turn.incidents.values()):
        if incident.resolved_at is not None or has_begun(turn.steps[incident.step_id]):
            continue
        stays = places[incident.step_id] == incident.step_id and incident.step_id not in anew
        if not stays or incident.reason in _DECIDED_AGAIN:
            turn.close_incident(incident)


def _take_places(turn: Turn, given: Migrated, places: Mapping[str, str]) -> tuple[str, ...]:
    """Give the steps of the new version the places of those before; gives those that need an office."""
    reasons = dict(zip_longest(given.skipped, given.skip_reasons[: len(given.skipped)], fillvalue=""))
    before = {place: turn.steps[step_id] for step_id, place in places.items() if place}
    steps: dict[str, StepState] = {}
    to_route = []
    for step_id in turn.plan.by_id:
        known = before.get(step_id)
        if known is not None and has_begun(known):
            steps[step_id] = known
        elif known is not None and known.status is StepStatus.SKIPPED:
            steps[step_id] = StepState(step_id, StepStatus.SKIPPED, reason=known.reason)
        elif step_id in reasons:
            steps[step_id] = StepState(step_id, StepStatus.SKIPPED, reason=reasons[step_id])
        elif known is not None and step_id not in given.moved and (known.step_id == step_id or known.organ_id):
            steps[step_id] = replace(known, step_id=step_id, status=StepStatus.WAITING)
        else:
            steps[step_id] = StepState(
                step_id,
                StepStatus.WAITING,
                region_code=given.step_regions.get(step_id, ""),
                named_uscc=given.step_organs.get(step_id, ""),
            )
            to_route.append(step_id)
    turn.steps = steps
    return tuple(to_route)


# What must fit


def _check(turn: Turn) -> None:
    """Compare where the case has come to with the new version. Raises Refusal MIGRATION_PLAN, MIGRATION_STATE."""
    for step in turn.steps.values():
        if has_begun(step):
            fault = _fault(turn, step)
            if fault:
                raise Refusal("MIGRATION_PLAN", f"step {step.step_id} of case {turn.before.case_id} {fault}")
    for name, members in turn.plan.choices.items():
        left = [step_id for step_id in members if turn.steps[step_id].status is not StepStatus.SKIPPED]
        if len(left) > 1 or (not left and any(step_id not in turn.before.steps for step_id in members)):
            raise Refusal(
                "MIGRATION_PLAN",
                f"of the choice {name} exactly one step is done, and case {turn.before.case_id} would have "
                f"{', '.join(left) or 'none'}: migrate it to a version whose conditions leave one",
            )
    _check_correction(turn)


def _fault(turn: Turn, step: StepState) -> str:
    """Why a step that has begun cannot be where the new version has it; empty when it can."""
    planned, version = turn.plan.by_id[step.step_id], turn.bundle_version
    if step.attempt and not could_have_started(turn, step.step_id):
        return (
            f"has begun, and in version {version} it comes after {', '.join(planned.after)}, which have not all ended "
            "here; let the case go on as it is"
        )
    if step.notice_status is not NoticeStatus.NONE and planned.notice is None:
        return f"has a notice of its result, of which version {version} knows nothing; keep the notice in the bundle"
    if step.status is StepStatus.REFUSED:
        needed = turn.incident_of(step.step_id, "REFUSED_AFTER_PIVOT") is not None
        if turn.has_ended(step) is needed:
            return f"was refused, and version {version} has it otherwise whether the bundle can do without it"
    if step.status is StepStatus.COMPLETED:
        fields = lacks(planned, step.result or {})
        if fields:
            return f"has a result without what version {version} declares: {', '.join(fields)}"
    return ""


def _check_correction(turn: Turn) -> None:
    correction = open_correction(turn)
    for request in correction.requests if correction else ():
        for item in request.items:
            if not declares(turn.plan.by_id[request.step_id], item):
                raise Refusal(
                    "MIGRATION_STATE",
                    f"the applicant is asked for {item.kind} {item.name} for step {request.step_id} of case "
                    f"{turn.before.case_id}, which the new version does not have; migrate it once that is settled",
                )
