"""Carries out a plan of faults, and measures how long each takes until everybody works again."""

import contextlib
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import psycopg

from chassis.bus.topology import queue_name
from chassis.settings import SERVICES
from cli import readiness
from tests.faults.meters import Meters
from tests.faults.offices import Offices
from tests.faults.plan import ALL, LEADER, Deed, Fault, Part
from tests.faults.record import Books
from tests.platform.starting import Installation
from tests.servers import Proxy, RabbitmqServer
from tests.servers.process import wait_until

RECOVERY_SECONDS = 90.0
LOOK_SECONDS = 0.1

Checks = Mapping[str, Callable[[], bool]]
"""Whether something works again, by what it is."""


@dataclass(frozen=True, slots=True)
class Struck:
    """A fault that happened.

    `recovery`: seconds from its beginning until each process that it struck had been ready again, and each outbox had
    given away what lay in it; `away`: for how long of that the target was kept from work; `last` is what was waited for
    last. For an office there is no such moment.
    """

    fault: Fault
    recovery: float | None
    away: float = 0.0
    last: str = ""


class Strikes:
    """The faults of one run, each in a thread of its own, because recoveries overlap; of a server one at a time."""

    def __init__(self, installation: Installation, offices: Offices, books: Books, meters: Meters) -> None:
        self._installation = installation
        self._offices = offices
        self._books = books
        self._meters = meters
        self._turns = {part: threading.Lock() for part in (Part.POSTGRESQL, Part.RABBITMQ)}
        self._struck: list[Struck] = []
        self.failures: list[str] = []
        """What did not come back, in a sentence each."""

    def carry_out(self, faults: Sequence[Fault], started: float) -> list[Struck]:
        """Strike at the planned times, counted from `started`; returns once all has recovered, or has not in time."""
        threads = []
        for fault in faults:
            time.sleep(max(0.0, started + fault.at - time.monotonic()))
            threads.append(threading.Thread(target=self._strike, args=(fault,)))
            threads[-1].start()
        for thread in threads:
            thread.join()
        return self._struck

    def _strike(self, fault: Fault) -> None:
        try:
            with self._turns.get(fault.part, contextlib.nullcontext()):
                self._struck.append(self._struck_by(fault))
        except Exception as error:  # noqa: BLE001 - told in the report
            self.failures.append(f"{fault.kind} ({fault.target}): {error!r}")

    def _struck_by(self, fault: Fault) -> Struck:
        moment, began = datetime.now(UTC), time.monotonic()
        with self._deed(fault) as processes:
            away = time.monotonic() - began
            if not processes:
                return Struck(fault, None, away)
            services = {service for name in processes for service in _services(name)}
            outboxes = {f"the outbox of {each}": partial(self._books.has_sent, each, moment) for each in services}
            last = _wait({**processes, **outboxes})
            return Struck(fault, time.monotonic() - began, away, last)

    @contextmanager
    def _deed(self, fault: Fault) -> Iterator[Checks]:
        """Do it; within the block the target has been given back, but for a node that the others have to do without."""
        match fault.part, fault.deed:
            case Part.OFFICE, Deed.KILLED:
                self._offices.kill(fault.target)
                yield {}
            case Part.OFFICE, _:
                self._offices.stop(fault.target, fault.down)
                yield {}
            case (Part.API | Part.WORKER, Deed.STOPPED):
                yield self._stop(fault)
            case (Part.API | Part.WORKER | Part.PLATFORM, _):
                yield self._kill(fault)
            case Part.POSTGRESQL, Deed.KILLED | Deed.CRASHED:
                yield self._restart_postgresql(fault)
            case Part.RABBITMQ, Deed.KILLED:
                with self._without_node(fault):
                    yield self._everybody_ready()
            case _:
                yield self._break_connections(fault)

    def _stop(self, fault: Fault) -> Checks:
        supervisor = self._installation.supervisor
        # It may have been killed a moment ago, and again while it was stopped.
        wait_until(partial(supervisor.send, fault.target, signal.SIGSTOP), seconds=RECOVERY_SECONDS, what=fault.target)
        time.sleep(fault.down)
        supervisor.send(fault.target, signal.SIGCONT)
        return {fault.target: partial(self._is_ready, fault.target)}

    def _kill(self, fault: Fault) -> Checks:
        supervisor = self._installation.supervisor
        names = [] if fault.target == ALL else [fault.target]
        with self._stalled(fault):
            self._meters.sample(names)
            killed = supervisor.kill(*names)

        def is_back(name: str) -> bool:
            return supervisor.pids()[name] != killed[name] and self._is_ready(name)

        return {name: partial(is_back, name) for name in killed}

    def _restart_postgresql(self, fault: Fault) -> Checks:
        server = self._installation.postgresql
        assert server is not None
        if fault.deed is Deed.CRASHED:
            server.crash()
        else:
            server.kill()
        time.sleep(fault.down)
        server.start()
        return self._everybody_ready()

    @contextmanager
    def _without_node(self, fault: Fault) -> Iterator[None]:
        """Kill a node. The only one is started again at once, one of a cluster after the others go on without it."""
        node, cluster = self._node(fault.target), self._installation.cluster
        if fault.stall:
            # A broker that hangs before it dies: what was acknowledged and confirmed meanwhile never was.
            os.kill(node.pid, signal.SIGSTOP)
            time.sleep(fault.stall)
        node.kill()
        if cluster is None:
            time.sleep(fault.down)
            node.start()
            yield
            return
        try:
            yield
        finally:
            node.start()
            cluster.wait_complete()

    def _node(self, target: str) -> RabbitmqServer:
        cluster, only = self._installation.cluster, self._installation.rabbitmq
        assert only is not None
        if cluster is None:
            return only
        return cluster.leader(queue_name("cases")) if target == LEADER else cluster.nodes[int(target)]

    def _break_connections(self, fault: Fault) -> Checks:
        proxies = self._struck_proxies(fault)
        if fault.deed is Deed.HUNG:
            for proxy in proxies:
                proxy.hang()
            time.sleep(fault.down)
        for proxy in proxies:
            proxy.cut()
            proxy.flow()
        return self._everybody_ready()

    def _struck_proxies(self, fault: Fault) -> Sequence[Proxy]:
        proxies = self._installation.proxies
        assert proxies is not None
        if fault.part is Part.POSTGRESQL:
            return [proxies.postgresql]
        # All nodes are cut off at once; one hangs, and the others are there.
        return proxies.rabbitmq if fault.deed is Deed.CUT else [proxies.rabbitmq[int(fault.target)]]

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
        url = self._installation.database_url(service)
        if url.startswith("sqlite"):
            with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=20, isolation_level=None)) as file:
                file.execute("BEGIN IMMEDIATE")
                yield
            return
        with contextlib.ExitStack() as stack:
            # The server may be down itself, or go meanwhile: then nobody writes either.
            with contextlib.suppress(psycopg.OperationalError):
                connection = stack.enter_context(closing(psycopg.connect(url)))
                # A relay may still lock rows and publish them, and not delete them.
                connection.execute("LOCK TABLE outbox IN SHARE MODE")
            yield

    def _everybody_ready(self) -> Checks:
        return {name: partial(self._is_ready, name) for name in self._installation.health}

    def _is_ready(self, name: str) -> bool:
        return readiness.is_ready(self._installation.health[name])


def _services(process: str) -> Sequence[str]:
    """The services that a process is of, by its name."""
    service = process.partition("-")[0]
    return (service,) if service in SERVICES else SERVICES


def _wait(checks: Checks) -> str:
    """Wait until each check has held once; the answer is whose did last."""
    deadline, pause, last = time.monotonic() + RECOVERY_SECONDS, threading.Event(), ""
    while left := {what: check for what, check in checks.items() if not check()}:
        checks, last = left, next(iter(left))
        if time.monotonic() > deadline:
            raise TimeoutError(f"not well again after {RECOVERY_SECONDS:g} s: {', '.join(left)}")
        pause.wait(LOOK_SECONDS)
    return last
