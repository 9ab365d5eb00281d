"""Whatever a bundle says and whatever offices answer: a task tells its office what its matter declares, and no more."""

import re
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from duokua.cases.v1 import task_pb2
from duokua.matters.v1 import bundle_pb2
from services.cases import taskbodies
from services.cases.domain.case import TaskKind
from services.cases.domain.effects import OpenTask
from services.cases.published import Published, compile_bundle
from services.cases.stepinputs import InputsFaultError
from tests.cases.domain.saga import Saga

NAMES = ["s0", "s1", "s2", "s3"]
FIELDS = ["a", "b", "c"]
KINDS = ["lease", "photo", "plan"]
# Every value says where it is from, so that it is found wherever it turns up.
FORM = {name: {"x": f"<form.{name}.x>", "y": f"<form.{name}.y>"} for name in FIELDS}
MATERIALS = [
    {"kind": kind, "name": f"<material {kind}>", "media_type": "application/pdf", "sha256": kind, "size": 1}
    for kind in KINDS
]
PATHS = [*FIELDS, *(f"{name}.x" for name in FIELDS)]


def some(values: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), unique=True, max_size=2)


EXPRESSIONS = st.one_of(
    st.builds('steps["{}"].result.{}'.format, st.sampled_from(NAMES), st.sampled_from(FIELDS)),
    st.builds('steps["{}"].result'.format, st.sampled_from(NAMES)),
    st.builds("string(has(form.{0}) ? form.{0}.x : '')".format, st.sampled_from(FIELDS)),
    st.just("steps"),
    st.just("form"),
)


@st.composite
def bundles(draw: st.DrawFn) -> bundle_pb2.Bundle:
    """Steps that come after some of those drawn before them, with inputs that nobody has checked."""
    bundle = bundle_pb2.Bundle(bundle_id="b", version=1, form_schema="{}")
    for number, name in enumerate(NAMES):
        step = bundle.steps.add(step_id=name, catalog_code=name, undoable=draw(st.booleans()))
        step.after.extend(draw(some(NAMES[:number])) if number else [])
        step.form_fields.extend(draw(some(PATHS)))
        step.materials.extend(draw(some(KINDS)))
        for field in draw(some(FIELDS)):
            step.result_fields.add(name=field, type="string", shared=draw(st.booleans()))
        for place, expression in enumerate(draw(st.lists(EXPRESSIONS, max_size=2))):
            step.inputs.add(name=f"i{place}", expression=expression, type=draw(st.sampled_from(["string", "object"])))
    return bundle


def told_by(published: Published, saga: Saga, task: OpenTask) -> str:
    """All that is told of a task: to its office, or to operators where it cannot be made."""
    try:
        message = task_pb2.Task.FromString(taskbodies.body(published, saga.case, task, FORM, MATERIALS))
    except InputsFaultError as fault:
        event("inputs failed")
        return str(fault)
    event(f"inputs: {len(message.inputs.fields)}")
    return str(message)


def values_in(text: str) -> set[str]:
    return set(re.findall(r"<[^>]*>", text))


def result_of(published: Published, step_id: str) -> dict[str, Any]:
    """What the office of a step answers: all that it may, or anything where nothing is declared."""
    declared = [field.name for field in published.plan.by_id[step_id].result_fields] or FIELDS
    return {name: f"<{step_id}.{name}>" for name in declared}


def may_be_seen(published: Published, task: OpenTask) -> set[str]:
    """The values that the declarations of the task's step, and of the steps before it, let its office see."""
    plan = published.plan
    step = plan.by_id[task.step_id]
    form = {
        f"<form.{name}.{leaf}>" for name in FIELDS for leaf in "xy" if {name, f"{name}.{leaf}"} & {*step.form_fields}
    }
    materials = {f"<material {kind}>" for kind in step.materials}
    if task.kind is TaskKind.UNDO:
        return form | materials | set(result_of(published, step.step_id).values())
    shared = {
        f"<{other}.{field.name}>"
        for other in plan.before[step.step_id]
        for field in plan.by_id[other].result_fields
        if field.shared
    }
    return form | materials | (shared if step.inputs else set())


@settings(deadline=None, max_examples=200)
@given(bundles(), st.sampled_from(["refuses", "completes"]))
def test_an_office_never_sees_what_its_matter_does_not_declare(bundle: bundle_pb2.Bundle, last_office: str) -> None:
    published = compile_bundle(bundle.SerializeToString())
    saga = Saga(published.plan).submitted().routed()
    looked_at: set[str] = set()
    while tasks := [task for task_id, task in saga.open.items() if task_id not in looked_at]:
        task = tasks[0]
        looked_at.add(task.task_id)
        told = told_by(published, saga, task)
        assert values_in(told) <= may_be_seen(published, task)
        if last_office == "refuses" and task.step_id == NAMES[-1] and task.kind is TaskKind.HANDLE:
            saga.refuse(task.step_id)
        else:
            saga.complete(task.step_id, result=result_of(published, task.step_id))
