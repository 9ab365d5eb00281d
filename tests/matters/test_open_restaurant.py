"""The shipped scenario 开办餐饮店: sound, and its examples take the branches that their names say."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from cel_expr_python import cel
from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from stdnum.cn import uscc

from services.matters.domain.bundle import Scenario
from services.matters.package.compiler import compile_package

FOLDER = Path(__file__).parents[2] / "scenarios" / "open-restaurant"
EXAMPLES = sorted((FOLDER / "examples").glob("*.json"))


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    files = {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in FOLDER.rglob("*") if path.is_file()}
    return compile_package(files)


def test_the_steps_are_those_of_the_bundle(scenario: Scenario) -> None:
    assert [(step.step_id, step.after, step.undoable, step.pivot) for step in scenario.steps] == [
        ("check-licence", (), False, False),
        ("food-licence", ("check-licence",), True, False),
        ("outdoor-sign", ("check-licence",), True, False),
        ("fire-safety", ("check-licence",), True, False),
        ("deliver-results", ("food-licence", "outdoor-sign", "fire-safety"), False, True),
    ]


def test_nothing_is_labelled_national(scenario: Scenario) -> None:
    codes = [scenario.catalog_code, *(matter.catalog_code for matter in scenario.matters)]
    assert {code[:2] for code in codes} == {"33"}
    assert len(set(codes)) == len(codes)


def test_there_are_three_examples() -> None:
    assert len(EXAMPLES) == 3


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_a_valid_form_of_an_invented_firm(path: Path, scenario: Scenario) -> None:
    form = json.loads(path.read_text(encoding="utf-8"))
    validator = jsonschema_rs.Draft202012Validator(
        json.loads(scenario.form_schema), offline=True, validate_formats=True
    )
    assert [error.message for error in validator.iter_errors(form)] == []
    assert uscc.is_valid(form["applicant"]["uscc"])
    assert "示例" in form["applicant"]["name"]
    assert form["premises"]["region"] == "330106"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_fire_safety_applies_as_the_name_of_the_example_says(path: Path, scenario: Scenario) -> None:
    form = json.loads(path.read_text(encoding="utf-8"))
    environment = cel.NewEnv(variables={"form": cel.Type.Map(cel.Type.STRING, cel.Type.DYN)})
    (when,) = {step.when for step in scenario.steps if step.when}
    applies = environment.compile(when).eval(data={"form": form}).value()
    assert applies is ("with-fire-safety" in path.stem)


@pytest.mark.parametrize("result", [{}, {"licence_number": "JY1", "permit_number": "H1", "certificate_number": "X1"}])
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_notice_can_be_rendered_from_the_fields_that_its_office_sees(
    path: Path, result: dict[str, Any], scenario: Scenario
) -> None:
    form = json.loads(path.read_text(encoding="utf-8"))
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, trim_blocks=True)
    environment.filters["date"] = str
    for matter in scenario.matters:
        if matter.notice:
            text = environment.from_string(matter.notice.template).render(
                form=only(form, matter.form_fields),
                result=result,
                case={"number": "办件1", "bundle_name": "开办餐饮店"},
                step={"name": "", "organ_name": ""},
                decided_at="",
            )
            assert form["applicant"]["name"] in text
            assert all(line.strip() for line in text.strip().splitlines())


def only(form: dict[str, Any], paths: tuple[str, ...]) -> dict[str, Any]:
    """The part of a form that an office sees."""
    seen: dict[str, Any] = {}
    for path in paths:
        source, target = form, seen
        *above, last = path.split(".")
        for name in above:
            source, target = source[name], target.setdefault(name, {})
        target[last] = source[last]
    return seen
