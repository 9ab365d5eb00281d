"""The shipped scenario 新生儿出生: sound, and what one office yields goes where it is needed and nowhere else."""

import json
from pathlib import Path

import jsonschema_rs
import pytest
from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from stdnum.cn import ric

from services.cases.expressions import Condition
from services.matters.domain.bundle import Scenario
from services.matters.domain.limits import Limit, TimeUnit
from services.matters.package.compiler import compile_package

FOLDER = Path(__file__).parents[2] / "scenarios" / "newborn"
EXAMPLES = sorted((FOLDER / "examples").glob("*.json"))


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    files = {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in FOLDER.rglob("*") if path.is_file()}
    return compile_package(files)


def test_the_id_number_and_the_certificate_go_where_they_are_needed(scenario: Scenario) -> None:
    number = 'steps["household-registration"].result.id_number'
    certificate = 'steps["birth-certificate"].result.certificate_number'
    assert {step.step_id: {each.name: each.expression for each in step.inputs} for step in scenario.steps} == {
        "birth-certificate": {},
        "vaccination-record": {},
        "household-registration": {"certificate_number": certificate},
        "social-security-card": {"id_number": number},
        "medical-insurance": {"id_number": number},
        "birth-costs": {"certificate_number": certificate},
        "parenting-guidance": {},
    }


def test_nothing_else_of_a_result_is_shared(scenario: Scenario) -> None:
    shared = {field.name for matter in scenario.matters for field in matter.result_fields if field.shared}
    assert shared == {"id_number", "certificate_number"}


def test_the_registration_is_the_point_of_no_return(scenario: Scenario) -> None:
    assert [step.step_id for step in scenario.steps if step.pivot] == ["household-registration"]
    assert [step.step_id for step in scenario.steps if step.undoable] == ["birth-certificate", "birth-costs"]


def test_nobody_applies_for_the_reimbursement_and_the_guidance(scenario: Scenario) -> None:
    steps = {step.step_id: step.after for step in scenario.steps if step.without_application}
    assert steps == {"birth-costs": ("birth-certificate",), "parenting-guidance": ("birth-certificate",)}


def test_every_office_has_a_promise_within_that_of_the_whole(scenario: Scenario) -> None:
    assert scenario.limits.promised == Limit(4, TimeUnit.WORKING_DAY)
    assert {step.limits.promised for step in scenario.steps} == {Limit(1, TimeUnit.WORKING_DAY)}


def test_nothing_is_labelled_national(scenario: Scenario) -> None:
    codes = [scenario.catalog_code, *(matter.catalog_code for matter in scenario.matters)]
    assert {code[:2] for code in codes} == {"33"}
    assert len(set(codes)) == len(codes)


def test_there_are_three_examples() -> None:
    assert len(EXAMPLES) == 3


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_a_valid_form_of_invented_people(path: Path, scenario: Scenario) -> None:
    form = json.loads(path.read_text(encoding="utf-8"))
    validator = jsonschema_rs.Draft202012Validator(
        json.loads(scenario.form_schema), offline=True, validate_formats=True
    )
    assert [error.message for error in validator.iter_errors(form)] == []
    parents = [form[name] for name in ("mother", "father") if name in form]
    assert all(ric.is_valid(parent["id_number"]) for parent in parents)
    assert all("示例" in person["name"] for person in [form["newborn"], *parents])
    assert form["household"]["region"] == "330106"


RESULT = {
    "certificate_number": "X1",
    "id_number": "33",
    "card_number": "6",
    "insured_from": "2026-03-01",
    "amount": 2.5,
}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_notice_can_be_rendered(path: Path, scenario: Scenario) -> None:
    form = json.loads(path.read_text(encoding="utf-8"))
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, trim_blocks=True)
    environment.filters["date"] = str
    for step in scenario.steps:
        matter = step.matter
        if matter.notice and (not step.when or Condition(step.when).holds(form)):
            text = environment.from_string(matter.notice.template).render(
                form=form,
                result=RESULT,
                case={"number": "办件1", "bundle_name": "新生儿出生"},
                step={"name": "", "organ_name": ""},
                decided_at="",
            )
            assert all(line.strip() for line in text.strip().splitlines())
            printed = [value for name, value in RESULT.items() if f"result.{name}" in matter.notice.template]
            assert all(str(value) in text for value in printed)
