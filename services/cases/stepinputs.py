"""What a step is given of earlier results: evaluated whenever its task is opened.

Nothing of it is kept besides the task: it follows from the form, the results and the bundle's version, all of which
the history holds, so that a task that is opened again is given the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.struct_pb2 import Struct

from duokua.data import fill_struct
from services.cases.domain.case import Case
from services.cases.domain.dataflow import fits, steps_before
from services.cases.domain.disclosure import visible_form
from services.cases.domain.plan import Plan, StepInput
from services.cases.expressions import Expression, ExpressionFaultError

LARGEST_INPUTS = 65_536
"""In bytes, serialised."""


class InputsFaultError(Exception):
    """The inputs of a step cannot be made.

    Says which one and why, but repeats no value: incidents are read by people who may not see it.
    """


@dataclass(frozen=True, slots=True)
class CompiledInput:
    """An input with its expression, compiled."""

    declared: StepInput
    expression: Expression


def compile_inputs(plan: Plan) -> dict[str, tuple[CompiledInput, ...]]:
    """The inputs by step id, for the steps that have some."""
    return {
        step.step_id: tuple(CompiledInput(each, Expression(each.expression)) for each in step.inputs)
        for step in plan.steps
        if step.inputs
    }


def make_inputs(
    inputs: tuple[CompiledInput, ...], plan: Plan, case: Case, step_id: str, form: Mapping[str, Any]
) -> Struct:
    """Make the inputs of a step of what its office may see of the form, and of what is shared of earlier results.

    Raises InputsFaultError.
    """
    seen = visible_form(form, plan.by_id[step_id].form_fields)
    steps = steps_before(case, plan, step_id)
    made: dict[str, Any] = {}
    for each in inputs:
        name, wanted, text = each.declared.name, each.declared.type, each.expression.text
        try:
            made[name] = each.expression.value(seen, steps)
        except ExpressionFaultError as fault:
            why = "names something that is not there" if fault.missing else "cannot be computed of what is there"
            raise InputsFaultError(f"{name}: {text} {why}.") from fault
        if not fits(made[name], wanted):
            raise InputsFaultError(f"{name} should be of type {wanted}: {text} gives something else.")
    struct = Struct()
    try:
        fill_struct(struct, made, "inputs")
    except (TypeError, ValueError) as error:
        message = "JSON cannot hold them: it has text as keys, 30 levels, and numbers that are finite and up to 2**53."
        raise InputsFaultError(message) from error
    if struct.ByteSize() > LARGEST_INPUTS:
        raise InputsFaultError(f"they have {struct.ByteSize()} bytes together, and may have {LARGEST_INPUTS}.")
    return struct
