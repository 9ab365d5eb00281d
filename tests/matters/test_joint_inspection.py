"""The shipped scenario 涉企联合检查: one visit, one report, and each department orders what is its own."""

from pathlib import Path

import pytest

from services.matters.domain.bundle import Scenario, Step
from services.matters.package.compiler import compile_package

FOLDER = Path(__file__).parents[2] / "scenarios" / "joint-inspection"
DEPARTMENTS = ("market", "emergency", "fire", "ecology")


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    files = {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in FOLDER.rglob("*") if path.is_file()}
    return compile_package(files)


def step(scenario: Scenario, step_id: str) -> Step:
    return next(each for each in scenario.steps if each.step_id == step_id)


def test_nobody_inspects_or_looks_again_alone(scenario: Scenario) -> None:
    assert {visit.visit_id: visit.steps for visit in scenario.visits} == {
        "inspection": DEPARTMENTS,
        "recheck": tuple(f"recheck-{each}" for each in DEPARTMENTS),
    }


def test_the_report_is_given_the_findings_of_all_and_no_records(scenario: Scenario) -> None:
    report = step(scenario, "report")
    assert report.pivot
    assert {each.name for each in report.inputs} == {
        "task_number",
        *(f"{each}_{what}" for each in DEPARTMENTS for what in ("checked", "problems")),
    }
    shared = {field.name for each in scenario.steps for field in each.matter.result_fields if field.shared}
    assert shared == {"task_number", "problems", "deadline", "outcome"}


@pytest.mark.parametrize("department", DEPARTMENTS)
def test_a_department_orders_and_looks_at_its_own_findings_under_its_own_seal(
    scenario: Scenario, department: str
) -> None:
    order, recheck = step(scenario, f"order-{department}"), step(scenario, f"recheck-{department}")
    offices = {each.office for each in (step(scenario, department), order, recheck)}
    assert len(offices) == 1
    assert f'size(steps["{department}"].result.problems) > 0' in order.when
    assert recheck.when == f'steps["order-{department}"].status == "completed"'
    for each in (order, recheck):
        others = [other for other in DEPARTMENTS if other != department]
        assert not any(f'"{other}"' in given.expression for other in others for given in each.inputs)
        assert each.matter.notice is not None
        assert each.matter.notice.seal == ""


def test_a_department_that_does_not_come_and_an_order_that_is_not_needed_stop_nobody(scenario: Scenario) -> None:
    assert {each.step_id for each in scenario.steps if each.optional} == {
        *DEPARTMENTS,
        *(f"order-{each}" for each in DEPARTMENTS),
    }


def test_inspections_are_inspections_and_the_approval_is_internal(scenario: Scenario) -> None:
    types = {each.step_id: each.matter.type_code for each in scenario.steps}
    assert {types[each] for each in (*DEPARTMENTS, *(f"recheck-{each}" for each in DEPARTMENTS))} == {"06"}
    assert types["approval"] == "11"
    assert scenario.catalog_code[2:4] == "06"
