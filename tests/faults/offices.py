"""The offices' systems as processes: two for each office, started again when they have been killed."""

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.faults.ledger import Ledger
from tests.platform.registration import Registered

CODES = {step: f"33209980{number}000" for number, step in enumerate(("check", "food", "sign", "fire", "deliver"), 1)}
PROCESSES = 2
DOWN_SECONDS = 0.3
STOP_SECONDS = 20.0


@dataclass(slots=True)
class _Running:
    step: str
    popen: "subprocess.Popen[bytes]"
    dead_since: float = field(default=0.0)


class Offices:
    """All departments' processes; use it in a `with` statement."""

    def __init__(self, registered: Registered, folder: Path) -> None:
        self._registered = registered
        self._folder = folder
        self._running: dict[str, _Running] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="offices", daemon=True)

    def __enter__(self) -> Self:
        for step in CODES:
            for number in range(PROCESSES):
                self._running[f"{step}-{number}"] = _Running(step, self._start(step))
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._watcher.join()
        for running in self._running.values():
            running.popen.terminate()
        for running in self._running.values():
            try:
                running.popen.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                running.popen.kill()
                running.popen.wait()

    def names(self) -> list[str]:
        """The processes, as `kill` takes them."""
        return list(self._running)

    def kill(self, name: str) -> None:
        """SIGKILL one process; it is started again a moment later."""
        with self._lock:
            self._running[name].popen.kill()
            self._running[name].popen.wait()

    def stop(self, name: str, seconds: float) -> None:
        """SIGSTOP for a while: others take over what it had leased, and it wakes in the midst of it."""
        with self._lock:
            popen = self._running[name].popen
            popen.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        popen.send_signal(signal.SIGCONT)  # does nothing when it was killed meanwhile

    def ledgers(self) -> dict[str, Ledger]:
        """What each office did, by step."""
        return {step: Ledger(self._ledger(step)) for step in CODES}

    def _ledger(self, step: str) -> Path:
        return self._folder / f"{step}.ledger"

    def _start(self, step: str) -> "subprocess.Popen[bytes]":
        environment = {**os.environ, **self._registered.department_environment(step)}
        command = [sys.executable, "-m", "tests.faults.department", CODES[step], step, str(self._ledger(step))]
        with (self._folder / f"office-{step}.log").open("ab") as log:
            return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stderr=log)

    def _watch(self) -> None:
        while not self._stopping.wait(0.05):
            with self._lock:
                for running in self._running.values():
                    self._look_after(running)

    def _look_after(self, running: _Running) -> None:
        if running.popen.poll() is None:
            return
        if not running.dead_since:
            running.dead_since = time.monotonic()
        elif time.monotonic() - running.dead_since > DOWN_SECONDS:
            running.popen, running.dead_since = self._start(running.step), 0.0
