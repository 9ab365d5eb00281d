"""The shipped scenario 12345热线诉求办理: whoever the triage names has a step, and no office learns who called."""

from pathlib import Path

import pytest

from services.matters.domain.bundle import Scenario, Step
from services.matters.package.compiler import compile_package

FOLDER = Path(__file__).parents[2] / "scenarios" / "hotline"
HANDLERS = {"urban", "housing", "market", "ecology", "street", "centre"}


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    files = {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in FOLDER.rglob("*") if path.is_file()}
    return compile_package(files)


def step(scenario: Scenario, step_id: str) -> Step:
    return next(each for each in scenario.steps if each.step_id == step_id)


def test_each_word_of_the_triage_is_the_condition_of_one_step_and_the_reply_waits_for_all(scenario: Scenario) -> None:
    (handler,) = (each for each in step(scenario, "triage").matter.result_fields if each.name == "handler")
    assert set(handler.values) == HANDLERS
    branches = {each.step_id: each.when for each in scenario.steps if '"triage"' in each.when}
    assert branches == {word: f'steps["triage"].result.handler == "{word}"' for word in HANDLERS}
    assert set(step(scenario, "reply").after) == HANDLERS


def test_the_reply_and_its_outcome_come_from_whoever_handled_it(scenario: Scenario) -> None:
    given = {each.name: each.expression for each in step(scenario, "reply").inputs}
    assert all(f'steps["{word}"].result.answer' in given["answer"] for word in HANDLERS)
    assert all(f'steps["{word}"].result.outcome' in given["outcome"] for word in HANDLERS - {"centre"})


def test_nothing_is_taken_back_after_the_reply_and_nothing_has_to_be_before(scenario: Scenario) -> None:
    assert [each.step_id for each in scenario.steps if each.pivot] == ["reply"]
    assert [each.step_id for each in scenario.steps if each.undoable] == []


def test_the_number_of_the_call_is_the_hotlines_alone(scenario: Scenario) -> None:
    seen = {each.step_id for each in scenario.steps if "caller.phone" in each.matter.form_fields}
    assert seen == {"triage", "callback"}
    assert {each.step_id for each in scenario.steps if "contact.phone" in each.matter.form_fields} == {
        "triage",
        *(HANDLERS - {"centre"}),
    }


def test_what_offices_keep_of_their_results_stays_with_them(scenario: Scenario) -> None:
    kept = {field.name for each in scenario.steps for field in each.matter.result_fields if not field.shared}
    assert kept == {"agent_number", "record", "source", "recording", "answer", "directive"}
    # The answer of the rework goes to the caller by its notice, and to nobody else.
    assert [each.step_id for each in scenario.steps if each.step_id == "rework" and each.matter.notice] == ["rework"]
