"""`python -m bench.embedded`: what the embedded platform takes: time to ready, memory, and CPU when idle."""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.accounting import machine, usage_of
from cli.readiness import is_ready
from tests.platform.ports import free_ports

SETTLE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Footprint:
    """What `duokua up` takes."""

    first_start_seconds: float
    """With secrets and databases to be made."""
    start_seconds: float
    memory_mib: float
    """Proportional set size of supervisor, api and worker."""
    idle_cpu_percent: float
    """Of one core."""


def main() -> None:
    """Start twice, and look."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--idle-seconds", type=float, default=30.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="duokua-bench-") as folder:
        first, _, _ = _run(Path(folder), 0.0)
        again, memory, idle = _run(Path(folder), options.idle_seconds)
    found = Footprint(round(first, 2), round(again, 2), round(memory, 1), round(idle, 2))
    if options.json:
        json.dump({"machine": machine(), **asdict(found)}, sys.stdout, indent=2)
        return
    print(f"machine: {machine()}")
    print(f"ready after {found.first_start_seconds} s the first time, {found.start_seconds} s later")
    print(f"memory: {found.memory_mib} MiB; idle: {found.idle_cpu_percent} % of one core")


def _run(folder: Path, idle_seconds: float) -> tuple[float, float, float]:
    port = free_ports(3)
    environment = {
        **os.environ,
        "DUOKUA_DATA_DIR": str(folder),
        "DUOKUA_LISTEN": f"127.0.0.1:{port}",
        "DUOKUA_HEALTH_LISTEN": f"127.0.0.1:{port + 1}",
        "DUOKUA_LOG_LEVEL": "WARNING",
    }
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "cli.main", "up"], env=environment, stderr=subprocess.DEVNULL)
    try:
        while not (is_ready(f"127.0.0.1:{port + 1}") and is_ready(f"127.0.0.1:{port + 2}")):
            if process.poll() is not None:
                raise SystemExit(f"the platform ended with status {process.returncode}")
            time.sleep(0.02)
        ready = time.perf_counter() - started
        if not idle_seconds:
            return ready, 0.0, 0.0
        time.sleep(SETTLE_SECONDS)
        before = usage_of(process.pid)
        time.sleep(idle_seconds)
        after = usage_of(process.pid)
        return ready, after.memory, (after.cpu - before.cpu) / idle_seconds * 100
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=40)


if __name__ == "__main__":
    main()
