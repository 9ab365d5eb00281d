"""What two versions of a bundle must have in common, so that a case can go from one to the other. Pure.

The rule that takes a migration knows the new version only; whoever asks for one has both and compares them first.
"""

from collections.abc import Mapping
from dataclasses import replace

from services.cases.domain.case import Case, StepState, StepStatus
from services.cases.domain.migrating import has_begun
from services.cases.domain.plan import Plan, PlanStep, Visit
from services.cases.domain.refusal import Refusal


def check_versions(before: Plan, after: Plan, case: Case) -> None:
    """Raise Refusal MIGRATION_PLAN when what has begun in a case would be something else in the new version."""
    for step in case.steps.values():
        planned = after.by_id.get(step.step_id)
        if planned is not None and has_begun(step):
            fault = _fault(before, after, step)
            if fault:
                raise Refusal("MIGRATION_PLAN", f"step {step.step_id} of case {case.case_id} has begun, and {fault}")
    if _beyond(before, case) != _beyond(after, case):
        where = "is" if _beyond(before, case) else "is not"
        raise Refusal(
            "MIGRATION_PLAN",
            f"case {case.case_id} {where} past the point of no return of version {before.version}, and of version "
            f"{after.version} it would be the other way round; let it go on as it is",
        )
    alike = replace(before.rules, yellow_percent=after.rules.yellow_percent) == after.rules
    if case.proceedings.clocks and not alike:
        raise Refusal(
            "MIGRATION_PLAN",
            f"clocks of case {case.case_id} run, and version {after.version} counts days otherwise, which would move "
            "what the applicant was promised; let it go on as it is",
        )


def moved_steps(before: Plan, after: Plan, places: Mapping[str, str]) -> tuple[str, ...]:
    """The steps of the new version that are in the place of one of another matter, level, region or organ."""
    return tuple(
        place
        for step_id, place in places.items()
        if place and _addressed(before.by_id[step_id]) != _addressed(after.by_id[place])
    )


def _addressed(step: PlanStep) -> tuple[str, int, str, str]:
    """What its office is found by."""
    return step.catalog_code, step.level, step.region_field, step.organ_field


def _fault(before: Plan, after: Plan, step: StepState) -> str:
    """What of a step that has begun must not change and does."""
    was, will_be = before.by_id[step.step_id], after.by_id[step.step_id]
    if was.catalog_code != will_be.catalog_code:
        return f"its matter {was.catalog_code} is {will_be.catalog_code} in the new version; give that another step"
    if was.pre_check != will_be.pre_check:
        return "it is a pre-check in one of the versions only"
    if _met(before.visit_of.get(step.step_id)) != _met(after.visit_of.get(step.step_id)):
        return "its joint visit is another in the new version"
    if step.status is StepStatus.COMPLETED and was.compensated and not will_be.compensated:
        return "what it granted could not be undone any more in the new version"
    return ""


def _met(visit: Visit | None) -> tuple[str, frozenset[str]] | None:
    """Which visit it is, and whose."""
    return None if visit is None else (visit.visit_id, frozenset(visit.steps))


def _beyond(plan: Plan, case: Case) -> bool:
    """Whether a point of no return is behind the case."""
    done = {step_id for step_id, step in case.steps.items() if step.status is StepStatus.COMPLETED}
    return any(step.pivot and step.step_id in done for step in plan.steps)
