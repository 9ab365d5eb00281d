"""The command as a whole: its version, and that every command says what it and its options do."""

import json
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from cli.main import app, run


def commands(command: Any, path: str = "duokua") -> Iterator[tuple[str, Any]]:
    yield path, command
    for name, part in getattr(command, "commands", {}).items():
        yield from commands(part, f"{path} {name}")


def test_the_version_is_the_distributions() -> None:
    done = CliRunner().invoke(app, ["--version"])
    assert (done.exit_code, done.output) == (0, f"duokua {version('duokua-platform')}\n")


def test_every_command_and_every_option_says_what_it_does() -> None:
    silent = []
    for path, command in commands(typer.main.get_command(app)):
        silent += [path] if not command.help else []
        silent += [f"{path} {parameter.name}" for parameter in command.params if not getattr(parameter, "help", "")]
    assert silent == []


@pytest.mark.parametrize("asked", [["--json"], []])
def test_an_error_is_json_where_json_was_asked_for(
    asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DUOKUA_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["duokua", "case", "show", "c", *asked])
    with pytest.raises(SystemExit) as ended:
        run()
    printed, told = capfd.readouterr()
    assert (ended.value.code, printed) == (1, "")
    message = json.loads(told)["error"]["message"] if asked else told.removeprefix("error: ")
    assert message.startswith("there is no operator's key")


@pytest.mark.parametrize(
    ("called", "reason", "wrong"),
    [
        (["region", "lst"], "USAGE", "No such command"),
        (["region", "list", "--nonsense"], "USAGE", "--nonsense"),
        (["scenario", "lint"], "USAGE", "where"),
        (["scenario", "lint", "nowhere"], "USAGE", "nowhere"),
        (["region", "list"], "BAD_SETTINGS", "DUOKUA_LISTEN"),
    ],
)
def test_a_wrong_call_is_told_as_json_too(
    called: list[str], reason: str, wrong: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DUOKUA_LISTEN", "nowhere")
    monkeypatch.setattr(sys, "argv", ["duokua", *called, "--json"])
    with pytest.raises(SystemExit) as ended:
        run()
    out, told = capfd.readouterr()
    assert (ended.value.code, out) == (2, "")
    error = json.loads(told)["error"]
    assert error["reason"] == reason
    assert wrong in json.dumps(error)


def test_what_a_command_exits_with_is_the_same_where_json_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "scenario.yaml").write_text("format: 2\n", "utf-8")
    monkeypatch.setattr(sys, "argv", ["duokua", "scenario", "lint", str(tmp_path), "--json"])
    with pytest.raises(SystemExit) as ended:
        run()
    assert ended.value.code == 1
    assert json.loads(capfd.readouterr().out)["faults"]
