"""Carries out a plan of faults, and measures how long each takes until what was killed works again."""

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

import psycopg

from chassis.settings import SERVICES
from cli import readiness, supervise
from tests.faults.offices import Offices
from tests.faults.plan import EVERYTHING, Fault
from tests.platform.starting import Installation
from tests.servers.process import wait_until

RECOVERY_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Struck:
    """A fault that happened; seconds from the kill until what was killed was ready again.

    After a server's fault that is everybody who uses it; `last` is who took longest. `down` is how long the server
    itself was away.
    """

    fault: Fault
    recovery: float
    down: float = 0.0
    last: str = ""


class Strikes:
    """The faults of one run, each watched by a thread of its own, because recoveries overlap."""

    def __init__(self, installation: Installation, offices: Offices, faults: Sequence[Fault], started: float) -> None:
        self._installation = installation
        self._offices = offices
        self._faults = faults
        self._started = started
        self._health = {each.name: each.health for each in supervise.processes_of(installation.settings)}
        self._struck: list[Struck] = []
        self._failures: list[Exception] = []

    def carry_out(self) -> list[Struck]:
        """Kill at the planned times; returns once all has recovered. Raises TimeoutError when something does not."""
        threads = []
        for fault in self._faults:
            time.sleep(max(0.0, self._started + fault.at - time.monotonic()))
            killed_at = time.monotonic()
            # By this thread: a server is to end with the thread that started it.
            missing = self._kill(fault)
            down = time.monotonic() - killed_at
            threads.append(threading.Thread(target=self._watch, args=(fault, killed_at, down, missing)))
            threads[-1].start()
        for thread in threads:
            thread.join()
        if self._failures:
            raise ExceptionGroup("what was killed did not come back", self._failures)
        return self._struck

    def _watch(self, fault: Fault, killed_at: float, down: float, missing: Callable[[], str]) -> None:
        last = ""

        def recovered() -> bool:
            nonlocal last
            found = missing()
            last = found or last
            return not found

        try:
            wait_until(recovered, seconds=RECOVERY_SECONDS, what=f"{fault.target} was killed and is not ready again")
        except TimeoutError as error:
            error.add_note(f"waited for {last}")
            self._failures.append(error)
        else:
            self._struck.append(Struck(fault, time.monotonic() - killed_at, down, last))

    def _kill(self, fault: Fault) -> Callable[[], str]:
        """Kill something, and see to it that it is started again; the answer tells what does not work again yet."""
        if fault.kind == "office":
            self._offices.kill(fault.target)
            return lambda: ""
        if fault.kind in ("postgresql", "rabbitmq"):
            server = getattr(self._installation, fault.target)
            if fault.stall:
                # A broker that hangs before it dies: what was acknowledged and confirmed meanwhile never was.
                os.kill(server.pid, signal.SIGSTOP)
                time.sleep(fault.stall)
            server.kill()
            time.sleep(fault.down)
            server.start()
            return lambda: self._not_ready(self._health)
        supervisor = self._installation.supervisor
        with self._stalled(fault):
            killed = supervisor.kill(*(() if fault.target == EVERYTHING else (fault.target,)))

        def missing() -> str:
            running = supervisor.pids()
            return next((name for name, pid in killed.items() if running[name] == pid), "") or self._not_ready(killed)

        return missing

    @contextmanager
    def _stalled(self, fault: Fault) -> Iterator[None]:
        """Let nobody write to a service's outbox for a while before the kill.

        What its events caused elsewhere is committed meanwhile; it cannot forget them, and they come again. With a
        slip, what had waited is committed in the last moment, and whoever asked for it is not told.
        """
        if not fault.stall:
            yield
            return
        service = fault.target.partition("-")[0]
        with self._outbox_locked(service if service in SERVICES else "cases"):
            time.sleep(fault.stall)
            if not fault.slip:
                yield
        if fault.slip:
            time.sleep(fault.slip)
            yield

    @contextmanager
    def _outbox_locked(self, service: str) -> Iterator[None]:
        url = self._installation.settings.database_url_of(service)
        if url.startswith("sqlite"):
            with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=20, isolation_level=None)) as file:
                file.execute("BEGIN IMMEDIATE")
                yield
        else:
            with psycopg.connect(url) as connection:
                # A relay may still lock rows and publish them, and not delete them.
                connection.execute("LOCK TABLE outbox IN SHARE MODE")
                yield
                connection.rollback()

    def _not_ready(self, names: Iterable[str]) -> str:
        return next((name for name in names if not readiness.is_ready(self._health[name])), "")
