"""An own PostgreSQL server: password-protected, on the loopback and a socket in its temporary directory."""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self
from urllib.parse import quote

import psycopg
from psycopg import sql

from tests.servers import process
from tests.servers.install import find_or_install

USER = "duokua"
START_SECONDS = 30.0
STOP_SECONDS = 15.0


def programs() -> Path:
    """The directory with initdb and postgres, the newest version when there are several."""
    return find_or_install(_find_programs, "postgresql")


def _find_programs() -> Path | None:
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if debian:
        return debian[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


def unprivileged_user() -> str | None:
    """Who runs the server: PostgreSQL refuses to run as root. None: whoever runs the tests."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


class PostgresServer:
    """A server process with its own data directory; `stop` keeps the data, `close` removes it.

    durable: write to disk as in production. Without it a commit costs no flush, and only a crash of the machine, not
    of the server, could lose it: right for every test that does not measure.
    """

    def __init__(self, *, durable: bool = False, password: str | None = None) -> None:
        self._programs = programs()
        self._user = unprivileged_user()
        self._durable = durable
        self._directory = Path(tempfile.mkdtemp(prefix="duokua-postgres-"))
        self._log = self._directory / "server.log"
        self._data = self._directory / "data"
        self._process: subprocess.Popen[bytes] | None = None
        (self.port,) = process.free_ports(1)
        self.password = password or secrets.token_urlsafe(18)
        try:
            self._make_data_directory()
        except BaseException:
            shutil.rmtree(self._directory)
            raise

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The postmaster's process id; RuntimeError when the server is stopped."""
        if self._process is None:
            raise RuntimeError("the server is stopped")
        return self._process.pid

    def url(self, database: str = "postgres", *, port: int = 0) -> str:
        """The address of a database; `{service}` in its name stays as it is. `port` is a proxy's."""
        return f"postgresql://{USER}:{quote(self.password)}@127.0.0.1:{port or self.port}/{database}"

    def start(self) -> None:
        """Start on the port and the data of before. FailedToStartError when it does not come up."""
        if self._process is not None:
            return

        def attempt_settled() -> bool:
            try:
                self._start_once()
            except process.FailedToStartError as error:
                # After a kill its children need a moment to notice; until then the data is still in use.
                if "shared memory block" not in str(error) and "lock file" not in str(error):
                    raise
                return False
            return True

        process.wait_until(attempt_settled, seconds=START_SECONDS, what="PostgreSQL's data directory is still in use")

    def stop(self) -> None:
        """Stop in order: clients are disconnected, what is committed is flushed."""
        if self._process is not None:
            process.stop(self._process, seconds=STOP_SECONDS, signal=signal.SIGINT)
            self._process = None

    def kill(self) -> None:
        """SIGKILL, as a crash does it; `start` then recovers from the log."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def crash(self) -> None:
        """PostgreSQL's immediate mode: all its processes end at once, in the midst of everything."""
        if self._process is not None:
            process.stop(self._process, seconds=STOP_SECONDS, signal=signal.SIGQUIT)
            self._process = None

    def close(self) -> None:
        """Stop, and remove the data directory."""
        self.stop()
        shutil.rmtree(self._directory, ignore_errors=True)

    def create_database(self, name: str | None = None, *, template: str = "template0") -> str:
        """Make a database like `template`, which nobody may be using; the answer is its name."""
        name = name or f"test_{secrets.token_hex(6)}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        self._administer(statement)
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database, and disconnect who still uses it."""
        self._administer(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    @contextmanager
    def fresh_database(self, *, template: str = "template0") -> Iterator[str]:
        """The address of a new database like `template`, dropped afterwards."""
        name = self.create_database(template=template)
        try:
            yield self.url(name)
        finally:
            self.drop_database(name)

    def _administer(self, statement: sql.Composed) -> None:
        with psycopg.connect(
            host="127.0.0.1", port=self.port, user=USER, password=self.password, dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement)

    def _make_data_directory(self) -> None:
        password_file = self._directory / "password"
        password_file.write_text(self.password)
        password_file.chmod(0o600)
        self._log.touch(mode=0o600)
        if self._user:
            for path in (self._directory, password_file):
                shutil.chown(path, self._user)
        finished = process.spawn(
            [
                self._programs / "initdb",
                f"--pgdata={self._data}",
                f"--username={USER}",
                f"--pwfile={password_file}",
                "--auth-local=scram-sha-256",
                "--auth-host=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ],
            environment=_environment(),
            log=self._log,
            stop_signal="KILL",
            user=self._user,
        ).wait(START_SECONDS)
        if finished != 0:
            raise process.FailedToStartError(f"initdb failed:\n{process.tail(self._log)}")
        password_file.unlink()

    def _start_once(self) -> None:
        flush = "on" if self._durable else "off"
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self._directory),
            "max_connections": "300",
            "shared_buffers": "128MB",
            "timezone": "UTC",
            "synchronous_commit": "on",
            "fsync": flush,
            "full_page_writes": flush,
        }
        self._log.write_bytes(b"")
        started = process.spawn(
            [self._programs / "postgres", "-D", self._data, *(f"--{key}={value}" for key, value in settings.items())],
            environment=_environment(),
            log=self._log,
            stop_signal="INT",
            user=self._user,
        )
        try:
            process.wait_ready(started, self._answers, seconds=START_SECONDS, log=self._log)
        except BaseException:
            process.stop(started, seconds=1)
            raise
        self._process = started

    def _answers(self) -> bool:
        # The server writes this line when, and only when, it takes connections.
        return "database system is ready to accept connections" in self._log.read_text(errors="replace")


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
