"""Corrections and special procedures at the gRPC edge: asked for by an office, supplied by the applicant alone."""

from typing import Any

import pytest

from duokua.cases.v1 import case_pb2, case_service_pb2, task_pb2
from duokua.data import from_struct, to_struct
from tests.cases.builders import a_material, a_pdf
from tests.cases.offices import Offices, an_answer, answering, pulled, refusal

pb = case_service_pb2


def correcting(case_id: str, request_id: str = "", **changes: Any) -> pb.CorrectCaseRequest:
    values = {
        "correction_no": 1,
        "form": to_struct({"shop": {"area": 90}}),
        "materials": [a_material(content=a_pdf("legible"))],
    }
    request_id = request_id or f"corrects {case_id}"
    return pb.CorrectCaseRequest(request_id=request_id, case_id=case_id, **{**values, **changes})


def asking(task: task_pb2.Task, *items: case_pb2.CorrectionItem, reason: str = "") -> task_pb2.TaskAnswer:
    answer = an_answer(task, "")
    asked = items or (
        case_pb2.CorrectionItem(field="shop.area", reason="与图纸不符"),
        case_pb2.CorrectionItem(material="lease", reason="看不清"),
    )
    answer.request_correction.items.extend(asked)
    answer.request_correction.reason = reason
    return answer


def test_an_office_asks_the_applicant_supplies_and_the_office_goes_on(town: Offices) -> None:
    (case_id,) = town.opened()
    (food,) = pulled(town.food)
    town.food.tasks.AnswerTask(answering(asking(food)))
    case = town.applicant.cases.GetCase(pb.GetCaseRequest(case_id=case_id)).case
    assert case.corrections[0].status == case_pb2.CORRECTION_STATUS_OPEN
    assert not pulled(town.food)
    corrected = town.applicant.cases.CorrectCase(correcting(case_id)).case
    assert corrected.corrections[0].status == case_pb2.CORRECTION_STATUS_SUPPLIED
    assert town.applicant.cases.CorrectCase(correcting(case_id)).case == corrected
    assert town.applicant.cases.CorrectCase(correcting(case_id, "again")).case.version == corrected.version
    (again,) = pulled(town.food)
    assert from_struct(again.form)["shop"] == {"area": 90}
    assert again.corrections == 1
    entries = town.applicant.cases.GetHistory(pb.GetHistoryRequest(case_id=case_id, page_size=1000)).entries
    assert entries[-1].kind == "corrected"
    assert entries[-1].actor.startswith("person:")
    town.food.tasks.AnswerTask(answering(an_answer(again)))


def test_nobody_else_supplies_it(town: Offices) -> None:
    (case_id,) = town.opened()
    (food,) = pulled(town.food)
    town.food.tasks.AnswerTask(answering(asking(food)))
    for platform in (town.stranger, town.portal):
        assert refusal(platform.cases.CorrectCase, correcting(case_id)) == ("NOT_FOUND", "CASE_NOT_FOUND", [])
    for platform in (town.operator, town.food):
        assert refusal(platform.cases.CorrectCase, correcting(case_id))[1] == "PERMISSION_MISSING"
    case = town.applicant.cases.GetCase(pb.GetCaseRequest(case_id=case_id)).case
    assert case.corrections[0].status == case_pb2.CORRECTION_STATUS_OPEN


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"correction_no": 0}, ("INVALID_ARGUMENT", "BAD_REQUEST", ["correction_no"])),
        ({"correction_no": 9}, ("NOT_FOUND", "CORRECTION_NOT_FOUND", [])),
        ({"materials": []}, ("INVALID_ARGUMENT", "CORRECTION_INVALID", ["materials"])),
        ({"form": None}, ("INVALID_ARGUMENT", "CORRECTION_INVALID", ["form.shop.area"])),
        (
            {"form": to_struct({"shop": {"area": 1}, "owner": "王"})},
            ("INVALID_ARGUMENT", "CORRECTION_INVALID", ["form.owner"]),
        ),
        ({"form": to_struct({"shop": {"area": 900}})}, ("FAILED_PRECONDITION", "CORRECTION_CHANGES_STEPS", [])),
        (
            {"form": to_struct({"shop": {"area": ["x" * 900] * 400}})},
            ("INVALID_ARGUMENT", "BAD_REQUEST", ["form"]),
        ),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_taken(
    town: Offices, changes: dict[str, Any], found: tuple[str, str, list[str]]
) -> None:
    (case_id,) = town.opened()
    (food,) = pulled(town.food)
    town.food.tasks.AnswerTask(answering(asking(food)))
    assert refusal(town.applicant.cases.CorrectCase, correcting(case_id, **changes)) == found
    assert town.row(case_id).form["shop"]["area"] == 120


def test_what_an_office_may_not_ask_for_is_refused(town: Offices) -> None:
    town.opened()
    (food,) = pulled(town.food)
    for answer, reason in (
        (asking(food, case_pb2.CorrectionItem(field="email", reason="缺")), "ITEM_NOT_DECLARED"),
        (asking(food, case_pb2.CorrectionItem(reason="缺")), "BAD_REQUEST"),
        (asking(food, case_pb2.CorrectionItem(field="owner")), "BAD_REQUEST"),
    ):
        assert refusal(town.food.tasks.AnswerTask, answering(answer))[:2] == ("INVALID_ARGUMENT", reason)
    town.food.tasks.AnswerTask(answering(an_answer(food)))


def test_a_procedure_begins_and_its_office_says_without_a_lease_that_it_is_over(town: Offices) -> None:
    (case_id,) = town.opened()
    (food,) = pulled(town.food)
    begun = an_answer(food, "")
    begun.suspend.kind, begun.suspend.reason = case_pb2.PROCEDURE_KIND_HEARING, "听证"
    town.food.tasks.AnswerTask(answering(begun))
    (procedure,) = town.applicant.cases.GetCase(pb.GetCaseRequest(case_id=case_id)).case.procedures
    assert (procedure.task_id, procedure.HasField("ended_at")) == (food.task_id, False)
    over = an_answer(food, "resume", lease="")
    assert refusal(town.sign.tasks.AnswerTask, answering(over))[:2] == ("NOT_FOUND", "TASK_NOT_FOUND")
    town.food.tasks.AnswerTask(answering(over))
    town.food.tasks.AnswerTask(answering(over))
    late = an_answer(food, "resume", lease="")
    assert refusal(town.food.tasks.AnswerTask, answering(late))[1] == "PROCEDURE_ENDED"
    (again,) = pulled(town.food)
    town.food.tasks.AnswerTask(answering(an_answer(again)))


def test_every_other_answer_names_its_lease(town: Offices) -> None:
    town.opened()
    (food,) = pulled(town.food)
    assert refusal(town.food.tasks.AnswerTask, answering(an_answer(food, lease="")))[2] == ["answer.lease"]
