"""What the platform writes is for its owner only, whatever the umask says."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError

from chassis.context import open_database
from chassis.problems import Conflict
from chassis.rpc import _as_problem
from chassis.settings import Settings, private_folder
from cli.initialise import initialise
from tests.servers import PostgresServer

OPEN_UMASK = 0o022


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    before = os.umask(OPEN_UMASK)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_the_data_directory_is_private_whoever_makes_it(tmp_path: Path) -> None:
    initialise(tmp_path / "a" / "data" / "secrets")
    for folder in (tmp_path / "a", tmp_path / "a" / "data", tmp_path / "a" / "data" / "secrets"):
        assert mode(folder) == 0o700
    database = open_database(Settings(data_dir=tmp_path / "b"), "identity")
    database.listen()
    database.close()
    assert mode(tmp_path / "b") == mode(tmp_path / "b" / "signals") == 0o700


def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    private_folder(tmp_path)
    assert mode(tmp_path) == 0o750


@pytest.mark.parametrize("command", [("chassis.migrate", "upgrade", "identity"), ("cli.main", "migrate")])
def test_databases_are_private_too(tmp_path: Path, command: tuple[str, ...]) -> None:
    data = tmp_path / "data"
    environment = {**os.environ, "DUOKUA_DATA_DIR": str(data)}
    subprocess.run([sys.executable, "-m", *command], env=environment, check=True, umask=OPEN_UMASK)
    assert mode(data) == 0o700
    files = list(data.glob("*.sqlite3"))
    assert files
    assert {mode(file) for file in files} == {0o600}


def test_a_write_that_collides_is_logged_without_its_values(postgres_server: PostgresServer) -> None:
    engine = create_engine(postgres_server.url("postgres").replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection, structlog.testing.capture_logs() as told:
        connection.execute(text("CREATE TEMPORARY TABLE t (name text, number text NOT NULL)"))
        with pytest.raises(IntegrityError) as caught:
            connection.execute(text("INSERT INTO t VALUES ('李雷', NULL)"))
        assert "李雷" in str(caught.value.orig)
        assert isinstance(_as_problem(caught.value), Conflict)
    engine.dispose()
    (entry,) = told
    assert entry["event"] == "write_collided"
    assert 'null value in column "number"' in entry["error"]
    assert "李雷" not in str(entry)
