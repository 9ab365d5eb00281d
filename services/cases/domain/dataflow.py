"""Data between steps: what a result must hold, what later steps see of it, and what if their inputs cannot be made."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from services.cases.domain.case import OPEN_TASK, Case, StepStatus, TaskKind
from services.cases.domain.inputs import InputsFailed
from services.cases.domain.plan import Plan, PlanStep
from services.cases.domain.refusal import Refusal
from services.cases.domain.turn import Turn


def check_result(step: PlanStep, result: Mapping[str, Any]) -> None:
    """Refuse a result that is not what the step's matter declares; without a declaration anything goes.

    Raises Refusal RESULT_INVALID, which names each field.
    """
    if not step.result_fields:
        return
    faults = tuple(_result_faults(step, result))
    if faults:
        where = ", ".join(field for field, _ in faults[:5])
        message = f"the result is not what the matter of step {step.step_id} declares: {where}"
        raise Refusal("RESULT_INVALID", message, faults)


def lacks(step: PlanStep, result: Mapping[str, Any]) -> tuple[str, ...]:
    """What a matter declares and a result of before has not, or otherwise; what is undeclared does not matter."""
    declared = {f"result.{field.name}" for field in step.result_fields}
    return tuple(field for field, _ in _result_faults(step, result) if step.result_fields and field in declared)


def fits(value: Any, type_name: str) -> bool:
    """Whether a JSON value is of a type of JSON Schema; there a whole number is an integer, however it is written."""
    return _TYPES[type_name](value)


def steps_before(case: Case, plan: Plan, step_id: str) -> dict[str, dict[str, Any]]:
    """What expressions of a step see as `steps`: of each step before it, its status and what its matter shares.

    Whatever else an office put into its result is not there, so no expression can pass it on.
    """
    return {other: _seen(case, plan.by_id[other]) for other in plan.before[step_id]}


def inputs_failed(turn: Turn, given: InputsFailed) -> None:
    """What a step needs of earlier results cannot be made: nobody gets the task, and an operator is asked."""
    task = turn.tasks.get(given.task_id)
    if task is None:
        raise Refusal("TASK_NOT_FOUND", f"case {turn.before.case_id} has no task {given.task_id}")
    if task.status not in OPEN_TASK or task.kind is not TaskKind.HANDLE:
        return
    turn.close_task(task.task_id)
    turn.change(task.step_id, task_id="")
    turn.open_incident(
        task.step_id,
        "INPUTS_FAILED",
        f"what the step is given of earlier results cannot be made: {given.description} "
        "Retry the incident once the results are right; where they stay as they are, skip the step or complete it "
        "by force, and mend the scenario for new cases.",
    )


def _result_faults(step: PlanStep, result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    declared = {field.name: field for field in step.result_fields}
    for field in step.result_fields:
        if field.name not in result:
            if field.required:
                yield f"result.{field.name}", "is missing"
        elif not fits(result[field.name], field.type):
            yield f"result.{field.name}", f"should be of type {field.type}"
        elif field.values and result[field.name] not in field.values:
            yield f"result.{field.name}", f"should be one of {', '.join(field.values)}"
    for name in result:
        if name not in declared:
            yield f"result.{name[:60]}", f"is not declared; there is {', '.join(declared)}"


def _seen(case: Case, step: PlanStep) -> dict[str, Any]:
    state = case.steps[step.step_id]
    result = state.result if state.status is StepStatus.COMPLETED and state.result is not None else {}
    shared = {field.name for field in step.result_fields if field.shared}
    return {
        "status": str(state.status),
        "result": {name: value for name, value in result.items() if name in shared},
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "number": _is_number,
    "integer": lambda value: _is_number(value) and (isinstance(value, int) or value.is_integer()),
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list | tuple),
    "object": lambda value: isinstance(value, Mapping),
}
