"""Which steps a case needs: conditions on the form when it is submitted, those on results when these are there."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chassis.problems import Violation
from services.cases.domain.case import Case
from services.cases.domain.dataflow import steps_before
from services.cases.domain.inputs import Branched
from services.cases.expressions import ExpressionFaultError
from services.cases.published import Published


def branch_at_submission(published: Published, form: Mapping[str, Any], skipped: dict[str, str]) -> Iterator[Violation]:
    """Fill in the skipped steps, each with the condition that does not hold.

    Yields what cannot be decided, and each choice of which not exactly one step is left.
    """
    undecided: set[str] = set()
    yield from decide_conditions(published, form, skipped, undecided)
    for choice, members in published.plan.choices.items():
        left = [step_id for step_id in members if step_id not in skipped]
        if len(left) != 1 and not undecided.intersection(members):
            told = "; ".join(f"{step_id}: {published.plan.by_id[step_id].when}" for step_id in left or members)
            what = "more than one condition holds" if left else "none of the conditions holds"
            yield Violation("form", f"of the choice {choice} exactly one step is done, but {what}: {told}")


def decide_conditions(
    published: Published, form: Mapping[str, Any], skipped: dict[str, str], undecided: set[str]
) -> Iterator[Violation]:
    """Fill in the steps whose condition on the form does not hold, with it, and those where that cannot be decided."""
    for step_id, condition in published.conditions.items():
        try:
            if not condition.late and not condition.holds(form):
                skipped[step_id] = condition.text
        except ExpressionFaultError as fault:
            undecided.add(step_id)
            yield Violation("form", f"the condition of step {step_id} cannot be decided: {fault}")


def branch_late(published: Published, case: Case, form: Mapping[str, Any], step_ids: Sequence[str]) -> Branched:
    """Decide conditions on results, which are there now. Why one cannot be decided is told without any value."""
    needed: list[str] = []
    skipped: dict[str, str] = {}
    failures: dict[str, str] = {}
    for step_id in step_ids:
        condition = published.conditions[step_id]
        try:
            if condition.holds(form, steps_before(case, published.plan, step_id)):
                needed.append(step_id)
            else:
                skipped[step_id] = condition.text
        except ExpressionFaultError as fault:
            why = (
                "names something that is not there" if fault.missing else "is neither true nor false for what is there"
            )
            failures[step_id] = f"{condition.text} {why}"
    return Branched(tuple(needed), tuple(skipped), tuple(skipped.values()), tuple(failures), tuple(failures.values()))
