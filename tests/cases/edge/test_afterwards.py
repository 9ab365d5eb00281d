"""Ratings and deliveries at the gRPC edge: who may say what of which case."""

import threading
from typing import Any

import pytest

from chassis.clock import new_id
from duokua.cases.v1 import case_pb2, case_service_pb2, task_pb2
from duokua.data import from_struct, to_struct
from tests.cases.builders import a_bundle
from tests.cases.offices import Offices, an_answer, answering, application, pulled, refusal

pb = case_service_pb2


def rating(case_id: str, level: int = 1, *, request_id: str = "", **values: Any) -> pb.RateCaseRequest:
    fields: dict[str, Any] = {"request_id": request_id or new_id(), "case_id": case_id, "level": level, **values}
    return pb.RateCaseRequest(**fields)


def delivering(case_id: str, channel: str = "邮寄", receiver: str = "李雷") -> pb.DeliverCaseRequest:
    return pb.DeliverCaseRequest(
        request_id=f"delivers {case_id} {channel}", case_id=case_id, channel=channel, receiver=receiver
    )


def refused_case(town: Offices) -> str:
    (case_id,) = town.opened()
    (food,) = pulled(town.food)
    town.food.tasks.AnswerTask(answering(an_answer(food, "refuse")))
    return case_id


def finished_case(town: Offices) -> str:
    """A completed case of a bundle that the sign office leads and the food office handles alone."""
    bundle = a_bundle(bundle_id="led")
    bundle.lead.organ_id = town.sign_organ
    del bundle.steps[1:]
    town.publish(bundle)
    case_id = town.applicant.cases.SubmitCase(application(bundle_id="led")).case.case_id
    town.route(case_id, check=town.food_organ)
    (task,) = pulled(town.food)
    town.food.tasks.AnswerTask(answering(an_answer(task)))
    return case_id


def test_an_applicant_rates_and_the_office_answers_while_the_case_is_watched(town: Offices) -> None:
    case_id = refused_case(town)
    assert town.applicant.cases.GetCase(pb.GetCaseRequest(case_id=case_id)).case.stage == case_pb2.STAGE_NOT_ACCEPTED
    case = town.applicant.cases.RateCase(rating(case_id, 5, step_id="food", tags=["慢"], comment="太慢")).case
    assert [(each.step_id, each.level, list(each.tags), each.comment) for each in case.ratings] == [
        ("food", 5, ["慢"], "太慢")
    ]
    assert case.final_result == case_pb2.FINAL_RESULT_REFUSED_TO_ACCEPT
    seen: list[case_pb2.Case] = []
    watch = town.applicant.cases.WatchCase(pb.WatchCaseRequest(case_id=case_id), timeout=30)
    reader = threading.Thread(target=lambda: seen.extend(each.case for each in watch))
    reader.start()
    (task,) = pulled(town.food)
    assert (task.kind, task.rating.comment) == (task_pb2.TASK_KIND_FOLLOW_UP, "太慢")
    answer = an_answer(task)
    answer.complete.result.CopyFrom(to_struct({"verified": True, "done": "已致歉"}))
    town.food.tasks.AnswerTask(answering(answer))
    reader.join(30)
    assert not reader.is_alive()
    (follow_up,) = seen[-1].follow_ups
    assert from_struct(follow_up.result) == {"verified": True, "done": "已致歉"}
    assert seen[-1].status == case_pb2.CASE_STATUS_UNDONE


def test_nobody_else_rates_a_case(town: Offices) -> None:
    case_id = refused_case(town)
    for platform in (town.stranger, town.portal):
        assert refusal(platform.cases.RateCase, rating(case_id)) == ("NOT_FOUND", "CASE_NOT_FOUND", [])
    for platform in (town.operator, town.food):
        assert refusal(platform.cases.RateCase, rating(case_id))[1] == "PERMISSION_MISSING"
    assert not town.applicant.cases.GetCase(pb.GetCaseRequest(case_id=case_id)).case.ratings


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({"level": 0}, ["level"]),
        ({"level": 6}, ["level"]),
        ({"tags": [""]}, ["tags"]),
        ({"tags": ["慢", "慢 "]}, ["tags"]),
        ({"tags": [str(number) for number in range(21)]}, ["tags"]),
        ({"comment": "长" * 1001}, ["comment"]),
        ({"case_id": ""}, ["case_id"]),
    ],
)
def test_a_bad_rating_is_refused_with_its_field(town: Offices, values: dict[str, Any], fields: list[str]) -> None:
    case_id = refused_case(town)
    found = refusal(town.applicant.cases.RateCase, rating(**{"case_id": case_id, **values}))
    assert (found[0], found[2]) == ("INVALID_ARGUMENT", fields)


def test_a_case_is_rated_once_it_has_ended(town: Offices) -> None:
    (case_id,) = town.opened()
    assert refusal(town.applicant.cases.RateCase, rating(case_id))[:2] == ("FAILED_PRECONDITION", "NOT_RATABLE")
    (task,) = pulled(town.food)
    town.food.tasks.AnswerTask(answering(an_answer(task, "refuse")))
    town.applicant.cases.RateCase(rating(case_id, 2, request_id="r1"))
    town.applicant.cases.RateCase(rating(case_id, 2, request_id="r2"))
    found = refusal(town.applicant.cases.RateCase, rating(case_id, 3, request_id="r3"))
    assert found[:2] == ("FAILED_PRECONDITION", "ALREADY_RATED")


def test_the_lead_or_an_operator_says_that_results_went_out(town: Offices) -> None:
    case_id = finished_case(town)
    assert refusal(town.food.cases.DeliverCase, delivering(case_id)) == ("NOT_FOUND", "CASE_NOT_FOUND", [])
    assert refusal(town.applicant.cases.DeliverCase, delivering(case_id))[1] == "PERMISSION_MISSING"
    delivery = town.sign.cases.DeliverCase(delivering(case_id)).delivery
    assert (delivery.channel, delivery.receiver) == ("邮寄", "李雷")
    assert town.operator.cases.DeliverCase(delivering(case_id)).delivery == delivery
    found = refusal(town.operator.cases.DeliverCase, delivering(case_id, "窗口"))
    assert found[:2] == ("FAILED_PRECONDITION", "ALREADY_DELIVERED")
    assert town.applicant.cases.GetCase(pb.GetCaseRequest(case_id=case_id)).case.delivery == delivery


def test_only_a_completed_case_is_delivered_and_fields_are_named(town: Offices) -> None:
    case_id = refused_case(town)
    assert refusal(town.operator.cases.DeliverCase, delivering(case_id))[1] == "NOT_COMPLETED"
    assert refusal(town.operator.cases.DeliverCase, delivering(case_id, channel=""))[2] == ["channel"]
