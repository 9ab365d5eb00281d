"""Processes that read what strangers send, and what they answer."""

import time
from collections.abc import Iterator

import pytest

from chassis.confined.pool import ConfinedProcesses, OverLimitError

_WALL_SECONDS = 60.0


@pytest.fixture
def processes() -> Iterator[ConfinedProcesses]:
    made = ConfinedProcesses("tests.chassis.talkative", kept=1, wall_seconds=_WALL_SECONDS)
    yield made
    made.close()


def test_an_answer_is_read_to_its_end(processes: ConfinedProcesses) -> None:
    assert processes.ask({"characters": 500_000}, b"", lambda _: None) == {"said": "x" * 500_000}


def test_who_says_more_than_anybody_reads_is_given_up_at_once(processes: ConfinedProcesses) -> None:
    started = time.monotonic()
    with pytest.raises(OverLimitError):
        processes.ask({"characters": 5_000_000}, b"", lambda _: None)
    assert time.monotonic() - started < _WALL_SECONDS / 2
    assert processes.ask({"characters": 1}, b"", lambda _: None) == {"said": "x"}
