"""What an office is given of the results of others: made when its task is opened, of what is shared, or an incident."""

from typing import Any

import pytest

from chassis.clock import new_id
from duokua.cases.v1 import task_pb2
from duokua.data import from_struct
from duokua.matters.v1 import bundle_pb2
from services.cases.domain.inputs import StepForced
from services.cases.replaying import replay
from services.cases.stepinputs import LARGEST_INPUTS
from tests.cases.builders import Town, a_bundle, a_form, completing, failing, refused, refusing, taken

PERMIT = 'steps["food"].result.permit'


def a_bundle_with_inputs(*inputs: tuple[str, str, str], result: str = "string") -> bundle_pb2.Bundle:
    """The bundle of the other tests; the food office shares its permit and keeps its remark, delivery gets inputs."""
    bundle = a_bundle(version=2)
    food, deliver = bundle.steps[1], bundle.steps[4]
    food.result_fields.add(name="permit", type=result, required=True, shared=True)
    food.result_fields.add(name="remark", type="string")
    for name, expression, kind in inputs or (("permit", PERMIT, "string"),):
        deliver.inputs.add(name=name, expression=expression, type=kind)
    return bundle


def delivering(town: Town, bundle: bundle_pb2.Bundle, **result: Any) -> str:
    """A case in which everything before the delivery is done, with this result of the food office."""
    town.publish(bundle)
    case_id = town.running()
    town.complete("food", **(result or {"permit": "F1"}))
    town.complete("sign")
    return case_id


def incidents(town: Town, case_id: str) -> list[tuple[str, str, bool]]:
    return [(each.reason, each.step_id, each.resolved_at is None) for each in town.case(case_id).incidents.values()]


def retry(town: Town, case_id: str) -> None:
    (incident,) = [each for each in town.case(case_id).incidents.values() if each.resolved_at is None]
    with town.database.begin() as work:
        town.retry(work, incident.incident_id, new_id())


def test_an_office_is_given_what_another_shares(town: Town) -> None:
    delivering(town, a_bundle_with_inputs(), permit="F1", remark="a secret of the food office")
    task = town.one("deliver")
    assert from_struct(task.inputs) == {"permit": "F1"}
    assert "secret" not in str(task)


def test_a_task_that_is_opened_again_is_given_the_same(town: Town) -> None:
    case_id = delivering(town, a_bundle_with_inputs())
    first = town.one("deliver")
    taken(town.answer(failing(first)))
    town.database.clock.advance(seconds=10)  # type: ignore[attr-defined]
    again = town.one("deliver")
    assert (again.attempt, again.inputs) == (2, first.inputs)
    with town.database.read() as work:
        assert replay(work, town.row(case_id), town.cases.plans)[1] is None


def test_undo_tasks_are_given_no_inputs(town: Town) -> None:
    bundle = a_bundle_with_inputs()
    sign = bundle.steps[2]
    sign.after.append("food")
    sign.inputs.add(name="permit", expression=PERMIT, type="string")
    town.publish(bundle)
    town.submit()
    case_id = town.submit(a_form(area=500))
    town.route(case_id)
    town.complete("check")
    town.complete("food", permit="F1")
    town.complete("sign")
    taken(town.answer(refusing(town.one("fire"))))
    undo = town.one("sign")
    assert undo.kind == task_pb2.TASK_KIND_UNDO
    assert not undo.HasField("inputs")


@pytest.mark.parametrize(
    ("expression", "kind", "words"),
    [
        (PERMIT, "integer", f"permit should be of type integer: {PERMIT} gives something else"),
        ('steps["food"].result.remark', "string", "result.remark names something that is not there"),
        ('steps["sign"].result.permit', "string", "result.permit names something that is not there"),
        ('steps["other"].status', "string", "names something that is not there"),
        ("form.owner", "string", "form.owner names something that is not there"),
        ("1.0 / 0.0", "number", "JSON cannot hold"),
        ("duration('1s')", "object", "of type object"),
        ("[1, 2].map(n, b'x')", "array", "JSON cannot hold"),
        ("{1: 2}", "object", "JSON cannot hold"),
        (f"int({PERMIT})", "integer", "cannot be computed of what is there"),
    ],
)
def test_inputs_that_cannot_be_made_are_an_incident_and_nobody_gets_the_task(
    town: Town, expression: str, kind: str, words: str
) -> None:
    case_id = delivering(town, a_bundle_with_inputs(("permit", expression, kind)), permit="F1", remark="r")
    assert town.lease("deliver") == []
    assert incidents(town, case_id) == [("INPUTS_FAILED", "deliver", True)]
    (incident,) = town.case(case_id).incidents.values()
    assert words in incident.description
    assert "F1" not in incident.description
    assert [event.incident_id for event in town.events("IncidentOpened")] == [incident.incident_id]


def test_inputs_have_a_limit_together(town: Town) -> None:
    large = 40_000 * "x"
    case_id = delivering(town, a_bundle_with_inputs(("one", PERMIT, "string"), ("two", PERMIT, "string")), permit=large)
    (incident,) = town.case(case_id).incidents.values()
    assert f"may have {LARGEST_INPUTS}" in incident.description
    assert len(incident.description) < 1000


def test_a_retry_makes_them_again_and_fails_again_where_nothing_has_changed(town: Town) -> None:
    case_id = delivering(town, a_bundle_with_inputs(("permit", PERMIT, "integer")))
    retry(town, case_id)
    assert incidents(town, case_id) == [("INPUTS_FAILED", "deliver", False), ("INPUTS_FAILED", "deliver", True)]
    assert town.lease("deliver") == []


def test_what_fails_in_one_case_does_not_touch_the_others_of_its_batch(town: Town) -> None:
    town.publish(a_bundle_with_inputs(("permit", 'int(steps["food"].result.permit)', "integer")))
    case_ids = [town.running() for _ in range(3)]
    tasks = {task.case_id: task for task in town.lease("food")}
    taken(town.answer(*(completing(task) for task in town.lease("sign"))))
    permits = dict(zip(case_ids, ["1", "not a number", "3"], strict=True))
    taken(town.answer(*(completing(tasks[case_id], permit=permit) for case_id, permit in permits.items())))
    assert {task.case_id: from_struct(task.inputs) for task in town.lease("deliver")} == {
        case_ids[0]: {"permit": 1},
        case_ids[2]: {"permit": 3},
    }
    assert [incidents(town, case_id) for case_id in case_ids] == [[], [("INPUTS_FAILED", "deliver", True)], []]


def test_a_result_that_its_matter_does_not_declare_is_refused_by_field(town: Town) -> None:
    town.publish(a_bundle_with_inputs())
    town.running()
    task = town.one("food")
    outcomes = town.answer(completing(task, permit=5, remarks="x"))
    assert refused(outcomes) == ["RESULT_INVALID"]
    problem = outcomes[0].problem
    assert [each.field for each in problem.violations] == ["result.permit", "result.remarks"]  # type: ignore[union-attr]
    taken(town.answer(completing(task, permit="F1")))


def with_a_notice(bundle: bundle_pb2.Bundle) -> bundle_pb2.Bundle:
    """The bundle, in which the delivery's result is a notice that prints what the delivery was given."""
    bundle.steps[4].notice.CopyFrom(bundle_pb2.Notice(title="办结告知书", template="{{ inputs.permit }}"))
    return bundle


def test_a_notice_says_what_its_office_was_given_and_nothing_else_of_others(town: Town) -> None:
    delivering(town, with_a_notice(a_bundle_with_inputs()), permit="F1", remark="a secret of the food office")
    town.complete("deliver")
    of_food, of_delivery = town.events("NoticeRequested")
    assert not of_food.HasField("inputs")
    assert from_struct(of_delivery.inputs) == {"permit": "F1"}
    assert "secret" not in str(of_delivery)


def test_a_notice_of_a_forced_step_whose_inputs_cannot_be_made_is_asked_for_without_them(town: Town) -> None:
    never = ("permit", 'steps["sign"].result.permit', "string")
    case_id = delivering(town, with_a_notice(a_bundle_with_inputs(never)))
    assert incidents(town, case_id) == [("INPUTS_FAILED", "deliver", True)]
    assert town.decide(case_id, StepForced("deliver", "已线下送达", {}))
    _, of_delivery = town.events("NoticeRequested")
    assert not of_delivery.HasField("inputs")
