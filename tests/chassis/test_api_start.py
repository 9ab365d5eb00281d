"""An api process that starts before its database does."""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from chassis.context import open_database
from chassis.migrate import upgrade
from chassis.settings import Settings
from cli.initialise import initialise
from tests.platform.ports import free_ports
from tests.servers import NotAvailableError, PostgresServer
from tests.servers.process import wait_until

ROOT = Path(__file__).parents[2]


def answer(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as found:
            return found.status, found.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def test_an_api_process_waits_for_its_database_and_needs_no_restart(tmp_path: Path) -> None:
    try:
        server = PostgresServer()
    except NotAvailableError as error:
        pytest.skip(str(error))
    with server:
        server.create_database("duokua_identity")
        settings = Settings(data_dir=tmp_path, database_url=server.url("duokua_{service}"))
        initialise(settings.secrets_folder)
        database = open_database(settings, "identity")
        upgrade(database)
        database.close()
        server.stop()
        listen, health = free_ports(1), free_ports(1)
        environment = {
            **os.environ,
            "DUOKUA_DATA_DIR": str(tmp_path),
            "DUOKUA_DATABASE_URL": settings.database_url,
            "DUOKUA_LISTEN": f"127.0.0.1:{listen}",
            "DUOKUA_HEALTH_LISTEN": f"127.0.0.1:{health}",
        }
        command = [sys.executable, "-m", "chassis.api_process", "identity"]
        with (tmp_path / "api.log").open("wb") as log:
            process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=log, stderr=log)
        try:
            wait_until(lambda: answer(health, "/live")[0] == 200, seconds=30, what="a process that lives")
            status, text = answer(health, "/ready")
            assert status == 503
            assert "start: RuntimeError: the services are starting" in text
            assert "database identity" in text
            told = tmp_path / "api.log"
            wait_until(lambda: "database_away" in told.read_text(), seconds=30, what="its word for it")
            server.start()
            wait_until(lambda: answer(health, "/ready")[0] == 200, seconds=30, what="a process that is ready")
            process.terminate()
            assert process.wait(30) == 0
        finally:
            process.kill()
            process.wait()
