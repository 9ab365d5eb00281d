"""What a run came to: as a table for people, as JSON for programs."""

import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from tests.faults.strikes import Struck


@dataclass(frozen=True, slots=True)
class Kind:
    """All faults of one kind; times in seconds, None where there is no moment of recovery."""

    kind: str
    count: int
    away_median: float
    recovery_median: float | None
    recovery_max: float | None
    waited_longest_for: str


@dataclass(slots=True)
class Report:
    """Nothing was lost, doubled or left standing when `violations` is empty."""

    setup: str
    seed: int
    cases: int
    struck: list[Struck] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    undone: int = 0
    events_handled: int = 0
    duplicates_dropped: int = 0
    """At least: what a process counted in the moments before it was killed is not known."""
    submissions_repeated: int = 0
    tasks_repeated: int = 0
    acts_void: int = 0
    settled_seconds: float = 0.0
    """From the last recovery or answer until nothing moved any more."""
    seconds: float = 0.0

    def kinds(self) -> list[Kind]:
        """The faults by kind."""
        by_kind: dict[str, list[Struck]] = defaultdict(list)
        for each in self.struck:
            by_kind[each.fault.kind].append(each)
        return [_kind(name, struck) for name, struck in sorted(by_kind.items())]

    def as_json(self) -> dict[str, object]:
        """All of it, with the faults by kind."""
        told = asdict(self)
        del told["struck"]
        return {**told, "faults": [asdict(kind) for kind in self.kinds()]}

    def table(self) -> str:
        """All of it in some lines."""
        lines = [
            f"{self.setup}, seed {self.seed}: {self.cases} cases ({self.undone} undone) in {self.seconds:.1f} s",
            f"  at rest {self.settled_seconds:.1f} s after the last recovery",
            "  fault                 count   away   well again: median    max  waited longest for",
            *(f"  {_row(kind)}" for kind in self.kinds()),
            f"  events handled                                 {self.events_handled:7,}",
            f"  duplicates dropped, at least                   {self.duplicates_dropped:7,}",
            f"  submissions repeated                           {self.submissions_repeated:7,}",
            f"  tasks that came again after they were done     {self.tasks_repeated:7,}",
            f"  acts for tasks taken back meanwhile            {self.acts_void:7,}",
            f"  lost, doubled or left standing                 {len(self.violations):7,}",
            *(f"    {violation}" for violation in self.violations),
        ]
        return "\n".join(lines)


def _kind(name: str, struck: Sequence[Struck]) -> Kind:
    away = statistics.median(each.away for each in struck)
    times = [each.recovery for each in struck if each.recovery is not None]
    if not times:
        return Kind(name, len(struck), away, None, None, "")
    longest = max(struck, key=lambda each: each.recovery or 0.0)
    return Kind(name, len(struck), away, statistics.median(times), max(times), longest.last)


def _row(kind: Kind) -> str:
    median, longest = (
        f"{each:.1f} s" if each is not None else "-" for each in (kind.recovery_median, kind.recovery_max)
    )
    away = f"{kind.away_median:.1f} s"
    return f"{kind.kind:20} {kind.count:6} {away:>7} {median:>20} {longest:>7}  {kind.waited_longest_for}".rstrip()
