"""Carries out a plan of faults, and measures how long each takes until what was killed works again."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cli import supervise
from tests.faults.offices import Offices
from tests.faults.plan import EVERYTHING, Fault
from tests.platform.starting import Installation
from tests.servers.process import wait_until

RECOVERY_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Struck:
    """A fault that happened; seconds from the kill until what was killed was ready again."""

    fault: Fault
    recovery: float


class Strikes:
    """The faults of one run, each in a thread of its own, because they overlap."""

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
        threads = [threading.Thread(target=self._strike, args=(fault,), name=fault.target) for fault in self._faults]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._failures:
            raise ExceptionGroup("what was killed did not come back", self._failures)
        return self._struck

    def _strike(self, fault: Fault) -> None:
        time.sleep(max(0.0, self._started + fault.at - time.monotonic()))
        killed_at = time.monotonic()
        try:
            self._kill(fault)
        except Exception as error:  # noqa: BLE001  told by `carry_out`
            self._failures.append(error)
        else:
            self._struck.append(Struck(fault, time.monotonic() - killed_at))

    def _kill(self, fault: Fault) -> None:
        match fault.kind:
            case "office":
                self._offices.kill(fault.target)
            case "postgresql" | "rabbitmq":
                server = getattr(self._installation, fault.target)
                server.kill()
                time.sleep(fault.down)
                server.start()
                self._await_ready(list(self._health), lambda: True)
            case _:
                names = () if fault.target == EVERYTHING else (fault.target,)
                killed = self._installation.supervisor.kill(*names)
                self._await_ready(
                    list(killed),
                    lambda: all(self._installation.supervisor.pids()[name] != pid for name, pid in killed.items()),
                )

    def _await_ready(self, names: Sequence[str], restarted: Callable[[], bool]) -> None:
        wait_until(
            lambda: restarted() and all(supervise.is_ready(self._health[name]) for name in names),
            seconds=RECOVERY_SECONDS,
            what=f"{', '.join(names)} not ready again",
        )
