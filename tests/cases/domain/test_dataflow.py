"""Data between steps: what a result must hold, what later steps see of it, and what if inputs cannot be made."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cases.domain.case import StepStatus, TaskStatus
from services.cases.domain.dataflow import check_result, fits, steps_before
from services.cases.domain.inputs import Completed, InputsFailed, StepForced
from services.cases.domain.plan import Plan, PlanStep, ResultField
from services.cases.domain.refusal import Refusal
from tests.cases.domain.laws import all_laws_hold
from tests.cases.domain.plans import a_plan, a_step
from tests.cases.domain.saga import Saga

NUMBER = ResultField("id_number", "string", shared=True)
REMARK = ResultField("remark", "string", required=False, values=("single", "twins"))
ADDRESS = ResultField("address", "object", required=False, shared=True)
TYPES = ["string", "number", "integer", "boolean", "array", "object"]


def household() -> PlanStep:
    return replace(a_step("household"), result_fields=(NUMBER, REMARK, ADDRESS))


def newborn() -> Plan:
    """birth -> household (shares the number) -> card; park beside the card."""
    return a_plan(
        a_step("birth"),
        replace(household(), after=("birth",)),
        a_step("card", "household"),
        a_step("park", "birth"),
    )


def registered(**result: Any) -> Saga:
    saga = Saga(newborn()).submitted().routed().complete("birth")
    return saga.complete("household", result={"id_number": "33", **result})


@pytest.mark.parametrize(
    ("result", "faults"),
    [
        ({"id_number": "33"}, {}),
        ({"id_number": "33", "remark": "single", "address": {}}, {}),
        ({}, {"result.id_number": "is missing"}),
        ({"id_number": "33", "remark": "twins"}, {}),
        ({"id_number": "33", "remark": "twin"}, {"result.remark": "should be one of single, twins"}),
        ({"id_number": 33}, {"result.id_number": "should be of type string"}),
        ({"id_number": None}, {"result.id_number": "should be of type string"}),
        ({"id_number": "33", "adress": {}}, {"result.adress": "is not declared; there is id_number, remark, address"}),
        (
            {"address": [], "remark": True},
            {
                "result.id_number": "is missing",
                "result.remark": "should be of type string",
                "result.address": "should be of type object",
            },
        ),
    ],
)
def test_a_result_is_what_its_matter_declares(result: dict[str, Any], faults: dict[str, str]) -> None:
    if not faults:
        check_result(household(), result)
        return
    with pytest.raises(Refusal) as refusal:
        check_result(household(), result)
    assert refusal.value.reason == "RESULT_INVALID"
    assert dict(refusal.value.fields) == faults


def test_a_matter_that_declares_nothing_takes_any_result() -> None:
    check_result(a_step("check"), {"whatever": [1, None]})


@pytest.mark.parametrize(
    ("value", "types"),
    [
        ("", {"string"}),
        (1, {"number", "integer"}),
        (1.0, {"number", "integer"}),
        (1.5, {"number"}),
        (float("inf"), {"number"}),
        (True, {"boolean"}),
        ([], {"array"}),
        ({}, {"object"}),
        (None, set()),
    ],
)
def test_a_value_fits_the_types_of_json_schema(value: Any, types: set[str]) -> None:
    assert {name for name in TYPES if fits(value, name)} == types


def test_an_undo_task_and_a_step_without_declaration_take_any_result() -> None:
    saga = Saga(a_plan(replace(household(), undoable=True), a_step("other"))).submitted().routed()
    saga.is_refused(Completed(saga.task_id("household"), "r1", {"id_number": 33}), "RESULT_INVALID")
    saga.complete("household", result={"id_number": "33"}).refuse("other")
    saga.complete("household", result={"anything": 1})
    assert saga.step("household").status is StepStatus.UNDONE


def test_a_refused_result_leaves_the_task_with_its_office() -> None:
    saga = Saga(a_plan(household())).submitted().routed().accept("household")
    task_id = saga.task_id("household")
    saga.is_refused(Completed(task_id, "r1", {}), "RESULT_INVALID")
    assert saga.case.tasks[task_id].status is TaskStatus.ACCEPTED
    saga.take(Completed(task_id, "r1", {"id_number": "33"}))
    assert saga.step("household").status is StepStatus.COMPLETED


def test_later_steps_see_status_and_shared_fields_of_the_steps_before_them() -> None:
    saga = registered(remark="twins", address={"city": "杭州"})
    assert steps_before(saga.case, saga.plan, "card") == {
        "birth": {"status": "completed", "result": {}},
        "household": {"status": "completed", "result": {"id_number": "33", "address": {"city": "杭州"}}},
    }
    assert steps_before(saga.case, saga.plan, "park") == {"birth": {"status": "completed", "result": {}}}
    assert steps_before(saga.case, saga.plan, "birth") == {}


def test_a_skipped_step_has_no_result() -> None:
    saga = Saga(newborn()).submitted("household").routed().complete("birth")
    assert steps_before(saga.case, saga.plan, "card")["household"] == {"status": "skipped", "result": {}}


def test_inputs_that_cannot_be_made_are_an_incident_and_a_retry_opens_the_task_anew() -> None:
    saga = registered()
    task_id = saga.task_id("card")
    saga.take(InputsFailed(task_id, "id_number: no such field."))
    assert saga.case.tasks[task_id].status is TaskStatus.CLOSED
    assert saga.offered() == ["park"]
    assert "id_number: no such field. Retry" in saga.incident("INPUTS_FAILED").description
    all_laws_hold(saga)
    saga.retried("INPUTS_FAILED")
    assert sorted(saga.offered()) == ["card", "park"]
    assert saga.step("card").attempt == 2
    all_laws_hold(saga.drained())


def test_inputs_of_a_task_that_is_not_open_matter_no_more() -> None:
    saga = registered()
    task_id = saga.task_id("card")
    saga.complete("card")
    assert not saga.take(InputsFailed(task_id, "late.")).changed
    saga.is_refused(InputsFailed("c1:card:9", "never opened."), "TASK_NOT_FOUND")


def test_a_refusal_elsewhere_ends_the_incident_of_inputs() -> None:
    saga = registered()
    saga.take(InputsFailed(saga.task_id("card"), "no such field."))
    saga.refuse("park")
    assert saga.open_incidents == {}
    all_laws_hold(saga.drained())


RESULTS = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers() | st.text(max_size=2), max_size=3)
FIELDS = st.lists(
    st.builds(
        ResultField,
        st.sampled_from(["a", "b", "c"]),
        st.just("string"),
        required=st.just(value=False),
        shared=st.booleans(),
    ),
    unique_by=lambda field: field.name,
    max_size=3,
)


@given(FIELDS, RESULTS)
def test_nothing_is_seen_beyond_the_shared_fields(fields: list[ResultField], result: dict[str, Any]) -> None:
    step = replace(household(), result_fields=tuple(fields))
    plan = a_plan(step, a_step("card", "household"))
    saga = Saga(plan).submitted().routed()
    try:
        saga.complete("household", result=result)
    except Refusal:
        return
    seen = steps_before(saga.case, plan, "card")["household"]["result"]
    assert seen.keys() <= {field.name for field in fields if field.shared}
    assert seen.items() <= saga.step("household").result.items()  # type: ignore[union-attr]


def test_a_result_that_an_operator_gives_is_what_the_matter_declares_too() -> None:
    saga = Saga(newborn()).submitted().routed().complete("birth")
    saga.is_refused(StepForced("household", "the system is gone", {"id_number": 5}), "RESULT_INVALID")
    saga.take(StepForced("household", "the system is gone", {"id_number": "33"}))
    assert steps_before(saga.case, saga.plan, "card")["household"]["result"] == {"id_number": "33"}


def test_what_was_undone_has_no_result_any_more() -> None:
    plan = a_plan(replace(household(), undoable=True), a_step("card", "household"))
    saga = Saga(plan).submitted().routed().complete("household", result={"id_number": "33"})
    saga.refuse("card").complete("household")
    assert steps_before(saga.case, plan, "card")["household"] == {"status": "undone", "result": {}}
