"""The tests that travel with the shipped scenarios."""

from functools import cache
from pathlib import Path

import pytest

from cli.rehearsal.publishing import publish
from cli.rehearsal.running import run_trial
from cli.scenarios.folders import read_folder
from services.cases.published import Published
from services.matters.package.compiler import examine_package
from services.matters.package.trialchecks import Trial, read_trials

SCENARIOS = sorted(path.parent for path in (Path(__file__).parents[2] / "scenarios").glob("*/scenario.yaml"))


@cache
def _read(folder: Path) -> tuple[dict[str, bytes], Published, list[Trial]]:
    files = read_folder(folder)
    examined = examine_package(files)
    assert examined.scenario is not None, examined.faults
    trials, faults = read_trials(files, examined)
    assert faults == []
    return files, publish(examined.scenario), trials


EVERY_TEST = [
    pytest.param(folder, trial.part.name, id=f"{folder.name}: {trial.part.name}")
    for folder in SCENARIOS
    for trial in _read(folder)[2]
]


@pytest.mark.parametrize("folder", SCENARIOS, ids=lambda folder: folder.name)
def test_a_scenario_has_tests(folder: Path) -> None:
    assert _read(folder)[2]


@pytest.mark.parametrize(("folder", "name"), EVERY_TEST)
def test_what_a_scenario_expects_of_itself_holds(folder: Path, name: str) -> None:
    files, published, trials = _read(folder)
    (trial,) = (each for each in trials if each.part.name == name)
    outcome = run_trial(published, trial, files)
    story = "\n".join(str(line) for line in outcome.story)
    assert outcome.missed == [], story


@pytest.mark.parametrize("folder", SCENARIOS, ids=lambda folder: folder.name)
def test_every_step_is_seen_completed_and_refused_and_left_out_where_it_may_be(folder: Path) -> None:
    files, published, trials = _read(folder)
    ways: dict[str, set[str]] = {step.step_id: set() for step in published.plan.steps}
    for trial in trials:
        for step_id, ended in run_trial(published, trial, files).ways.items():
            ways[step_id] |= ended
    for step in published.plan.steps:
        wanted = {"completed", "refused"} | ({"skipped"} if step.when else set())
        wanted |= {"undone"} if step.compensated else set()
        assert ways[step.step_id] >= wanted, step.step_id
