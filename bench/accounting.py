"""CPU time and memory of process trees, from /proc."""

import os
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process tree has used: CPU seconds since its start, and memory now in MiB (proportional set size)."""

    cpu: float
    memory: float


def usage_of(pid: int) -> Usage:
    """A process with all its descendants, the ended ones included once their parent has reaped them."""
    cpu = memory = 0.0
    for each in _tree(pid):
        try:
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            rollup = Path(f"/proc/{each}/smaps_rollup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended between the listing and the look
        cpu += sum(map(int, fields[11:15])) / TICKS
        memory += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) / 1024
    return Usage(cpu, memory)


def _tree(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return [pid]
    return [pid, *(each for child in children for each in _tree(int(child)))]


def busy() -> float:
    """CPU seconds that all processes of the machine have used since its start."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _idle, _waiting, irq, softirq, steal = map(int, fields[:8])
    return (user + nice + system + irq + softirq + steal) / TICKS


def machine() -> str:
    """The machine in a few words: processor, cores, memory."""
    cpu = _field(Path("/proc/cpuinfo"), "model name")
    total = int(_field(Path("/proc/meminfo"), "MemTotal").split()[0])
    return f"{os.cpu_count()} cores of {cpu}, {total / 1024 / 1024:.0f} GiB"


def _field(file: Path, name: str) -> str:
    line = next(line for line in file.read_text().splitlines() if line.startswith(name))
    return line.partition(":")[2].strip()
