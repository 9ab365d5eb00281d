"""The department systems' processes, as the demo starts, steers and stops them."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cli.demo.world import Office

STOP_SECONDS = 10.0


class SystemFailedError(Exception):
    """A department's system ended or did not answer; the message says where its log is."""


class System:
    """One department's system: a process of its own, which ends when its standard input does."""

    def __init__(self, office: Office, folder: Path, environment: Mapping[str, str], pace: float) -> None:
        self.office = office
        self._folder = folder
        folder.mkdir(parents=True)
        self._log = folder / "system.log"
        command = [sys.executable, "-m", "cli.demo.departments", str(folder), str(pace), *office.matters]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                command,
                env={**os.environ, **environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def tell(self, line: str) -> None:
        """Give the system an order and wait until it is done; raises SystemFailedError."""
        assert self._process.stdin is not None  # noqa: S101 - piped above
        assert self._process.stdout is not None  # noqa: S101 - piped above
        try:
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            answer = ""
        else:
            answer = self._process.stdout.readline()
        if answer.strip() != line:
            message = f"the system of {self.office.name} did not {line}; its log is {self._log}"
            raise SystemFailedError(message)

    def ledger(self) -> list[dict[str, Any]]:
        """What the office did and undid, in this order."""
        return _lines(self._folder / "ledger.jsonl")

    def webhooks(self) -> list[dict[str, Any]]:
        """What its webhook received, in this order."""
        return _lines(self._folder / "webhooks.jsonl")

    def stop(self) -> None:
        """End its input, and kill it when it does not end by that."""
        assert self._process.stdin is not None  # noqa: S101 - piped above
        self._process.stdin.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None  # noqa: S101 - piped above
        self._process.stdout.close()


def _lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    # A line that is being written just now has no end yet.
    return [json.loads(line) for line in path.read_text("utf-8").splitlines(keepends=True) if line.endswith("\n")]
