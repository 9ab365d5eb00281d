"""`python -m bench.materials`: large files in and out of one api process: MB/s, CPU a MiB by process, and memory."""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc

from bench.accounting import machine, usage_of
from duokua.cases.v1 import case_pb2
from tests.cases.builders import a_material
from tests.cases.offices import Offices, application, offices
from tests.servers import process

MEGABYTE = 1_000_000
MEBIBYTE = 1024 * 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=200, help="of each file")
    parser.add_argument("--files", type=int, default=4, help="at the same time")
    options = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as name, offices(Path(name).absolute()) as town:
        town.edge.stop()
        api = _start(town)
        try:
            _measure(town, api.pid, Path(name), options.megabytes * MEGABYTE, options.files)
        finally:
            api.terminate()
            api.wait()


def _start(town: Offices) -> "subprocess.Popen[bytes]":
    settings = town.edge.settings
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "DUOKUA_DATA_DIR": str(settings.data_dir),
        "DUOKUA_LISTEN": settings.listen,
        "DUOKUA_HEALTH_LISTEN": settings.health_listen,
        "DUOKUA_LARGEST_MATERIAL": "5000000000",
    }
    command = [sys.executable, "-m", "chassis.api_process", "identity", "cases"]
    log = settings.data_dir / "api.log"
    started = process.spawn(command, environment=environment, log=log, stop_signal="KILL")
    with town.edge.channel() as channel:
        grpc.channel_ready_future(channel).result(timeout=60)
    return started


def _measure(town: Offices, pid: int, folder: Path, size: int, count: int) -> None:
    sources = [folder / f"{number}.bin" for number in range(count)]
    for source in sources:
        with source.open("wb") as file:
            for _ in range(size // MEGABYTE):
                file.write(os.urandom(MEGABYTE))
    _timed("up, one", pid, size, lambda: town.applicant.upload(sources[0]))
    with ThreadPoolExecutor(count) as threads:
        _timed(
            f"up, {count - 1}", pid, size * (count - 1), lambda: list(threads.map(town.applicant.upload, sources[1:]))
        )
        digests = [hashlib.sha256(source.read_bytes()).hexdigest() for source in sources]
        photos = [
            case_pb2.Material(kind="photo", name="x", media_type="application/octet-stream", sha256=digest)
            for digest in digests
        ]
        case = town.applicant.cases.SubmitCase(application(materials=[a_material(), *photos])).case

        def fetch(number: int) -> None:
            town.applicant.download(case.case_id, digests[number], folder / f"{number}.copy")

        _timed("down, one", pid, size, lambda: fetch(0))
        _timed(f"down, {count}", pid, size * count, lambda: list(threads.map(fetch, range(count))))


def _timed(what: str, pid: int, size: int, work: Callable[[], object]) -> None:
    before, own, peak, over = usage_of(pid), time.process_time(), 0.0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not over.wait(0.1):
            peak = max(peak, usage_of(pid).memory)

    watching = threading.Thread(target=watch)
    watching.start()
    started = time.perf_counter()
    work()
    seconds = time.perf_counter() - started
    own = time.process_time() - own
    over.set()
    watching.join()
    cpu = usage_of(pid).cpu - before.cpu
    each = 1000 / (size / MEBIBYTE)
    print(
        f"{what:>8}: {size / seconds / MEGABYTE:4.0f} MB/s; ms of CPU a MiB: {cpu * each:4.1f} api, "
        f"{own * each:4.1f} client; api: {before.memory:.0f} MiB before, {peak:.0f} at most"
    )


if __name__ == "__main__":
    main()
