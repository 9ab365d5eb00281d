"""What one office finds out reaches the next, through gRPC on both sides; and what cannot is an incident."""

from chassis.clock import new_id
from duokua.cases.v1 import operations_service_pb2, task_pb2
from duokua.data import from_struct, to_struct
from duokua.matters.v1 import bundle_pb2
from tests.cases.builders import a_bundle
from tests.cases.offices import Offices, an_answer, answering, pulled, refusal


def a_bundle_that_flows(version: int, expression: str, kind: str) -> bundle_pb2.Bundle:
    """The sign comes after the food licence and is given its number."""
    bundle = a_bundle(version)
    food, sign = bundle.steps[1], bundle.steps[2]
    food.result_fields.add(name="permit", type="string", required=True, shared=True)
    food.result_fields.add(name="remark", type="string")
    sign.after.append("food")
    sign.inputs.add(name="permit", expression=expression, type=kind)
    return bundle


def with_result(task: task_pb2.Task, **result: object) -> task_pb2.TaskAnswer:
    answer = an_answer(task)
    answer.complete.result.CopyFrom(to_struct(result))
    return answer


def test_the_result_of_one_office_is_in_the_task_of_the_next(town: Offices) -> None:
    town.publish(a_bundle_that_flows(2, 'steps["food"].result.permit', "string"))
    town.opened()
    assert pulled(town.sign) == []
    (food,) = pulled(town.food)
    wrong = answering(with_result(food, permit=7, note="x"))
    assert refusal(town.food.tasks.AnswerTask, wrong) == (
        "INVALID_ARGUMENT",
        "RESULT_INVALID",
        ["result.permit", "result.note"],
    )
    town.food.tasks.AnswerTask(answering(with_result(food, permit="F7", remark="not for others")))
    (sign,) = pulled(town.sign)
    assert from_struct(sign.inputs) == {"permit": "F7"}
    assert b"not for others" not in sign.SerializeToString()


def test_inputs_that_cannot_be_made_wait_for_an_operator(town: Offices) -> None:
    town.publish(a_bundle_that_flows(3, 'int(steps["food"].result.permit)', "integer"))
    (case_id,) = town.opened()
    (food,) = pulled(town.food)
    town.food.tasks.AnswerTask(answering(with_result(food, permit="F7")))
    assert pulled(town.sign) == []
    listed = operations_service_pb2.ListIncidentsRequest(page_size=100)
    operations = town.operator.operations
    (incident,) = [each for each in operations.ListIncidents(listed).incidents if each.case_id == case_id]
    assert (incident.reason, incident.step_id) == ("INPUTS_FAILED", "sign")
    assert "F7" not in incident.description
    operations.RetryIncident(
        operations_service_pb2.RetryIncidentRequest(
            request_id=new_id(), incident_id=incident.incident_id, reason="once more"
        )
    )
    (again,) = [each for each in operations.ListIncidents(listed).incidents if each.case_id == case_id]
    assert (again.reason, again.incident_id != incident.incident_id) == ("INPUTS_FAILED", True)
    assert pulled(town.sign) == []
