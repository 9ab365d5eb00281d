"""`python -m bench.catalogue`: a workbook of many matters imported, published and exported: time, CPU by process."""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import grpc

from bench.accounting import TICKS, machine, usage_of
from chassis.clock import new_id
from duokua.client import Platform
from duokua.identity.v1 import directory_pb2
from duokua.matters.v1 import catalogue_service_pb2 as pb
from services.matters.catalogue.files.writing import write_workbook
from tests.edge import Edge, a_uscc
from tests.servers import PostgresServer, process

CHUNK = 1024 * 1024
VARIANTS = 20
"""Of each item: what the offices that implement it say is one of these."""
_TEXT = "申请人应当具备与经营规模相适应的场所、设备和人员，并提供真实、完整、有效的材料。"


@dataclass(frozen=True, slots=True)
class Cpu:
    """Seconds of CPU."""

    api: float
    converter: float
    server: float


@dataclass(frozen=True, slots=True)
class Bench:
    """The platform that is measured."""

    editor: Platform
    reviewer: Platform
    api: int
    server: int


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--matters", type=int, default=10_000)
    options = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as name:
        book = Path(name) / "catalogue.xlsx"
        with book.open("wb") as file:
            write_workbook(_entries(options.matters), file)
        print(f"{options.matters} matters, 2 + 3 rows of lists each: {book.stat().st_size / 2**20:.1f} MiB of Excel")
        with _platform(Path(name) / "sqlite", "", 0) as bench:
            _measure("SQLite", bench, book)
        with PostgresServer(durable=True) as server:
            for service in ("identity", "matters"):
                server.create_database(f"bench_{service}")
            url = server.url("bench_{service}")
            with _platform(Path(name) / "postgresql", url, server.pid) as bench:
                _measure("PostgreSQL", bench, book)


def _entries(count: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Items, each implemented by a hundred offices in a few variants, so many implementations in all."""
    items = max(1, count // 100)
    for item in range(items):
        yield _item(item), {"name": f"第{item}号许可", "legal_basis": _TEXT, "levels": ["4"], "served": ["1", "2"]}
    for number in range(count):
        code = f"{a_uscc(number // items)}4{_item(number % items)}"
        yield code, _implementation(number, number // items % VARIANTS)


def _item(number: int) -> str:
    return f"3301{number:05d}000"


def _implementation(number: int, variant: int) -> dict[str, Any]:
    materials = [
        {"name": name, "form": "电子", "necessity": "必要", "copies": 1, "source": "申请人自备", "criteria": _TEXT}
        for name in ("营业执照", "身份证明")
    ]
    flow = [
        {"name": name, "duty": "窗口人员", "limit": 1, "limit_unit": "1", "criteria": _TEXT}
        for name in ("受理", "审查", "决定")
    ]
    return {
        "name": f"第{number}号许可",
        "organ_name": f"第{number}局",
        "organ_nature": "1",
        "legal_basis": _TEXT * 3,
        "served": ["1", "2"],
        "case_kind": "2",
        "statutory_limit": 20,
        "statutory_unit": "1",
        "promised_limit": 1 + variant,
        "promised_unit": "1",
        "conditions": _TEXT * 5,
        "is_charged": False,
        "visits": 1,
        "places": f"某某路{number}号",
        "hours": "工作日 9:00-17:00",
        "contact": "0571-00000000",
        "complaints": "12345",
        "channels": ["1", "2"],
        "is_online": True,
        "materials": materials,
        "flow": flow,
    }


def _measure(where: str, bench: Bench, book: Path) -> None:
    print(f"{where}:")
    total = time.perf_counter()
    everything = pb.MatterFilter()
    service = bench.editor.catalogue
    publish = pb.PublishMattersRequest(filter=everything)
    submit = pb.SubmitForReviewRequest(filter=everything)
    imported = _timed("import", bench, lambda: list(service.ImportMatters(_requests(book)))[-1].summary)
    submitted = _timed("submit", bench, lambda: _last(service.SubmitForReview(submit)))
    published = _timed("publish", bench, lambda: _last(bench.reviewer.catalogue.PublishMatters(publish)))
    assert imported.created == submitted.done == published.done  # noqa: S101 - or nothing was measured
    print(f"  until all is in force: {time.perf_counter() - total:.1f} s")
    _timed("import, the same again", bench, lambda: list(service.ImportMatters(_requests(book))))
    export = pb.ExportMattersRequest(form=pb.FILE_FORM_EXCEL)
    _timed("export to Excel", bench, lambda: list(service.ExportMatters(export)))
    for what, wanted in (
        ("words", pb.MatterFilter(text="9999号")),
        ("an item", pb.MatterFilter(catalog_code=_item(7))),
    ):
        search = pb.SearchMattersRequest(filter=wanted)
        _timed(f"search by {what}", bench, partial(service.SearchMatters, search))


def _last(answers: Any) -> Any:
    *_, last = answers
    return last.summary


def _requests(book: Path) -> Iterator[pb.ImportMattersRequest]:
    start = pb.ImportStart(request_id=new_id(), files=[pb.ImportFile(name=book.name, size=book.stat().st_size)])
    yield pb.ImportMattersRequest(start=start)
    with book.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield pb.ImportMattersRequest(chunk=chunk)


def _timed(what: str, bench: Bench, work: Callable[[], Any]) -> Any:
    before, peak, over = _cpu(bench), 0.0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not over.wait(0.2):
            peak = max(peak, usage_of(bench.api).memory)

    watching = threading.Thread(target=watch)
    watching.start()
    started = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - started
    over.set()
    watching.join()
    after = _cpu(bench)
    cpu = f"{after.api - before.api:.1f} api, {after.converter - before.converter:.1f} converter"
    if bench.server:
        cpu += f", {after.server - before.server:.1f} PostgreSQL"
    print(f"  {what:>22}: {seconds:6.2f} s; s of CPU: {cpu}; at most {peak:.0f} MiB, converter included")
    return result


def _cpu(bench: Bench) -> Cpu:
    fields = Path(f"/proc/{bench.api}/stat").read_text().rpartition(")")[2].split()
    own, children = sum(map(int, fields[11:13])) / TICKS, sum(map(int, fields[13:15])) / TICKS
    return Cpu(own, children, usage_of(bench.server).cpu if bench.server else 0.0)


@contextmanager
def _platform(folder: Path, url: str, server: int) -> Iterator[Bench]:
    """An api process of its own, and two operators before it."""
    settings: dict[str, Any] = {"database_url": url} if url else {}
    with Edge(folder, "matters", **settings) as edge:
        editor, reviewer = edge.operator, edge.client(directory_pb2.CLIENT_ROLE_OPERATOR)
        edge.stop()
        api = _start(edge)
        try:
            yield Bench(editor, reviewer, api.pid, server)
        finally:
            api.terminate()
            api.wait()


def _start(edge: Edge) -> "subprocess.Popen[bytes]":
    settings = edge.settings
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "DUOKUA_DATA_DIR": str(settings.data_dir),
        "DUOKUA_DATABASE_URL": settings.database_url,
        "DUOKUA_LISTEN": settings.listen,
        "DUOKUA_HEALTH_LISTEN": settings.health_listen,
    }
    command = [sys.executable, "-m", "chassis.api_process", "identity", "matters"]
    log = settings.data_dir / "api.log"
    started = process.spawn(command, environment=environment, log=log, stop_signal="KILL")
    with edge.channel() as channel:
        grpc.channel_ready_future(channel).result(timeout=60)
    return started


if __name__ == "__main__":
    main()
