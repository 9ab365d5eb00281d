"""The shipped scenarios 企业注销 and 企业迁移登记: what they promise beyond what all shipped ones have in common."""

import json
from pathlib import Path

import pytest
from stdnum.cn import uscc

from cli.scenarios.folders import read_folder
from services.matters.domain.bundle import Burden, Scenario
from services.matters.domain.limits import Limit, TimeUnit
from services.matters.domain.savings import savings_of
from services.matters.package.compiler import compile_package
from tests.docs.pages import ROOT

CLOSE, MOVE = (ROOT / "scenarios" / name for name in ("close-company", "move-company"))
EXAMPLES = [path for folder in (CLOSE, MOVE) for path in sorted((folder / "examples").glob("*.json"))]


@pytest.fixture(scope="module")
def closing() -> Scenario:
    return compile_package(read_folder(CLOSE))


@pytest.fixture(scope="module")
def moving() -> Scenario:
    return compile_package(read_folder(MOVE))


def days(number: int) -> Limit:
    return Limit(number, TimeUnit.WORKING_DAY)


def test_ten_days_for_the_tax_and_one_for_the_register_and_for_all_that_follows(closing: Scenario) -> None:
    promised = {step.step_id: step.limits.promised for step in closing.steps}
    assert promised["tax-clearance"] == days(10)
    after = [step.step_id for step in closing.steps if step.after == ("company-deregistration",)]
    assert len(after) == 4
    assert {promised[step_id] for step_id in ("company-deregistration", *after)} == {days(1)}
    assert closing.limits.promised == days(12)


def test_a_company_is_struck_off_by_one_of_two_procedures_and_stays_so(closing: Scenario) -> None:
    assert [step.step_id for step in closing.steps if step.choice] == ["simple-review", "liquidation-review"]
    assert [step.step_id for step in closing.steps if step.pivot] == ["company-deregistration"]
    assert [step.step_id for step in closing.steps if step.undoable] == ["tax-clearance"]


@pytest.mark.parametrize(
    ("folder", "shared"),
    [
        (
            CLOSE,
            {"certificate_number", "announcement_number", "filing_number", "approval_number", "deregistered_on"},
        ),
        (MOVE, {"letter_number", "file_number", "changed_on"}),
    ],
    ids=["closing", "moving"],
)
def test_offices_give_each_other_numbers_and_days_and_nothing_else(folder: Path, shared: set[str]) -> None:
    matters = compile_package(read_folder(folder)).matters
    assert {field.name for matter in matters for field in matter.result_fields if field.shared} == shared


def test_file_and_tax_are_handled_where_the_company_leaves_and_all_else_where_it_moves_to(moving: Scenario) -> None:
    assert moving.region_field == "target.region"
    elsewhere = {step.step_id: step.region_field for step in moving.steps if step.region_field}
    assert elsewhere == {"file-transfer": "company.region", "tax-move": "company.region"}
    assert [step.step_id for step in moving.steps if step.region_field and step.office] == []


def test_a_move_saves_what_one_city_reports(moving: Scenario) -> None:
    savings = savings_of(moving)
    assert (savings.before.visits, savings.before.materials, savings.before.days) == (9, 22, 9)
    assert savings.after == Burden(forms=1, fields=savings.after.fields, materials=6, visits=1, days=3)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_of_an_invented_company_whose_code_is_of_its_region(path: Path) -> None:
    company = json.loads(path.read_text("utf-8"))["company"]
    assert uscc.is_valid(company["uscc"])
    assert company["uscc"][2:8] == company["region"]
    assert all("示例" in company[name] for name in ("name", "representative"))
    assert any(word in company["address"] for word in ("示例", "虚构", "样板"))
