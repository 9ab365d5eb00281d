"""One run: a town, a seed, some cases, and the laws at the end."""

import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from chassis.testing import repeatable_ids
from tests.simulation import laws
from tests.simulation.parts import REAL, Parts
from tests.simulation.play import Play
from tests.simulation.town import Town, prepare
from tests.simulation.world import World

VOLATILE_SHARE = 0.4
"""Of the seeds run on the embedded broker."""


@dataclass(slots=True)
class Result:
    """What one seed came to."""

    seed: int
    violations: list[str]
    digest: str
    struck: Counter[str] = field(default_factory=Counter)
    handled: set[str] = field(default_factory=set)
    ends: Counter[str] = field(default_factory=Counter)
    volatile: bool = False
    """Whether it ran on the embedded broker."""
    cpu: float = 0.0
    trace: list[str] = field(default_factory=list)
    """Only of a run that was asked for it."""


_FOLDER = tempfile.TemporaryDirectory(prefix="duokua-simulation-", ignore_cleanup_errors=True)
"""Goes with the process."""


@cache
def town() -> Town:
    """This process's town."""
    return prepare(Path(_FOLDER.name))


def run(seed: int, parts: Parts = REAL, *, trace: bool = False) -> Result:
    """Run one seed. Everything that happens is drawn from it."""
    place = town()
    started = time.process_time()
    chance = random.Random(seed)
    stage = place.stage(chance, parts)
    with _chance_of_others(chance.getrandbits(64)), repeatable_ids(stage.clock, chance):
        play = Play(place, World(stage, volatile=chance.random() < VOLATILE_SHARE))
        play.run()
        found = laws.violations(play)
    result = Result(seed, found, stage.trace.digest(), stage.fates.struck, stage.handled, laws.ends(play))
    result.volatile = play.world.volatile
    result.cpu = time.process_time() - started
    if trace:
        result.trace = stage.trace.lines
    return result


@contextmanager
def _chance_of_others(seed: int) -> Iterator[None]:
    """Pauses spread by the module `random` are the seed's too."""
    before = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)
