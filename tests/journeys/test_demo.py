"""The demo is the journey through whole processes: everything it claims is checked by itself, and looked at here."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from chassis.settings import SERVICES
from tests.servers import PostgresServer

pytestmark = [pytest.mark.journey, pytest.mark.timeout(180)]

STEPS = ["check-licence", "food-licence", "outdoor-sign", "fire-safety", "deliver-results"]
LONGEST_SECONDS = 60


def command(folder: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "cli.main", "demo", "--directory", str(folder), *arguments]


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("DUOKUA_")}


def run(folder: Path, *arguments: str) -> dict[str, Any]:
    """What the demo tells in JSON, alone on standard output."""
    done = subprocess.run(
        command(folder, "--json", *arguments), env=environment(), capture_output=True, text=True, check=False
    )
    report: dict[str, Any] = json.loads(done.stdout)
    failed = [check for check in report["checks"] if not check["ok"]]
    assert (done.returncode, report["ok"], failed) == (0, True, []), f"{report['folder']}\n{done.stderr}"
    return report


def look_at(report: dict[str, Any]) -> None:
    """The report says what the demo is for."""
    granted, refused, survived = report["cases"]
    assert [case["status"] for case in report["cases"]] == ["completed", "undone", "completed"]
    assert [step["step_id"] for step in granted["steps"]] == STEPS
    assert {step["status"] for step in (*granted["steps"], *survived["steps"])} == {"completed"}
    assert [step["status"] for step in refused["steps"]] == ["completed", "undone", "undone", "refused", "cancelled"]
    assert "地下" in refused["refusal_reason"]
    assert {act["step_id"] for act in report["undo"]} == {"food-licence", "outdoor-sign"}
    for document in report["documents"]:
        is_ofd = document["step_id"] == "outdoor-sign"
        assert Path(document["path"]).suffix == (".ofd" if is_ofd else ".pdf")
        assert Path(document["path"]).read_bytes().startswith(b"PK\x03\x04" if is_ofd else b"%PDF-")
        expected = "revoked" if document["case_number"] == refused["case_number"] else "genuine"
        assert (document["verdict"], document["offline"]) == (expected, "genuine")
    assert len(report["documents"]) == 10
    (licence,) = report["licences"]
    assert Path(licence["path"]).read_bytes().startswith(b"%PDF-")
    assert licence["title"].startswith("食品经营许可证 1.2.156.3005.2.")
    assert (licence["verdict"], licence["offline"]) == ("genuine", "genuine")
    for case, path in zip(report["cases"], report["histories"], strict=True):
        assert len(json.loads(Path(path).read_text("utf-8"))) == case["version"]
    recovery = report["recovery"]
    assert recovery["killed"].keys() == recovery["started"].keys()
    assert not set(recovery["killed"].values()) & set(recovery["started"].values())
    look_at_logs(Path(report["folder"]))


def look_at_logs(folder: Path) -> None:
    """Nothing went wrong that nobody was told of, and every worker ended in good order."""
    logs = {path: path.read_text("utf-8") for path in folder.glob("**/*.log")}
    assert len(logs) >= 6
    assert {path.name: text for path, text in logs.items() if "Traceback" in text} == {}
    stopped = {path.name: "worker_stopped" in text for path, text in logs.items() if "worker" in path.name}
    assert stopped
    assert all(stopped.values()), stopped


def test_the_demo_holds_on_the_embedded_set_up(tmp_path: Path) -> None:
    report = run(tmp_path)
    look_at(report)
    assert (report["mode"], report["recovery"]["killed"].keys()) == ("embedded", {"api", "worker"})
    assert report["seconds"] < LONGEST_SECONDS


def test_the_demo_holds_on_postgresql_and_rabbitmq(
    tmp_path: Path, postgres_server: PostgresServer, rabbitmq_url: str
) -> None:
    pattern = f"journey_{os.getpid()}_{{service}}"
    made = [postgres_server.create_database(pattern.replace("{service}", service)) for service in SERVICES]
    try:
        report = run(tmp_path, "--database-url", postgres_server.url(pattern), "--broker-url", rabbitmq_url)
    finally:
        for database in made:
            postgres_server.drop_database(database)
    look_at(report)
    assert (report["mode"], len(report["recovery"]["killed"])) == ("servers", 2 * len(SERVICES))


@contextmanager
def started(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """The demo, once its first case is under way."""
    # Shells have what they start in the background ignore SIGINT, and whatever that starts inherits it.
    process = subprocess.Popen(
        ["env", "--default-signal=INT", *command(folder)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if "Check licence" in line:
                break
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def living(folder: Path) -> list[str]:
    """The command lines of processes that have to do with a folder, by their arguments or their settings."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (process / "cmdline").read_bytes()
            settings = (process / "environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in arguments + settings:
            found.append(arguments.replace(b"\0", b" ").decode())
    return found


def wait_until_all_are_gone(folder: Path, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while left := living(folder):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_stops_everything_before_it_ends(tmp_path: Path, number: signal.Signals) -> None:
    with started(tmp_path) as demo:
        assert len(living(tmp_path)) > 6
        demo.send_signal(number)
        output, _ = demo.communicate(timeout=30)
        assert demo.returncode == 130
    assert "Interrupted; everything is stopped." in output
    assert "Traceback" not in output
    assert living(tmp_path) == []


def test_a_killed_demo_leaves_nothing_behind(tmp_path: Path) -> None:
    with started(tmp_path) as demo:
        demo.kill()
    wait_until_all_are_gone(tmp_path, 40)


def test_a_demo_that_cannot_start_says_why_in_json(tmp_path: Path) -> None:
    nowhere = [
        "--database-url",
        "postgresql://nobody@127.0.0.1:1/none_{service}",
        "--broker-url",
        "amqp://127.0.0.1:1//",
    ]
    done = subprocess.run(
        command(tmp_path, "--json", *nowhere), env=environment(), capture_output=True, text=True, check=False
    )
    report = json.loads(done.stdout)
    assert (done.returncode, report["ok"], report["failed_early"]) == (1, False, True)
    assert "Connection refused" in report["checks"][-1]["detail"]
    assert living(tmp_path) == []
