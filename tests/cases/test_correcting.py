"""What applicants supply when asked for corrections: taken whole, kept, and given to the offices that asked."""

from typing import Any

import pytest
from sqlalchemy import select

from chassis.problems import Conflict, Invalid, NotFound, Problem
from duokua.cases.v1 import case_pb2, task_pb2
from duokua.data import from_struct
from services.cases import store
from services.cases.domain.case import CaseStatus, StepStatus
from services.cases.domain.clocks import StopKind
from services.cases.domain.inputs import Resumed
from services.cases.domain.proceedings import CorrectionItem, CorrectionStatus, ItemKind
from services.cases.messages import case_message
from services.cases.replaying import replay
from services.cases.vouching import unvouched
from tests.cases.builders import (
    Town,
    a_bundle,
    a_form,
    a_material,
    asking,
    code,
    completing,
    field,
    given,
    reason_of,
    refused,
    resuming,
    suspending,
    tables,
    taken,
)

LEASE = CorrectionItem(ItemKind.MATERIAL, "lease", "看不清")
AREA = field("shop.area")
OWNER = field("owner", "与证件不符")
NEW_PDF = b"%PDF-1.7 the lease, legible"


def ask(town: Town, task: task_pb2.Task, *items: CorrectionItem, reason: str = "") -> None:
    taken(town.answer(asking(task, *items, reason=reason)))


def refusal(
    town: Town, case_id: str, changes: dict[str, Any], *materials: case_pb2.Material, number: int = 1
) -> Problem:
    """The problem with which it is refused; nothing is changed by it."""
    before = tables(town.database)
    with pytest.raises(Problem) as caught:
        town.correct(case_id, changes, *materials, number=number)
    assert tables(town.database) == before
    return caught.value


def test_what_is_supplied_reaches_the_office_and_what_was_before_is_kept(town: Town) -> None:
    case_id = town.running()
    first = town.one("food")
    ask(town, first, AREA, LEASE)
    assert town.statuses(case_id)["food"] == "correcting"
    assert not town.lease("food")
    town.correct(case_id, {"shop": {"area": 90}}, a_material(content=NEW_PDF))
    again = town.one("food")
    assert (again.attempt, again.corrections, again.accepted) == (2, 1, False)
    assert from_struct(again.form) == {"owner": "李雷", "shop": {"area": 90}}
    with town.database.read() as work:
        assert town.tasks.material(work, "food", again.task_id, again.materials[0].sha256).content == NEW_PDF
        (earlier,) = work.connection.execute(select(store.case_forms)).all()
    assert (earlier.version, earlier.form, earlier.at) == (1, a_form(), town.row(case_id).submitted_at)
    assert earlier.materials[0]["sha256"] == first.materials[0].sha256
    assert town.row(case_id).form == a_form(area=90)
    taken(town.answer(completing(again)))


def test_every_version_is_kept(town: Town) -> None:
    case_id = town.running()
    for number, area in enumerate((90, 80), 1):
        ask(town, town.one("food"), AREA, reason="仍不符")
        town.correct(case_id, {"shop": {"area": area}}, number=number)
    with town.database.read() as work:
        rows = work.connection.execute(select(store.case_forms).order_by(store.case_forms.c.version)).all()
    assert [(row.version, row.form["shop"]["area"]) for row in rows] == [(1, 120), (2, 90)]
    assert town.one("food").corrections == 2


def test_two_offices_ask_and_the_applicant_supplies_once(town: Town) -> None:
    bundle = a_bundle(bundle_id="two-ask")
    bundle.steps[2].form_fields.append("owner")
    town.publish(bundle)
    case_id = town.submit(bundle_id="two-ask")
    town.route(case_id)
    town.complete("check")
    ask(town, town.one("food"), OWNER, LEASE)
    ask(town, town.one("sign"), OWNER)
    events = town.events("CorrectionRequested")
    assert [len(event.correction.requests) for event in events] == [1, 2]
    town.correct(case_id, {"owner": "韩梅梅"}, a_material())
    assert [from_struct(town.one(office).form)["owner"] for office in ("food", "sign")] == ["韩梅梅"] * 2
    assert len(town.events("CorrectionSupplied")) == 1


def test_all_that_is_missing_or_not_asked_for_is_named_at_once(town: Town) -> None:
    case_id = town.running()
    ask(town, town.one("food"), AREA, OWNER, LEASE)
    problem = refusal(town, case_id, {"email": "a@b.cn"}, a_material("photo"))
    assert isinstance(problem, Invalid)
    assert problem.reason == "CORRECTION_INVALID"
    assert sorted(each.field for each in problem.violations) == sorted(
        ["form.email", "form.owner", "form.shop.area", "materials[0].kind", "materials"]
    )


def test_what_is_supplied_fits_the_form_and_the_kinds_of_material(town: Town) -> None:
    case_id = town.running()
    ask(town, town.one("food"), OWNER, LEASE)
    problem = refusal(town, case_id, {"owner": "李"}, a_material())
    assert isinstance(problem, Invalid)
    assert [each.field for each in problem.violations] == ["form.owner"]
    problem = refusal(town, case_id, {"owner": "李磊"}, a_material(media_type="image/png"))
    assert isinstance(problem, Invalid)
    assert [each.field for each in problem.violations] == ["materials[0].media_type"]
    problem = refusal(town, case_id, {"owner": None}, a_material())
    assert isinstance(problem, Invalid)
    assert [each.field for each in problem.violations] == ["form"]


def test_a_correction_does_not_change_which_steps_there_are(town: Town) -> None:
    case_id = town.running()
    ask(town, town.one("food"), AREA)
    problem = refusal(town, case_id, {"shop": {"area": 400}})
    assert isinstance(problem, Conflict)
    assert (problem.reason, problem.metadata) == ("CORRECTION_CHANGES_STEPS", {"step_id": "fire"})


def test_what_was_decided_by_results_stays_decided_and_what_was_not_is_decided_by_the_new_form(town: Town) -> None:
    bundle = a_bundle(bundle_id="late")
    bundle.steps[0].form_fields.append("shop.area")
    bundle.steps[3].when = 'steps["check"].status == "completed" && form.shop.area > 300'
    town.publish(bundle)
    case_id = town.submit(bundle_id="late")
    town.route(case_id)
    ask(town, town.one("check"), AREA)
    town.correct(case_id, {"shop": {"area": 400}})
    town.complete("check")
    assert town.statuses(case_id)["fire"] == "offered"
    ask(town, town.one("food"), AREA)
    problem = refusal(town, case_id, {"shop": {"area": 90}}, number=2)
    assert problem.reason == "CORRECTION_CHANGES_STEPS"
    town.correct(case_id, {"shop": {"area": 301}}, number=2)


def test_a_correction_does_not_change_the_region(town: Town) -> None:
    case_id = town.running()
    ask(town, town.one("food"), field("shop", "重填"))
    problem = refusal(town, case_id, {"shop": {"region": "330102", "area": 120}})
    assert (problem.reason, problem.metadata) == ("CORRECTION_CHANGES_REGION", {"field": "shop.region"})
    town.correct(case_id, {"shop": {"region": "330106", "area": 100}})


def test_the_same_once_more_changes_nothing_and_anything_else_comes_too_late(town: Town) -> None:
    case_id = town.running()
    ask(town, town.one("food"), AREA, LEASE)
    town.correct(case_id, {"shop": {"area": 90}}, a_material())
    before = tables(town.database)
    town.correct(case_id, {"shop": {"area": 90}}, a_material())
    assert tables(town.database) == before
    assert refusal(town, case_id, {"shop": {"area": 80}}, a_material()).reason == "CORRECTION_SETTLED"
    assert isinstance(refusal(town, case_id, {}, number=7), NotFound)


def test_a_withdrawal_ends_the_request(town: Town) -> None:
    case_id = town.running()
    ask(town, town.one("food"), AREA)
    with town.database.begin() as work:
        town.cases.withdraw(work, case_id, "另选了铺面", "person:p1")
    assert town.case(case_id).status is CaseStatus.UNDONE
    assert town.case(case_id).proceedings.corrections[0].status is CorrectionStatus.CANCELLED
    assert refusal(town, case_id, {"shop": {"area": 90}}).reason == "CORRECTION_SETTLED"


def test_an_office_is_told_what_is_wrong_with_its_request(town: Town) -> None:
    town.running()
    task = town.one("food")
    photo = CorrectionItem(ItemKind.MATERIAL, "photo", "缺")
    (outcome,) = town.answer(asking(task, AREA, photo))
    assert isinstance(outcome.problem, Invalid)
    assert outcome.problem.reason == "ITEM_NOT_DECLARED"
    assert "material photo" in outcome.problem.message
    assert [each.field for each in outcome.problem.violations] == ["request_correction.items"]


def test_a_procedure_rests_the_step_and_goes_on_without_a_lease(town: Town) -> None:
    case_id = town.running()
    task = town.one("food")
    taken(town.answer(suspending(task)))
    assert town.statuses(case_id)["food"] == "suspended"
    assert not town.lease("food")
    over = resuming(task, "over")
    others = given(task, Resumed(task.task_id, "over"), lease="", organ_id="sign")
    assert [reason_of(each.problem) for each in town.answer(others)] == ["TASK_NOT_FOUND"]
    taken(town.answer(over))
    taken(town.answer(over))
    again = town.one("food")
    assert again.attempt == 2
    assert refused(town.answer(resuming(task))) == ["PROCEDURE_ENDED"]
    assert refused(town.answer(resuming(again))) == ["PROCEDURE_NOT_FOUND"]
    assert town.case(case_id).steps["food"].status is StepStatus.OFFERED
    (began,), (ended,) = town.events("ProcedureBegan"), town.events("ProcedureEnded")
    assert (began.step.step_id, began.procedure.reason) == ("food", "听取邻里意见")
    assert ended.procedure.HasField("ended_at")
    taken(town.answer(completing(again)))


def test_a_case_tells_its_corrections_and_procedures(town: Town) -> None:
    case_id = town.running()
    ask(town, town.one("food"), AREA, LEASE, reason="两处")
    sign = town.one("sign")
    taken(town.answer(suspending(sign, StopKind.PUBLICITY)))
    with town.database.read() as work:
        plan = town.cases.plans.of(work.connection, "open-shop", 1).plan
        reader = town.cases.reader(work, plan)
    message = case_message(town.row(case_id), plan, reader)
    (request,) = message.corrections[0].requests
    assert (request.step_id, request.organ_id, request.organ_name, request.reason) == ("food", "food", "food局", "两处")
    assert [(item.WhichOneof("item"), item.reason) for item in request.items] == [
        ("field", "与图纸不符"),
        ("material", "看不清"),
    ]
    assert message.corrections[0].hands_back
    (procedure,) = message.procedures
    assert (procedure.step_id, procedure.kind, procedure.task_id) == (
        "sign",
        case_pb2.PROCEDURE_KIND_PUBLICITY,
        sign.task_id,
    )
    statuses = {step.step_id: step.status for step in message.steps}
    assert statuses["food"] == case_pb2.STEP_STATUS_CORRECTING
    assert statuses["sign"] == case_pb2.STEP_STATUS_SUSPENDED


def test_past_the_point_of_no_return_nobody_is_told_that_silence_hands_the_case_back(town: Town) -> None:
    bundle = a_bundle(bundle_id="handed-over")
    bundle.steps.add(step_id="after", catalog_code=code(6), name="回访", after=["deliver"], form_fields=["shop.area"])
    town.publish(bundle)
    case_id = town.submit(bundle_id="handed-over")
    town.route(case_id)
    town.complete("check", "food", "sign", "deliver")
    ask(town, town.one("after"), AREA)
    (told,) = town.events("CorrectionRequested")
    assert not told.correction.hands_back


def test_a_corrected_case_is_rebuilt_from_its_history(town: Town) -> None:
    case_id = town.running()
    ask(town, town.one("food"), AREA)
    town.correct(case_id, {"shop": {"area": 90}})
    with town.database.read() as work:
        entries, difference = replay(work, town.row(case_id), town.cases.plans)
    assert (entries, difference) == (town.case(case_id).version, None)


@pytest.mark.parametrize(
    ("change", "paths"),
    [
        (store.case_forms.update().values(form=a_form(area=9)), ["case_forms.1.form"]),
        (store.case_forms.update().values(materials=[]), ["case_forms.1.materials"]),
        (store.case_forms.delete(), ["case_forms.1.form", "case_forms.1.materials"]),
        (store.case_forms.update().values(version=2), ["case_forms.1.form", "case_forms.1.materials", "case_forms.2"]),
        (store.cases.update().values(form=a_form()), ["cases.form"]),
    ],
)
def test_a_version_of_a_form_that_was_changed_afterwards_is_named(town: Town, change: Any, paths: list[str]) -> None:
    case_id = town.running()
    ask(town, town.one("food"), AREA)
    town.correct(case_id, {"shop": {"area": 90}})
    with town.database.begin() as work:
        assert list(unvouched(work.connection, [case_id])) == []
        work.connection.execute(change)
        assert [each.path for each in unvouched(work.connection, [case_id])] == paths
