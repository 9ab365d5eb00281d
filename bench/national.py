"""`python -m bench.national`: the national suite: SM2, sealing an OFD and what that consists of, verifying it."""

import argparse
import json
import statistics
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial

from bench.accounting import machine
from bench.timing import cpu_times
from services.eseal.domain.orders import At, AtText, Order
from services.eseal.domain.sheet import lay
from services.eseal.national import signatures
from services.eseal.national.libcrypto import version
from services.eseal.national.ofd import package, xml
from services.eseal.national.ofd.description import describe
from services.eseal.national.ofd.document import draw
from services.eseal.national.ofd.prepared import Prepared
from services.eseal.national.ofd.preparing import prepare
from services.eseal.national.ofd.structure import read_structure
from services.eseal.national.sm2 import PrivateKey
from services.eseal.national.sm3 import sm3
from tests.eseal.builders import notice
from tests.eseal.national.builders import NOON, authority, inspect, seal, sealed, sealer, stamps, written

ROUNDS = 200
SECONDS = 1.0
MESSAGE = b"m" * 200
DESCRIPTION = "Doc_0/Signs/Sign_0/Signature.xml"


@dataclass(frozen=True, slots=True)
class Found:
    """What was measured: operations a second by the clock, and milliseconds of CPU, median of 200 rounds."""

    openssl: str
    sign_milliseconds: float
    """One SM2 signature over 200 bytes."""
    verify_signature_milliseconds: float
    sign_a_second: float
    verify_a_second: float
    sign_a_second_two_threads: float
    verify_a_second_two_threads: float
    bytes: int
    write_milliseconds: float
    """Setting the notice and cutting the typeface: before it is sealed."""
    seal_milliseconds: float
    parts_milliseconds: dict[str, float]
    """What sealing consists of, measured apart."""
    verify_milliseconds: float
    by_hand_milliseconds: dict[str, float]
    """A seal on that notice as on a file of an official: in the process that reads it, and beside the key."""


def main() -> None:
    """Sign, seal, verify."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure()
    if options.json:
        json.dump({"machine": machine(), **asdict(found)}, sys.stdout, indent=2)
        print()
        return
    print(f"{found.openssl}; SM2: ms of CPU; a second by the clock with one thread, with two:")
    for name, milliseconds, one, two in (
        ("sign", found.sign_milliseconds, found.sign_a_second, found.sign_a_second_two_threads),
        ("verify", found.verify_signature_milliseconds, found.verify_a_second, found.verify_a_second_two_threads),
    ):
        print(f"  {name} {milliseconds:.2f}; {one:.0f}, {two:.0f}")
    print(f"a notice of {found.bytes} bytes, ms of CPU:")
    print(f"  write {found.write_milliseconds:.2f}, seal {found.seal_milliseconds:.2f}, of that:")
    for name, milliseconds in found.parts_milliseconds.items():
        print(f"    {name} {milliseconds:.2f}")
    print(f"  verify {found.verify_milliseconds:.2f}")
    print("  as a file of an official:")
    for name, milliseconds in found.by_hand_milliseconds.items():
        print(f"    {name} {milliseconds:.2f}")


def measure() -> Found:
    """All of it, in this process."""
    key = PrivateKey.generate()
    sign, verify = partial(key.sign, MESSAGE), partial(key.public_key.verify, MESSAGE, key.sign(MESSAGE))
    document, done, by = written(), sealed(), sealer()
    sheet = lay(notice())
    return Found(
        openssl=version(),
        sign_milliseconds=_cost(sign),
        verify_signature_milliseconds=_cost(verify),
        sign_a_second=_rate(sign, threads=1),
        verify_a_second=_rate(verify, threads=1),
        sign_a_second_two_threads=_rate(sign, threads=2),
        verify_a_second_two_threads=_rate(verify, threads=2),
        bytes=len(done.content),
        write_milliseconds=_cost(lambda: draw(sheet, NOON.date())),
        seal_milliseconds=_cost(lambda: by.seal(document.files, stamps(document), now=NOON)),
        parts_milliseconds=_parts(),
        verify_milliseconds=_cost(lambda: inspect(done.content)),
        by_hand_milliseconds=_by_hand(),
    )


def _by_hand() -> dict[str, float]:
    plain, encoded, trust = package.write(written().files), seal(), authority().trust_list()

    def prepared(content: bytes, order: Order) -> tuple[bytes, dict[str, object]]:
        return prepare(content, trust, encoded, order, NOON)

    def signed(addition: bytes, places: dict[str, object]) -> bytes:
        found = Prepared.of(plain, addition, places)
        value, _ = signatures.sign(
            encoded, authority().seal, data_hash=found.digest, property_info="/" + found.location, now=NOON
        )
        return found.sealed(plain, value)

    at, text = Order(At(1, 300, 300)), Order(AtText("准予许可"))
    done = prepared(plain, at)
    if inspect(signed(*done)).verdict.name != "GENUINE":
        raise SystemExit("a file of the benchmark is not genuine")
    return {
        "screening and preparing it": _cost(lambda: prepared(plain, at)),
        "the same, with a text to look for": _cost(lambda: prepared(plain, text)),
        "the same of one with a seal on it": _cost(lambda: prepared(sealed().content, at)),
        "signing and closing it": _cost(lambda: signed(*done)),
    }


def _parts() -> dict[str, float]:
    document, done = written(), sealed()
    seal = done.files["Doc_0/Signs/Sign_0/Seal.esl"]
    description = xml.parse(done.files[DESCRIPTION], "Signature")
    digest = sm3(done.files[DESCRIPTION])
    covered = [done.files[name] for name in describe(done.files, DESCRIPTION).references]
    return {
        "digests of the files": _cost(lambda: [sm3(data) for data in covered]),
        "reading the pages": _cost(lambda: read_structure(document.files)),
        "writing the description": _cost(lambda: xml.serialise(description)),
        "signing (SM2 over seal and digest)": _cost(
            lambda: signatures.sign(seal, authority().seal, data_hash=digest, property_info="/" + DESCRIPTION, now=NOON)
        ),
        "packing": _cost(lambda: package.write(done.files)),
    }


def _rate(work: Callable[[], object], *, threads: int) -> float:
    counts = [0] * threads
    until = time.perf_counter() + SECONDS

    def run(number: int) -> None:
        while time.perf_counter() < until:
            work()
            counts[number] += 1

    started = time.perf_counter()
    every = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for each in every:
        each.start()
    for each in every:
        each.join()
    return sum(counts) / (time.perf_counter() - started)


def _cost(work: Callable[[], object]) -> float:
    return statistics.median(cpu_times(work, ROUNDS))


if __name__ == "__main__":
    main()
