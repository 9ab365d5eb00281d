"""Starts the platform's processes, starts again those that die, and stops them all together."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chassis.settings import SERVICES, Settings
from cli.deaths import Deaths, how_it_ended
from cli.readiness import StartFailedError, check_addresses, check_broker, split, why_not_ready

READY_SECONDS = 60.0
STOP_SECONDS = 30.0
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 10.0
STABLE_SECONDS = 5.0
"""A process that lived so long is started again at once; one that died sooner after growing pauses."""
LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Process:
    """One process of the platform: what it runs, where it listens, and its settings."""

    name: str
    module: str
    services: tuple[str, ...]
    health: str
    environment: Mapping[str, str]

    @property
    def command(self) -> list[str]:
        """What is executed."""
        return [sys.executable, "-m", self.module, *self.services]


@dataclass(slots=True)
class Running:
    """A process as it runs now."""

    process: Process
    popen: "subprocess.Popen[bytes]"
    started: float
    pause: float = 0.0
    restarts: int = 0
    dead_until: float = field(default=0.0)


def embedded_processes(settings: Settings) -> list[Process]:
    """One api and one worker process with all services."""
    host, port = split(settings.health_listen)
    return [
        Process("api", "chassis.api_process", SERVICES, settings.health_listen, {}),
        Process("worker", "chassis.worker_process", SERVICES, f"{host}:{port + 1}", {}),
    ]


def service_processes(settings: Settings) -> list[Process]:
    """An api and a worker process for each service, on ports counted up from the settings'."""
    host, port = split(settings.listen)
    health_host, health_port = split(settings.health_listen)
    endpoints = ",".join(f"{service}={host}:{port + number}" for number, service in enumerate(SERVICES))
    processes = []
    for number, service in enumerate(SERVICES):
        listen = {"DUOKUA_LISTEN": f"{host}:{port + number}", "DUOKUA_ENDPOINTS": endpoints}
        for offset, kind in enumerate(("api", "worker")):
            health = f"{health_host}:{health_port + 2 * number + offset}"
            processes.append(Process(f"{service}-{kind}", f"chassis.{kind}_process", (service,), health, listen))
    return processes


def processes_of(settings: Settings) -> list[Process]:
    """What an installation with these settings consists of."""
    return embedded_processes(settings) if settings.embedded_broker else service_processes(settings)


def endpoints_of(settings: Settings) -> str:
    """Where clients find the services of `processes_of`."""
    if settings.embedded_broker:
        return settings.listen
    return service_processes(settings)[0].environment["DUOKUA_ENDPOINTS"]


class Supervisor:
    """Keeps the processes of one platform running, and logs each death.

    With `logs`, what the processes say goes into files there, and the deaths into `supervisor.log`; otherwise all goes
    to standard error. Where there is `setpriv` (util-linux) the processes end with the thread that called `start`,
    however it ends. `more` run besides those of `processes_of`.
    """

    def __init__(
        self,
        settings: Settings,
        environment: Mapping[str, str],
        logs: Path | None = None,
        *,
        more: Sequence[Process] = (),
    ) -> None:
        self._settings = settings
        self._processes = [*processes_of(settings), *more]
        self._environment = environment
        self._logs = logs
        self._deaths = Deaths(settings, logs)
        self._running: dict[str, Running] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def start(self, timeout: float = READY_SECONDS) -> None:
        """Start all processes and wait until each is ready; raises StartFailedError, with nothing left running."""
        listening = [
            each.environment.get("DUOKUA_LISTEN", self._environment["DUOKUA_LISTEN"]) for each in self._processes
        ]
        check_addresses([*listening, *(each.health for each in self._processes)])
        check_broker(self._settings)
        for process in self._processes:
            self._running[process.name] = Running(process, self._spawn(process), time.monotonic())
        try:
            self.wait_ready(timeout)
        except BaseException:
            self.stop()
            raise
        self._watcher.start()

    def wait_ready(self, timeout: float = READY_SECONDS) -> None:
        """Wait until every process says that it is ready."""
        deadline = time.monotonic() + timeout
        for process in self._processes:
            while why := why_not_ready(process.health, self.pids()[process.name]):
                popen = self._running[process.name].popen
                if not self._watcher.is_alive() and popen.poll() is not None:
                    message = f"{process.name} {how_it_ended(popen.returncode)}{self._hint(process)}"
                    raise StartFailedError(message)
                if time.monotonic() > deadline:
                    message = f"{process.name} was not ready after {timeout:.0f} s: {why}{self._hint(process)}"
                    raise StartFailedError(message)
                self._stopping.wait(0.05)

    def pids(self) -> dict[str, int]:
        """The process ids, by name."""
        with self._lock:
            return {name: running.popen.pid for name, running in self._running.items()}

    def restarts(self) -> int:
        """How often a process had to be started again."""
        with self._lock:
            return sum(running.restarts for running in self._running.values())

    def kill(self, *names: str) -> dict[str, int]:
        """Kill processes with SIGKILL, all when none is named, as a power cut would; they are started again.

        Returns their ids by name.
        """
        with self._lock:
            killed = {name: self._running[name] for name in names or self._running}
            for running in killed.values():
                running.popen.send_signal(signal.SIGKILL)
            for running in killed.values():
                running.popen.wait()
            return {name: running.popen.pid for name, running in killed.items()}

    def send(self, name: str, number: signal.Signals) -> bool:
        """Send a signal to a process; false when it has ended, and was not started again yet."""
        with self._lock:
            popen = self._running[name].popen
            if popen.poll() is not None:
                return False
            popen.send_signal(number)
            return True

    def wait_restarted(self, killed: Mapping[str, int], timeout: float = READY_SECONDS) -> None:
        """Wait until all killed processes run again and are ready."""
        deadline = time.monotonic() + timeout
        while any(self.pids()[name] == pid for name, pid in killed.items()):
            if time.monotonic() > deadline:
                message = f"processes were not started again within {timeout:.0f} s"
                raise StartFailedError(message)
            self._stopping.wait(0.05)
        self.wait_ready(max(1.0, deadline - time.monotonic()))

    def stop(self) -> None:
        """Ask all processes to end, and kill those that do not within 30 seconds."""
        self._stopping.set()
        if self._watcher.is_alive():
            self._watcher.join()
        with self._lock:
            for running in self._running.values():
                with contextlib.suppress(ProcessLookupError):
                    running.popen.terminate()
            deadline = time.monotonic() + STOP_SECONDS
            for running in self._running.values():
                try:
                    running.popen.wait(max(0.1, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    running.popen.kill()
                    running.popen.wait()

    def _spawn(self, process: Process) -> "subprocess.Popen[bytes]":
        environment = {**os.environ, **self._environment, **process.environment}
        environment["DUOKUA_HEALTH_LISTEN"] = process.health
        with self._output(process) as output:
            # Its own session: an interrupt at the terminal reaches the supervisor, which stops the others in order.
            return subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [*_guard(), *process.command],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @contextlib.contextmanager
    def _output(self, process: Process) -> Iterator[int | None]:
        if self._logs is None:
            yield None
            return
        self._logs.mkdir(parents=True, exist_ok=True)
        with (self._logs / f"{process.name}.log").open("ab") as file:
            yield file.fileno()

    def _hint(self, process: Process) -> str:
        return f"; its log is {self._logs / process.name}.log" if self._logs else ""

    def _watch(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            with self._lock:
                for running in self._running.values():
                    self._look_after(running)

    def _look_after(self, running: Running) -> None:
        if running.popen.poll() is None:
            return
        now = time.monotonic()
        if not running.dead_until:
            if now - running.started > STABLE_SECONDS:
                running.pause = 0.0
            running.dead_until = now + running.pause
            popen = running.popen
            self._deaths.tell(running.process.name, popen.pid, popen.returncode, pause=running.pause, now=now)
            running.pause = min(max(running.pause * 2, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
        if now >= running.dead_until:
            running.popen = self._spawn(running.process)
            running.started, running.dead_until = now, 0.0
            running.restarts += 1


def migrate(environment: Mapping[str, str]) -> None:
    """Bring all databases to the newest revision, in a process of its own; raises StartFailedError."""
    done = subprocess.run(
        [sys.executable, "-m", "chassis.migrate", "upgrade"],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        message = f"the databases could not be migrated: {_last_words(done.stderr)}"
        raise StartFailedError(message)


def _last_words(output: str) -> str:
    """What a process said after the last line of its last traceback: the error itself."""
    lines = output.strip().splitlines()
    frames = [number for number, line in enumerate(lines) if line.startswith("  ")]
    said = lines[frames[-1] + 1 :] if frames else lines
    return "\n".join(line.strip() for line in said if not line.startswith("(Background on this error"))[-2000:]


def _guard() -> list[str]:
    """What makes the kernel stop a process should its supervisor die without having stopped it (Linux only)."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []


def environment_of(settings: Settings) -> dict[str, str]:
    """These settings as environment variables, for processes to be started."""
    values: Sequence[tuple[str, object]] = [
        ("DATA_DIR", settings.data_dir.absolute()),
        ("SECRETS_DIR", settings.secrets_folder.absolute()),
        ("DATABASE_URL", settings.database_url),
        ("BROKER_URL", settings.broker_url),
        ("BROKER_HEARTBEAT_SECONDS", settings.broker_heartbeat_seconds),
        ("LISTEN", settings.listen),
        ("ENDPOINTS", settings.endpoints),
        ("ISSUER", settings.issuer),
        ("ALLOW_PRIVATE_WEBHOOKS", settings.allow_private_webhooks),
        ("ALLOW_UNSIGNED_PACKAGES", settings.allow_unsigned_packages),
        ("LEASE_SECONDS", settings.lease_seconds),
        ("LOG_LEVEL", settings.log_level),
    ]
    return {f"DUOKUA_{name}": str(value) for name, value in values if value != ""}
