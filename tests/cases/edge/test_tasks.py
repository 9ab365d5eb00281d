"""Tasks at the gRPC edge, one call at a time."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from chassis.clock import new_id
from duokua.cases.v1 import operations_service_pb2, task_service_pb2
from tests.cases.builders import PDF, tables
from tests.cases.offices import Offices, an_answer, answering, pulled, refusal


def test_answers_to_tasks_that_are_not_ours_change_nothing(town: Offices) -> None:
    town.opened()
    (food,) = pulled(town.food)
    before = tables(town.database)
    answer = town.sign.tasks.AnswerTask
    for verb in ("accept", "complete", "refuse", "return_task", "fail", "extend", "release"):
        assert refusal(answer, answering(an_answer(food, verb))) == ("NOT_FOUND", "TASK_NOT_FOUND", [])
    material = task_service_pb2.GetMaterialRequest(task_id=food.task_id, sha256=food.materials[0].sha256)
    assert refusal(town.sign.tasks.GetMaterial, material) == ("NOT_FOUND", "TASK_NOT_FOUND", [])
    assert tables(town.database) == before
    got = town.food.tasks.GetMaterial(material)
    assert (got.media_type, got.content) == ("application/pdf", PDF)
    assert hashlib.sha256(got.content).hexdigest() == food.materials[0].sha256


def test_malformed_answers_name_their_faults_and_change_nothing(town: Offices) -> None:
    town.opened()
    (food,) = pulled(town.food)
    before = tables(town.database)
    too_large = an_answer(food)
    too_large.complete.result.update({"text": ["x" * 20_000] * 4})
    too_long = an_answer(food, "fail")
    too_long.fail.retry_after.seconds = 10**15
    negative = an_answer(food, "fail")
    negative.fail.retry_after.seconds = -1
    reasonless = an_answer(food, "")
    reasonless.refuse.SetInParent()
    number = an_answer(food)
    number.complete.result.fields["a"].number_value = float("inf")
    for answer, fields in (
        (an_answer(food, ""), ["answer"]),
        (an_answer(food, lease=""), ["answer.lease"]),
        (an_answer(food, request_id=""), ["answer.request_id"]),
        (an_answer(food, task_id="x" * 101), ["answer.task_id"]),
        (too_large, ["complete.result"]),
        (too_long, ["answer.fail.retry_after"]),
        (negative, ["fail.retry_after"]),
        (reasonless, ["answer.refuse.reason"]),
        (number, ["answer.complete.result.a"]),
    ):
        assert refusal(town.food.tasks.AnswerTask, answering(answer)) == ("INVALID_ARGUMENT", "BAD_REQUEST", fields)
    assert tables(town.database) == before


def test_an_answer_is_repeated_and_a_second_one_refused(town: Offices) -> None:
    town.opened()
    (food,) = pulled(town.food)
    done = answering(an_answer(food))
    assert town.food.tasks.AnswerTask(done) == town.food.tasks.AnswerTask(done)
    before = tables(town.database)
    assert refusal(town.food.tasks.AnswerTask, answering(an_answer(food)))[:2] == (
        "FAILED_PRECONDITION",
        "TASK_SETTLED",
    )
    reused = answering(an_answer(food, "refuse", request_id=done.answer.request_id))
    assert refusal(town.food.tasks.AnswerTask, reused)[:2] == ("INVALID_ARGUMENT", "REQUEST_ID_REUSED")
    other = answering(an_answer(food, request_id=done.answer.request_id))
    other.answer.complete.result["permit"] = "another"
    answer = refusal(town.food.tasks.AnswerTask, other)
    assert answer == ("INVALID_ARGUMENT", "REQUEST_ID_REUSED", ["request_id"])
    assert tables(town.database) == before


def test_a_stale_lease_is_refused(town: Offices) -> None:
    town.opened()
    (food,) = pulled(town.food)
    town.food.tasks.AnswerTask(answering(an_answer(food, "release")))
    (again,) = pulled(town.food)
    before = tables(town.database)
    assert refusal(town.food.tasks.AnswerTask, answering(an_answer(food)))[:2] == ("FAILED_PRECONDITION", "STALE_LEASE")
    assert tables(town.database) == before
    town.food.tasks.AnswerTask(answering(an_answer(again)))


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("most", "seconds", "nanos", "field"),
    [(101, 0, 0, "max_tasks"), (1, 61, 0, "wait"), (1, -1, 0, "wait"), (1, 10**18, 0, "wait"), (1, 0, -5000, "wait")],
)
def test_a_pull_out_of_bounds_is_refused(town: Offices, most: int, seconds: int, nanos: int, field: str) -> None:
    request = task_service_pb2.PullTasksRequest(max_tasks=most)
    request.wait.seconds, request.wait.nanos = seconds, nanos
    assert refusal(town.food.tasks.PullTasks, request) == ("INVALID_ARGUMENT", "BAD_REQUEST", [field])


def test_a_waiting_pull_gets_a_task_as_soon_as_it_is_opened(town: Offices) -> None:
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(pulled, town.food, 1, 30)
        (case_id,) = town.opened()
        (task,) = waiting.result(timeout=5)
    assert task.case_id == case_id


def test_a_pull_without_a_wait_gives_what_there_is_and_does_not_wait(town: Offices) -> None:
    town.opened()
    request = task_service_pb2.PullTasksRequest(max_tasks=100)
    assert len(town.food.tasks.PullTasks(request).tasks) > 0
    for _ in range(5):  # five looks at an empty queue, in less than the second that one wait would take
        assert list(town.food.tasks.PullTasks(request, timeout=0.9).tasks) == []


def test_an_operator_retries_an_incident_once(town: Offices) -> None:
    case_id = town.submitted().case_id
    town.route(case_id, without=["food"])
    incidents = town.operator.operations.ListIncidents(operations_service_pb2.ListIncidentsRequest(page_size=1000))
    (incident,) = (each for each in incidents.incidents if each.case_id == case_id)
    request = operations_service_pb2.RetryIncidentRequest(
        request_id=new_id(), incident_id=incident.incident_id, reason="已登记"
    )
    first = town.operator.operations.RetryIncident(request)
    assert first.incident.HasField("resolved_at")
    assert town.operator.operations.RetryIncident(request) == first
    request.request_id = new_id()
    assert refusal(town.operator.operations.RetryIncident, request)[:2] == ("FAILED_PRECONDITION", "INCIDENT_RESOLVED")
