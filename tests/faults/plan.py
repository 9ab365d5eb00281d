"""Which process is killed when: drawn from a seed, so that a run can be repeated."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

EVERYTHING = "everything"
"""All processes of the platform at once, as a power cut has it; the servers and the offices live on."""


@dataclass(frozen=True, slots=True)
class Fault:
    """SIGKILL for one process. For a server `down` seconds pass until it is started again; others start at once."""

    at: float
    kind: str
    target: str
    down: float = 0.0
    stall: float = 0.0
    """Seconds before the kill in which it gets nothing done: what it did before is then half-way to others."""
    slip: float = 0.0
    """Seconds after the stall in which what had waited gets done; its answers then are half-way."""


@dataclass(frozen=True, slots=True)
class Targets:
    """What there is to kill."""

    apis: Sequence[str]
    workers: Sequence[str]
    offices: Sequence[str]
    servers: Sequence[str] = ()


def targets(process_names: Sequence[str], office_names: Sequence[str], servers: Sequence[str] = ()) -> Targets:
    """The processes of a platform, sorted by what they are."""
    return Targets(
        [name for name in process_names if name.endswith("api")],
        [name for name in process_names if name.endswith("worker")],
        office_names,
        servers,
    )


def draw(chance: random.Random, there: Targets, *, rounds: int, seconds: float) -> list[Fault]:
    """In each round some of each kind: api processes, workers, offices, each server, and all at once."""
    faults = []
    embedded = not there.servers
    for number in range(rounds):
        begin, length = seconds * number / rounds, seconds / rounds
        chosen = [
            *(("api", name) for name in there.apis if name in ("api", "cases-api")),
            *(("api", name) for name in _some(chance, there.apis, 0 if embedded else 1)),
            *(("worker", name) for name in _some(chance, there.workers, 1 if embedded else 3)),
            *(("office", name) for name in _some(chance, there.offices, 3)),
            *((name, name) for name in there.servers),
        ]
        if embedded or number % 2:
            chosen.append((EVERYTHING, EVERYTHING))
        for kind, target in chosen:
            at = begin + length * chance.uniform(0.05, 0.95)
            down = chance.uniform(0.2, 1.5) if target in there.servers else 0.0
            stall = chance.choice((0.0, 0.3, 0.5)) if kind not in ("office", "postgresql") else 0.0
            slip = chance.uniform(0.0, 0.1) if kind == "api" else 0.0
            faults.append(Fault(at, kind, target, down, stall, slip))
    return sorted(faults, key=lambda fault: fault.at)


def _some(chance: random.Random, names: Sequence[str], count: int) -> list[str]:
    """Some of the names, the services that carry a case as often as all others together."""
    carrying = [name for name in names if name.split("-")[0] in ("cases", "routing", "eseal", "notify")]
    return [chance.choice(chance.choice([names, carrying or names])) for _ in range(count)]
