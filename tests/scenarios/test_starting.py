"""`duokua scenario new`: what it makes is whole, in order, and tested."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from cli.rehearsal.publishing import publish
from cli.rehearsal.running import run_trial
from cli.scenarios.folders import read_folder
from cli.scenarios.linting import Found, look_over
from services.matters.package.compiler import examine_package
from services.matters.package.schemas import FILES, text_of
from services.matters.package.trialchecks import read_trials


def _new(*words: str) -> str:
    result = CliRunner().invoke(app, ["scenario", "new", *words])
    if result.exception:
        raise result.exception
    return result.output


@pytest.mark.parametrize("region", ["330106", "110101", "659001"])
def test_a_new_scenario_is_in_order_and_its_tests_pass(tmp_path: Path, region: str) -> None:
    folder = tmp_path / "mine"
    _new("open-shop", "--folder", str(folder), "--region", region, "--name", '开"店', "--name-en", "Open: a #shop")
    files = read_folder(folder)
    assert look_over(files) == Found([], [])
    examined = examine_package(files)
    scenario = examined.scenario
    assert scenario is not None
    assert (scenario.scenario_id, scenario.name.zh, scenario.name.en) == ("open-shop", '开"店', "Open: a #shop")
    assert scenario.origin_region == region
    assert {matter.catalog_code[:2] for matter in scenario.matters} == {region[:2]}
    trials, faults = read_trials(files, examined)
    assert faults == []
    assert len(trials) >= 5
    published = publish(scenario)
    assert [each.part.name for each in trials if not run_trial(published, each, files).passed] == []


def test_it_is_made_in_a_folder_with_its_id_and_says_what_to_do_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = _new("open-shop")
    assert said.splitlines()[0] == "made open-shop: a scenario of four steps, with tests"
    assert "duokua scenario test open-shop" in said
    assert (tmp_path / "open-shop" / "scenario.yaml").is_file()


def test_nothing_of_the_template_is_left_unsaid(tmp_path: Path) -> None:
    _new("open-shop", "--folder", str(tmp_path / "mine"))
    left = [path for path in (tmp_path / "mine").rglob("*") if path.is_file() and ".schema" not in path.parts]
    assert [path.name for path in left if "@" in path.read_text("utf-8")] == []
    for path in left:
        if path.suffix == ".json":
            assert json.loads(path.read_text("utf-8"))


def test_editors_find_the_schema_of_each_file(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    _new("open-shop", "--folder", str(folder))
    for path in folder.rglob("*.yaml"):
        first = path.read_text("utf-8").partition("\n")[0]
        schema = (path.parent / first.removeprefix("# yaml-language-server: $schema=")).resolve()
        name = schema.name.removesuffix(".schema.json")
        assert name in FILES
        assert schema.read_text("utf-8") == text_of(name)


def test_what_is_there_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(ValueError, match="is there already"):
        _new("open-shop", "--folder", str(tmp_path / "mine"))
    assert list((tmp_path / "mine").iterdir()) == []
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ValueError, match="is there already"):
        _new("open-shop", "--folder", str(tmp_path / "file"))
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["Open Shop"], '"Open Shop" is no id'),
        (["../shop"], "is no id"),
        (["open-shop", "--region", "33010"], "is no region"),
        (["open-shop", "--name", " "], "1 to 200 characters"),
        (["open-shop", "--name-en", "x" * 201], "1 to 200 characters"),
    ],
)
def test_what_cannot_be_is_refused_and_makes_nothing(
    words: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=told):
        _new(*words)
    assert list(tmp_path.iterdir()) == []
