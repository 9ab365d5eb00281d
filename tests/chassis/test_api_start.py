"""Whole api processes: one that starts before its database does, and one that is stopped while a call waits."""

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import psycopg
import pytest
from sqlalchemy.engine import make_url

from chassis.context import open_database
from chassis.migrate import upgrade
from chassis.settings import Settings
from cli.initialise import initialise
from duokua.identity.v1 import token_service_pb2, token_service_pb2_grpc
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


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    try:
        made = PostgresServer()
    except NotAvailableError as error:
        pytest.skip(str(error))
    with made:
        yield made


@dataclass(frozen=True, slots=True)
class Identity:
    """An installation of identity alone, on PostgreSQL."""

    settings: Settings
    listen: int
    health: int

    @property
    def log(self) -> Path:
        return self.settings.data_dir / "api.log"

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """Its api process, started with these arguments of the interpreter."""
        environment = {
            **os.environ,
            "DUOKUA_DATA_DIR": str(self.settings.data_dir),
            "DUOKUA_DATABASE_URL": self.settings.database_url,
            "DUOKUA_LISTEN": f"127.0.0.1:{self.listen}",
            "DUOKUA_HEALTH_LISTEN": f"127.0.0.1:{self.health}",
        }
        with self.log.open("wb") as log:
            process = subprocess.Popen([sys.executable, *arguments], env=environment, cwd=ROOT, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def is_ready(self) -> bool:
        return answer(self.health, "/ready")[0] == 200


@pytest.fixture
def identity(server: PostgresServer, tmp_path: Path) -> Identity:
    server.create_database("duokua_identity")
    settings = Settings(data_dir=tmp_path, database_url=server.url("duokua_{service}"))
    initialise(settings.secrets_folder)
    database = open_database(settings, "identity")
    upgrade(database)
    database.close()
    return Identity(settings, free_ports(1), free_ports(1))


def test_an_api_process_waits_for_its_database_and_needs_no_restart(server: PostgresServer, identity: Identity) -> None:
    server.stop()
    with identity.running("-m", "chassis.api_process", "identity") as process:
        wait_until(lambda: answer(identity.health, "/live")[0] == 200, seconds=30, what="a process that lives")
        status, text = answer(identity.health, "/ready")
        assert status == 503
        assert "start: RuntimeError: the services are starting" in text
        assert "database identity" in text
        wait_until(lambda: "database_away" in identity.log.read_text(), seconds=30, what="its word for it")
        server.start()
        wait_until(identity.is_ready, seconds=30, what="a process that is ready")
        process.terminate()
        assert process.wait(30) == 0


IMPATIENT = """
import asyncio
from chassis.api_process import ApiProcess
from chassis.settings import Settings
asyncio.run(ApiProcess(Settings(), ["identity"], grace_seconds=0.5).run())
"""
WAITS = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'signing_keys'::regclass"


def test_a_call_that_waits_for_a_lock_does_not_keep_a_stopped_process(identity: Identity) -> None:
    url = make_url(identity.settings.database_url.format(service="identity")).set(drivername="postgresql")
    root = grpc.ssl_channel_credentials((identity.settings.secrets_folder / "tls-root.crt").read_bytes())
    with (
        identity.running("-c", IMPATIENT) as process,
        psycopg.connect(url.render_as_string(hide_password=False)) as holder,
        grpc.secure_channel(f"127.0.0.1:{identity.listen}", root) as channel,
    ):
        wait_until(identity.is_ready, seconds=30, what="a process that is ready")
        holder.execute("LOCK TABLE signing_keys IN ACCESS EXCLUSIVE MODE")
        stub = token_service_pb2_grpc.TokenServiceStub(channel)
        call = stub.GetKeys.future(token_service_pb2.GetKeysRequest(), timeout=60)

        def waits() -> bool:
            row = holder.execute(WAITS).fetchone()
            assert not call.done()
            return row == (1,)

        wait_until(waits, seconds=20, what="a call that waits")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == -signal.SIGALRM
