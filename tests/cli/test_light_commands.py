"""Commands load what they need and no more: nobody waits for a database's or a server's modules to read a help."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

SERVER = {"sqlalchemy", "psycopg", "chassis.database", "chassis.api", "chassis.bus", "kombu", "nameko", "eventlet"}
CLIENT = {"grpc", "joserfc", "duokua.client"}
RUN = """
import json, sys
from cli.main import run
try:
    run()
finally:
    sys.stderr.write(json.dumps(sorted(sys.modules)))
"""


def loaded(folder: Path, *arguments: str) -> set[str]:
    """The modules that a command has loaded when it ends."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", RUN, *arguments]
    done = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**environment, "DUOKUA_DATA_DIR": str(folder)},
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("scenario", "--help"),
        ("scenario", "lint", "scenarios/newborn"),
        ("scenario", "test", "scenarios/newborn", "-k", "no such test"),
        ("scenario", "graph", "scenarios/newborn"),
        ("scenario", "savings", "scenarios/newborn"),
    ],
)
def test_what_needs_no_platform_loads_neither_a_server_nor_a_client(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert loaded(tmp_path, *arguments) & (SERVER | CLIENT) == set()


@pytest.mark.parametrize("arguments", [("matter", "list"), ("case", "list"), ("scenario", "list")])
def test_what_asks_the_platform_loads_a_client_alone(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    modules = loaded(tmp_path, *arguments)
    assert modules & SERVER == set()
    assert "duokua.client" in modules


def test_a_group_is_loaded_when_it_is_asked_for(tmp_path: Path) -> None:
    assert {name for name in loaded(tmp_path, "--help") if name.startswith(("cli.", "services."))} == {
        "cli.groups",
        "cli.main",
    }
    assert "cli.cases" not in loaded(tmp_path, "scenario", "--help")
