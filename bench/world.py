"""A platform for benchmarks: real durable servers, every service in its own processes, five offices, one portal."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from duokua.client import Platform
from tests.platform.registration import Registered, register
from tests.platform.starting import on_servers

CODES = {step: f"3320999{number:02d}000" for number, step in enumerate(("a", "b", "c", "d", "e"), 1)}
SCENARIO = Path(__file__).parent / "scenarios" / "bundle5"


@dataclass(slots=True)
class World:
    """What a benchmark works with."""

    portal: Platform
    applicant: str
    cases_url: str
    pids: dict[str, int]
    """Of the platform's processes and the servers, by name."""
    departments: dict[str, int]


@contextlib.contextmanager
def world() -> Iterator[World]:
    """Start everything, register everybody, and stop it all at the end."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="duokua-bench-")))
        installed = stack.enter_context(on_servers(folder, log_level="WARNING"))
        assert installed.postgresql is not None  # noqa: S101 - on_servers starts both
        assert installed.rabbitmq is not None  # noqa: S101
        registered = register(installed.settings, folder, SCENARIO, CODES, seals=False)
        servers = {"postgresql": installed.postgresql.pid, "rabbitmq": installed.rabbitmq.pid}
        yield World(
            portal=stack.enter_context(registered.portal()),
            applicant=registered.applicant,
            cases_url=installed.postgresql.url("duokua_cases"),
            pids={**installed.supervisor.pids(), **servers},
            departments={step: stack.enter_context(_department(registered, step)) for step in CODES},
        )


@contextlib.contextmanager
def _department(registered: Registered, step: str) -> Iterator[int]:
    environment = {**os.environ, **registered.department_environment(step)}
    process = subprocess.Popen([sys.executable, "-m", "bench.department", CODES[step]], env=environment)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=30)
