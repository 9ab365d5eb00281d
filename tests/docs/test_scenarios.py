"""docs/scenarios.md does what it says: its commands run in their order, exactly as printed."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from cli.rehearsal.publishing import publish
from cli.rehearsal.running import run_trial
from cli.scenarios.folders import read_folder
from cli.supervise import environment_of
from services.matters.package.compiler import examine_package
from services.matters.package.expectations import ThenPart
from services.matters.package.trialchecks import read_trials
from services.matters.package.trials import GivenPart, HappeningPart
from tests.docs.pages import ROOT, Code, code_blocks, read, section, tables
from tests.platform.starting import embedded

PAGE = "docs/scenarios.md"


def runs(blocks: list[Code]) -> Iterator[tuple[str, str]]:
    """Each block of commands, with the output that is printed after it."""
    for place, block in enumerate(blocks):
        if block.language == "sh":
            shown = blocks[place + 1] if place + 1 < len(blocks) else None
            yield block.text, shown.text if shown and shown.language == "text" else ""


def run(commands: str, folder: Path, settings: Mapping[str, str]) -> str:
    """The output of commands in a shell that stops at the first failure."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("DUOKUA_")}
    environment = {
        **inherited,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "sdk/python/src")]),
        "COLUMNS": "200",
        **settings,
    }
    shell = ["bash", "-euo", "pipefail", "-c", commands]
    done = subprocess.run(
        shell, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def pattern(shown: str) -> re.Pattern[str]:
    """What is printed, where `...` stands for anything: on a line of its own for lines."""
    lines = [re.escape(line).replace(r"\.\.\.", ".*") for line in shown.splitlines()]
    text = "\n".join(".*" if line == ".*" else line for line in lines)
    return re.compile(text.replace("\n.*\n", r"\n(?:.*\n)*?"))


def follow(title: str, folder: Path, settings: Mapping[str, str]) -> int:
    """Do what a section says; gives how many blocks of commands there were."""
    count = 0
    for commands, shown in runs(code_blocks(section(read(PAGE), title))):
        said = run(commands, folder, settings)
        assert pattern(shown).search(said), f"{commands}\n--- printed\n{shown}\n--- said\n{said}"
        count += 1
    return count


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A folder in which the first part of the page was followed, and how many blocks of commands it has."""
    folder = tmp_path_factory.mktemp("scenarios")
    return folder, follow("Write your first scenario in 15 minutes", folder, {})


@pytest.mark.journey
@pytest.mark.timeout(300)
def test_the_first_scenario_is_written_as_the_page_says(written: tuple[Path, int]) -> None:
    folder, blocks = written
    assert blocks == 9
    assert (folder / "open-stall-0.1.0.duokua").is_file()


@pytest.mark.journey
@pytest.mark.timeout(300)
def test_a_scenario_from_elsewhere_is_installed_as_the_page_says(written: tuple[Path, int], tmp_path: Path) -> None:
    folder, _ = written
    with embedded(tmp_path) as installation:
        assert follow("Install a scenario from elsewhere", folder, environment_of(installation.settings)) == 4


def test_output_that_differs_is_noticed() -> None:
    shown = "one\n...\ntwo ... words\n"
    assert pattern(shown).search("one\nand\nmore\ntwo good words\n")
    assert pattern(shown).search("one\ntwo good words\n")
    assert not pattern(shown).search("one\nand\nthree good words\n")


def test_every_key_of_tests_is_explained() -> None:
    told = {
        key
        for row in tables(section(read("scenarios/README.md"), "tests/&lt;name&gt;.test.yaml"))
        for key in keys(row[0])
    }
    expected = {
        *GivenPart.model_fields,
        *HappeningPart.model_fields,
        *ThenPart.model_fields,
    }
    assert told - {"given", "when"} == expected


def test_the_test_that_the_page_shows_passes() -> None:
    shown = code_blocks(section(read("scenarios/README.md"), "tests/&lt;name&gt;.test.yaml"))[0]
    files = read_folder(ROOT / "scenarios" / "open-restaurant")
    files = {path: content for path, content in files.items() if not path.startswith("tests/")}
    files["tests/shown.test.yaml"] = shown.text.encode()
    examined = examine_package(files)
    assert examined.scenario is not None
    (trial,), faults = read_trials(files, examined)
    assert faults == []
    assert run_trial(publish(examined.scenario), trial, files).missed == []


def keys(cell: str) -> list[str]:
    """The keys that the first cell of a row names, without their values."""
    return [found.partition(":")[0] for found in re.findall(r"`([a-z_]+(?:: [^`]*)?)`", cell)]
