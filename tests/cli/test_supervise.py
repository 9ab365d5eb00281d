"""What keeps two platforms, or a platform and secrets that are not its own, from running into each other."""

import socket
from pathlib import Path

import pytest

from chassis import vault
from chassis.settings import Settings
from cli import readiness, supervise
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
