"""What keeps two platforms, or a platform and secrets that are not its own, from running into each other."""

import json
import socket
from pathlib import Path

import pytest

from chassis import vault
from chassis.settings import Settings
from cli import deaths, readiness, supervise
from cli.initialise import initialise
from tests.platform.ports import free_ports
from tests.platform.starting import embedded


def another(settings: Settings, **changes: object) -> supervise.Supervisor:
    other = settings.model_copy(update=changes)
    return supervise.Supervisor(other, supervise.environment_of(other), other.data_dir / "other-logs")


def other_ports() -> dict[str, str]:
    return {"listen": f"127.0.0.1:{free_ports(1)}", "health_listen": f"127.0.0.1:{free_ports(2)}"}


def test_a_second_platform_on_the_same_ports_or_the_same_data_is_refused(tmp_path: Path) -> None:
    with embedded(tmp_path) as installed:
        with pytest.raises(readiness.StartFailedError, match=r"cannot listen on .*DUOKUA_LISTEN"):
            another(installed.settings).start()
        with pytest.raises(readiness.StartFailedError, match="worker ended with status 1"):
            another(installed.settings, **other_ports()).start()
        log = (tmp_path / "other-logs" / "worker.log").read_text()
        assert f"another platform runs on {tmp_path}" in log
        assert "Traceback" not in log
        assert installed.supervisor.restarts() == 0


def test_secrets_that_are_not_the_databases_own_are_refused(tmp_path: Path) -> None:
    with embedded(tmp_path) as installed:
        settings = installed.settings
    (settings.secrets_folder / "vault.key").write_bytes(vault.make_key())
    with pytest.raises(readiness.StartFailedError, match="api ended with status 1"):
        another(settings, **other_ports()).start()
    log = (tmp_path / "other-logs" / "api.log").read_text()
    assert "is not the one that this database was encrypted with" in log


def test_a_broker_that_nobody_serves_is_told_at_once(tmp_path: Path) -> None:
    initialise(tmp_path / "secrets")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        settings = Settings(
            data_dir=tmp_path,
            database_url="postgresql://nobody@127.0.0.1:1/x_{service}",
            broker_url=f"amqp://127.0.0.1:{taken.getsockname()[1]}//",
            **other_ports(),  # type: ignore[arg-type]
        )
        with pytest.raises(readiness.StartFailedError, match="the broker cannot be reached"):
            another(settings, health_listen=f"127.0.0.1:{free_ports(12)}", listen=f"127.0.0.1:{free_ports(6)}").start()


def test_who_answers_on_a_port_is_told_apart(tmp_path: Path) -> None:
    with embedded(tmp_path) as installed:
        health = installed.settings.health_listen
        assert readiness.why_not_ready(health, installed.supervisor.pids()["api"]) == ""
        assert "another process answers" in readiness.why_not_ready(health, 1)
    assert "nobody answers" in readiness.why_not_ready(health)


def test_each_death_is_told_with_how_and_how_often(tmp_path: Path) -> None:
    with embedded(tmp_path) as installed:
        log = tmp_path / "logs" / "supervisor.log"
        assert not log.exists()
        for number in (1, 2):
            killed = installed.supervisor.kill("worker")
            installed.supervisor.wait_restarted(killed)
            [*_, line] = log.read_text().splitlines()
            words = ["process_died", "name=worker", f"pid={killed['worker']}", "killed by SIGKILL"]
            assert [word for word in (*words, f"deaths_in_10_minutes={number}") if word not in line] == []
            assert "started_again_in_seconds=" in line
            assert len(log.read_text().splitlines()) == number
    assert len(log.read_text().splitlines()) == 2, "that they are stopped is no death"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, "ended with status 0"),
        (3, "ended with status 3"),
        (-9, "killed by SIGKILL"),
        (-14, "killed by SIGALRM"),
        (-40, "killed by signal 40"),
    ],
)
def test_the_end_of_a_process_is_told_in_words(status: int, words: str) -> None:
    assert deaths.how_it_ended(status) == words


def test_deaths_of_one_process_are_counted_for_ten_minutes() -> None:
    counted = deaths.Deaths(Settings(), None)
    assert [counted.note("api", at) for at in (0.0, 10.0, 599.0, 600.0, 609.0, 2000.0)] == [1, 2, 3, 3, 4, 1]
    assert counted.note("worker", 2000.0) == 1


def test_deaths_without_a_folder_for_logs_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings(log_format="json")
    deaths.Deaths(settings, None).tell("cases-worker", 7, 1, pause=2.0, now=0.0)
    told = capsys.readouterr()
    entry = json.loads(told.err)
    assert (told.out, entry["event"], entry["name"], entry["how"]) == (
        "",
        "process_died",
        "cases-worker",
        "ended with status 1",
    )
    assert (entry["deaths_in_10_minutes"], entry["started_again_in_seconds"]) == (1, 2.0)
