"""What happens to whom, and when: drawn from a seed, so that a run can be repeated."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

ALL = "all"
"""All processes of the platform at once, as a power cut has it; the servers and the offices live on."""
LEADER = "leader"
"""Whichever node of the broker leads the queue of cases when the time has come."""
CARRYING = ("cases", "routing", "eseal", "notify")
"""The services that a case passes through."""


class Part(StrEnum):
    """What is struck."""

    API = "api"
    WORKER = "worker"
    OFFICE = "office"
    PLATFORM = "platform"
    POSTGRESQL = "postgresql"
    RABBITMQ = "rabbitmq"


class Deed(StrEnum):
    """What is done to it."""

    KILLED = "killed"
    """SIGKILL."""
    CRASHED = "crashed"
    """PostgreSQL's immediate mode: all its processes end, nothing is flushed that was not."""
    STOPPED = "stopped"
    """SIGSTOP, and SIGCONT after heartbeats, leases and the database's patience are over."""
    CUT = "cut"
    """All its connections are reset at once."""
    HUNG = "hung"
    """Its connections stay open and carry nothing, and are reset after a time."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One deed to one target, and for how long."""

    at: float
    part: Part
    deed: Deed
    target: str
    down: float = 0.0
    """Seconds until a server is started again, a stopped process goes on, a hanging connection is cut."""
    stall: float = 0.0
    """Seconds before a kill in which it gets nothing done: what it did before is then half-way to others."""
    slip: float = 0.0
    """Seconds after the stall in which what had waited gets done; its answers then are half-way."""

    @property
    def kind(self) -> str:
        """Faults of one kind are counted together."""
        return f"{self.part} {self.deed}"


@dataclass(frozen=True, slots=True)
class Targets:
    """What there is to strike."""

    apis: Sequence[str]
    workers: Sequence[str]
    offices: Sequence[str]
    nodes: int = 0
    """Of RabbitMQ; none when the platform is embedded, and then there is no PostgreSQL either."""

    @property
    def twins(self) -> list[str]:
        """Workers that have another beside them: it takes over from one that stands still."""
        seconds = [name for name in self.workers if name.endswith("-2")]
        return [name for each in seconds for name in (each, each.removesuffix("-2"))]


def targets(process_names: Iterable[str], office_names: Sequence[str], nodes: int) -> Targets:
    """The processes of a platform, sorted by what they are."""
    names = sorted(process_names)
    apis, workers = ([name for name in names if kind in name] for kind in ("api", "worker"))
    return Targets(apis, workers, office_names, nodes)


def draw(chance: random.Random, there: Targets, *, rounds: int, seconds: float) -> list[Fault]:
    """In each round some of every kind, at random times of it."""
    faults: list[Fault] = []
    for number in range(rounds):
        begin, length = seconds * number / rounds, seconds / rounds
        chosen = _on_servers(chance, there, number) if there.nodes else _embedded(chance, there)
        faults += (_fault(chance, begin + length * chance.uniform(0.05, 0.95), *each) for each in chosen)
    return sorted(faults, key=lambda fault: fault.at)


_Choice = tuple[Part, Deed, str]


def _embedded(chance: random.Random, there: Targets) -> list[_Choice]:
    return [
        (Part.API, Deed.KILLED, "api"),
        (Part.WORKER, Deed.KILLED, "worker"),
        *((Part.OFFICE, Deed.KILLED, chance.choice(there.offices)) for _ in range(3)),
        (Part.OFFICE, Deed.STOPPED, chance.choice(there.offices)),
        chance.choice([(Part.API, Deed.STOPPED, "api"), (Part.WORKER, Deed.STOPPED, "worker")]),
        (Part.PLATFORM, Deed.KILLED, ALL),
    ]


def _on_servers(chance: random.Random, there: Targets, number: int) -> list[_Choice]:
    servers = [Part.POSTGRESQL, Part.RABBITMQ]
    chance.shuffle(servers)
    node = LEADER if chance.random() < 0.5 else str(chance.randrange(there.nodes))
    return [
        (Part.API, Deed.KILLED, "cases-api"),
        (Part.API, Deed.KILLED, _one(chance, there.apis)),
        (Part.API, Deed.STOPPED, _one(chance, there.apis)),
        *((Part.WORKER, Deed.KILLED, _one(chance, there.workers)) for _ in range(3)),
        (Part.WORKER, Deed.STOPPED, chance.choice(there.twins)),
        *((Part.OFFICE, Deed.KILLED, chance.choice(there.offices)) for _ in range(3)),
        (Part.OFFICE, Deed.STOPPED, chance.choice(there.offices)),
        (Part.POSTGRESQL, chance.choice([Deed.KILLED, Deed.CRASHED]), Part.POSTGRESQL),
        (Part.RABBITMQ, Deed.KILLED, node),
        (servers[0], Deed.CUT, servers[0]),
        (servers[1], Deed.HUNG, str(chance.randrange(there.nodes))),
        *([(Part.PLATFORM, Deed.KILLED, ALL)] if number % 2 else []),
    ]


def _one(chance: random.Random, names: Sequence[str]) -> str:
    """One of the names, the services that carry a case as often as all others together."""
    carrying = [name for name in names if name.split("-")[0] in CARRYING]
    return chance.choice(chance.choice([names, carrying]))


def _fault(chance: random.Random, at: float, part: Part, deed: Deed, target: str) -> Fault:
    killed = deed is Deed.KILLED
    server = part in (Part.POSTGRESQL, Part.RABBITMQ)
    down = {
        Deed.STOPPED: chance.uniform(5.0, 8.0),
        Deed.HUNG: chance.uniform(2.5, 6.0),
        Deed.CUT: 0.0,
    }.get(deed, chance.uniform(0.2, 1.5) if server else 0.0)
    stalls = killed and part not in (Part.OFFICE, Part.POSTGRESQL)
    stall = chance.choice((0.0, 0.3, 0.5)) if stalls else 0.0
    slip = chance.uniform(0.0, 0.1) if killed and part is Part.API else 0.0
    return Fault(at, part, deed, target, down, stall, slip)
