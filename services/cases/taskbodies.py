"""What an office is given with a task: the declared fields and materials, and nothing else of the case."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from duokua.cases.v1 import case_pb2, task_pb2
from duokua.data import fill_struct
from services.cases.afterwards_messages import rating_message
from services.cases.domain.case import Case, TaskKind
from services.cases.domain.corrections import requests_of
from services.cases.domain.disclosure import visible_form, visible_materials
from services.cases.domain.effects import OpenTask
from services.cases.office_messages import review_message, visit_message
from services.cases.published import Published
from services.cases.standing_in import licence_message
from services.cases.stepinputs import make_inputs

_KINDS = {kind: task_pb2.TaskKind.Value(f"TASK_KIND_{kind.name}") for kind in TaskKind}


@dataclass(frozen=True, slots=True)
class Material:
    """What is known of a material of a case, without its content."""

    kind: str
    name: str
    media_type: str
    sha256: str
    size: int
    licence: Mapping[str, str] | None = None
    """What stands in its place; there is no content then."""


def body(
    published: Published, case: Case, effect: OpenTask, form: Mapping[str, Any], materials: Sequence[Mapping[str, Any]]
) -> bytes:
    """The serialised duokua.cases.v1.Task of an opened task, without a lease.

    Raises InputsFaultError when what it is given of earlier results cannot be made.
    """
    task = _of_any_kind(case, effect)
    if effect.kind is TaskKind.FOLLOW_UP:
        (rating,) = (each for each in case.proceedings.ratings if each.step_id == effect.step_id)
        task.rating.CopyFrom(rating_message(rating))
        return task.SerializeToString()
    plan = published.plan
    step, state = plan.by_id[effect.step_id], case.steps[effect.step_id]
    about = task_pb2.Task(
        corrections=requests_of(case.proceedings.corrections, effect.step_id),
        handler=state.handler,
        reviews=[review_message(each) for each in state.reviews],
        without_application=step.without_application,
        materials=[_ref(each) for each in visible_materials([Material(**each) for each in materials], step.materials)],
    )
    task.MergeFrom(about)
    visit = plan.visit_of.get(effect.step_id)
    if visit is not None and effect.kind is TaskKind.HANDLE and visit.visit_id in case.proceedings.visits:
        task.visit.CopyFrom(visit_message(plan, case, visit.visit_id))
    fill_struct(task.form, visible_form(form, step.form_fields), "form")
    inputs = published.inputs.get(effect.step_id)
    if inputs and effect.kind is TaskKind.HANDLE:
        task.inputs.CopyFrom(make_inputs(inputs, plan, case, effect.step_id, form))
    return task.SerializeToString()


def _ref(material: Material) -> case_pb2.MaterialRef:
    return case_pb2.MaterialRef(
        kind=material.kind,
        name=material.name,
        media_type=material.media_type,
        sha256=material.sha256,
        size=material.size,
        licence=licence_message(material.licence) if material.licence else None,
    )


def _of_any_kind(case: Case, effect: OpenTask) -> task_pb2.Task:
    task = task_pb2.Task(
        task_id=effect.task_id,
        kind=_KINDS[effect.kind],
        case_id=case.case_id,
        case_number=case.case_number,
        bundle_id=case.bundle_id,
        step_id=effect.step_id,
        catalog_code=effect.catalog_code,
        organ_id=effect.organ_id,
        attempt=effect.attempt,
        handled_task_id=effect.handled_task_id,
        accepted=effect.accepted,
    )
    if effect.handled_result is not None:
        fill_struct(task.handled_result, dict(effect.handled_result), "handled_result")
    return task


def with_handler(body: bytes, handler: str) -> bytes:
    """The body of an open task that somebody else inside the office handles now."""
    task = task_pb2.Task.FromString(body)
    task.handler = handler
    return task.SerializeToString()
