"""`python -m bench.seals`: signatures a second and CPU each at every level, on one core and two; verification."""

import argparse
import io
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import partial
from hashlib import sha256
from multiprocessing import get_context

from reportlab.pdfgen.canvas import Canvas

from bench.accounting import machine
from bench.timing import clock_times, cpu_times
from services.eseal.cms.signing import CmsSigner
from services.eseal.domain.notice import render
from services.eseal.domain.orders import At, Order
from services.eseal.pdf.grades import Level
from services.eseal.pdf.picture import SealPicture
from services.eseal.pdf.preparing import prepare
from services.eseal.pdf.verification import inspect
from services.eseal.verification.judges import Judges
from tests.eseal.builders import NOON, credential, notice, seal_picture, trust
from tests.eseal.pdf.builders import own_timestamps, sealer_of

ROUNDS = 300
SECONDS = 3.0
_LATER = NOON + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Found:
    """What was measured: milliseconds of CPU, medians of the rounds; signatures a second by the clock."""

    levels: dict[str, float]
    breakdown: dict[str, float]
    """Of B-B, and of a timestamp of our own; the rendering that comes before."""
    size: dict[str, int]
    """In bytes: the page, and sealed at each level."""
    a_second: dict[str, float]
    """Of B-B, by the number of processes at it at once; what the machine does besides slows them."""
    a_cpu_second: dict[str, float]
    """The same by the CPU that each process got: what so many cores do when they have nothing else to do."""
    verification: dict[str, float]
    large_bytes: int


def main() -> None:
    """Seal and verify."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure()
    if options.json:
        json.dump({"machine": machine(), **asdict(found)}, sys.stdout, indent=2)
        print()
        return
    _print("CPU ms a signature, rendering aside", found.levels, ".2f")
    _print("of B-B, CPU ms", found.breakdown, ".2f")
    _print("bytes", found.size, ",")
    _print("signatures a second, B-B, by processes", found.a_second, ".0f")
    _print("signatures a second of CPU, B-B, by processes", found.a_cpu_second, ".0f")
    _print(f"verification, CPU ms (the large file has {found.large_bytes:,} bytes)", found.verification, ".1f")


def measure() -> Found:
    """Everything, one after the other."""
    page, order = _page()
    sealers = {level.value: sealer_of(level) for level in Level}
    sealed = {name: sealer.seal(page, order, NOON).content for name, sealer in sealers.items()}
    large = sealers[Level.B_B].seal(_large(), Order(At(1, 300, 300)), NOON).content
    rates = {count: _rates(count) for count in (1, 2)}
    return Found(
        levels={name: _cpu(partial(sealer.seal, page, order, NOON)) for name, sealer in sealers.items()},
        breakdown=_breakdown(page, order),
        size={"page": len(page), **{name: len(content) for name, content in sealed.items()}},
        a_second={str(count): rates[count][0] for count in rates},
        a_cpu_second={str(count): rates[count][1] for count in rates},
        verification={
            **{name: _cpu(partial(_judge, file), 40) for name, file in sealed.items()},
            "large file": _cpu(lambda: _judge(large), 20),
            "large file, by the clock, in a process of its own": _apart(large),
        },
        large_bytes=len(large),
    )


def _page() -> tuple[bytes, Order]:
    rendered = render(notice())
    return rendered.content, Order(At(-1, *rendered.seal_middle), reason="33010620260601000017")


def _breakdown(page: bytes, order: Order) -> dict[str, float]:
    picture, signer, stamps = SealPicture(seal_picture()), CmsSigner(credential()), own_timestamps()
    prepared = prepare(page, picture, order, NOON)
    signature = signer.detached(prepared.digest)
    return {
        "rendering, before": _cpu(lambda: render(notice())),
        "preparing the file": _cpu(lambda: prepare(page, picture, order, NOON)),
        "making the signature": _cpu(lambda: signer.detached(prepared.digest)),
        "of it, with the key": _cpu(lambda: credential().key.sign(prepared.digest)),
        "putting it in": _cpu(lambda: prepared.sealed(signature)),
        "hash of the file for the register": _cpu(lambda: sha256(page)),
        "a timestamp of our own, at B-T": _cpu(lambda: stamps.stamp(signature)),
    }


def _large() -> bytes:
    """About 10 MB in 40 pages, which do not compress."""
    out = io.BytesIO()
    canvas = Canvas(out, invariant=1, pageCompression=0)
    for number in range(40):
        canvas.drawString(72, 700, f"Page {number}")
        canvas.addLiteral("%" + os.urandom(125_000).hex())
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def _judge(content: bytes) -> None:
    found = inspect(content, trust(), lambda _: None, _LATER)
    if found.verdict.name != "GENUINE":
        raise SystemExit(f"a file of the benchmark is {found.verdict.name}: {found.en}")


def _apart(content: bytes) -> float:
    judges, known = Judges(), trust()
    times = clock_times(lambda: judges.inspect(content, known, lambda _: None), 10)
    judges.close()
    return statistics.median(times)


def _cpu(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    return statistics.median(cpu_times(work, rounds))


def _rates(processes: int) -> tuple[float, float]:
    """What so many processes seal together in a second, all at it at the same time: by the clock, by their CPU."""
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        # Each has loaded everything before any begins.
        list(pool.map(_warm_up, range(processes)))
        begin = time.time() + 0.5
        each = list(pool.map(_seal_until, [begin] * processes))
    return sum(by_clock for by_clock, _ in each), sum(by_cpu for _, by_cpu in each)


def _warm_up(_: int) -> None:
    page, order = _page()
    sealer_of().seal(page, order, NOON)
    time.sleep(0.3)


def _seal_until(begin: float) -> tuple[float, float]:
    page, order = _page()
    sealer, count = sealer_of(), 0
    sealer.seal(page, order, NOON)
    time.sleep(max(0.0, begin - time.time()))
    started, used = time.perf_counter(), time.process_time()
    while time.perf_counter() - started < SECONDS:
        sealer.seal(page, order, NOON)
        count += 1
    return count / (time.perf_counter() - started), count / (time.process_time() - used)


def _print(title: str, figures: dict[str, float] | dict[str, int], shown: str) -> None:
    print(f"{title}:")
    for name, figure in figures.items():
        print(f"  {name}: {figure:{shown}}")


if __name__ == "__main__":
    main()
