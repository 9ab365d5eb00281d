"""Every shipped scenario, as it will be published, through the checks that any bundle must pass."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from duokua.cases.v1 import case_pb2, task_pb2
from duokua.data import from_struct
from services.cases import taskbodies
from services.cases.applications import check_application
from services.cases.domain.dataflow import fits
from services.cases.domain.inputs import Completed
from services.cases.domain.numbers import case_number, series_of
from services.cases.domain.plan import Plan
from services.cases.published import Published, compile_bundle
from services.matters.domain.bundle import Bundle, Lead
from services.matters.messages import bundle_message
from services.matters.package.compiler import compile_package
from tests.cases.builders import a_material
from tests.cases.domain.saga import Saga
from tests.cases.domain.scenarios import CHECKS
from tests.cases.domain.site import go, waits

SCENARIOS = sorted(path.parent for path in (Path(__file__).parents[2] / "scenarios").glob("*/scenario.yaml"))
EXAMPLES = [path for folder in SCENARIOS for path in sorted((folder / "examples").glob("*.json"))]
NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)


@cache
def published(folder: Path) -> Published:
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    bundle = Bundle(compile_package(files), 1, Lead("lead", "11330106002491234N", 4), "digest", NOW)
    return compile_bundle(bundle_message(bundle).SerializeToString())


def materials_of(bundle: Published, form: dict[str, Any]) -> list[case_pb2.Material]:
    """One of each kind that is asked for."""
    return [
        a_material(kind.kind, media_type=kind.media_types[0] if kind.media_types else "application/pdf")
        for kind in bundle.bundle.materials
        if bundle.materials[kind.kind].may_come(form)
    ]


def test_there_is_a_scenario() -> None:
    assert SCENARIOS
    assert EXAMPLES


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("folder", SCENARIOS, ids=lambda folder: folder.name)
def test_a_shipped_scenario_survives(folder: Path, check: Callable[[Plan], None]) -> None:
    check(published(folder).plan)


@pytest.mark.parametrize("folder", SCENARIOS, ids=lambda folder: folder.name)
def test_a_shipped_scenario_numbers_its_cases(folder: Path) -> None:
    assert len(case_number(series_of(published(folder).plan, NOW), 1)) == 43


VALUES = {"string": "一", "number": 1.5, "integer": 1, "boolean": True, "array": [1], "object": {"a": 1}}


@pytest.mark.parametrize("answers", ["everything", "only what is required"])
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_every_office_is_given_what_its_matter_takes(path: Path, answers: str) -> None:
    bundle = published(path.parents[1])
    form = json.loads(path.read_text(encoding="utf-8"))
    skipped = check_application(bundle, form, materials_of(bundle, form), {}, NOW).skipped
    saga = Saga(bundle.plan).submitted(*skipped).routed()
    handled = set()
    while saga.open:
        task = next(each for each in go(saga).open.values() if not waits(saga, each))
        step = bundle.plan.by_id[task.step_id]
        message = task_pb2.Task.FromString(taskbodies.body(bundle, saga.case, task, form, []))
        inputs = from_struct(message.inputs)
        assert all(fits(inputs[each.name], each.type) for each in step.inputs)
        assert inputs.keys() == {each.name for each in step.inputs}
        fields = [each for each in step.result_fields if each.required or answers == "everything"]
        result = {each.name: each.values[0] if each.values else VALUES[each.type] for each in fields}
        saga.answer(Completed(task.task_id, saga.request_id(), result))
        handled.add(task.step_id)
    assert handled == {step.step_id for step in bundle.plan.steps} - set(skipped)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_an_example_is_an_application_that_is_taken(path: Path) -> None:
    bundle = published(path.parents[1])
    form = json.loads(path.read_text(encoding="utf-8"))
    application = check_application(bundle, form, materials_of(bundle, form), {}, NOW)
    assert set(application.skipped) <= set(bundle.conditions)
    assert len(application.region_code) == 6
