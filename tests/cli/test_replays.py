"""Repairs of more letters than one request takes, and the wait for replays."""

from collections.abc import Callable, Sequence

import pytest
from grpc import StatusCode
from hypothesis import given
from hypothesis import strategies as st

from cli.replays import INTERRUPTED, MOST_AT_ONCE, Outcome, await_replays, repair_all
from duokua.errors import DuokuaError, NotFound
from duokua.operations.v1.bus_service_pb2 import DeadLetter


class Platform:
    """Has letters, and repairs all of a request or none."""

    def __init__(self, letter_ids: Sequence[str]) -> None:
        self.there = set(letter_ids)
        self.requests: list[list[str]] = []

    def repair(self, letter_ids: Sequence[str]) -> list[DeadLetter]:
        for letter_id in letter_ids:
            if letter_id not in self.there:
                raise NotFound(StatusCode.NOT_FOUND, "DEAD_LETTER_NOT_FOUND", "gone", {"letter_id": letter_id})
        self.requests.append(list(letter_ids))
        self.there -= set(letter_ids)
        return [DeadLetter(letter_id=letter_id) for letter_id in letter_ids]


def repaired(platform: Platform, letter_ids: Sequence[str], *, may_be_gone: bool) -> list[str]:
    parts = repair_all(letter_ids, platform.repair, may_be_gone=may_be_gone)
    return [letter.letter_id for part in parts for letter in part]


@given(st.lists(st.integers(0, 3 * MOST_AT_ONCE), max_size=5), st.integers(0, 3 * MOST_AT_ONCE))
def test_all_that_are_there_are_repaired_once_in_requests_that_are_not_too_long(gone: list[int], count: int) -> None:
    ids = [str(number) for number in range(count)]
    expected = [letter_id for letter_id in ids if int(letter_id) not in gone]
    platform = Platform(expected)
    assert repaired(platform, ids, may_be_gone=True) == expected
    assert all(len(request) <= MOST_AT_ONCE for request in platform.requests)
    assert len(platform.requests) <= len(expected) // MOST_AT_ONCE + 2


def test_a_letter_that_was_named_twice_is_repaired_once() -> None:
    assert repaired(Platform("ab"), ["b", "a", "b"], may_be_gone=False) == ["b", "a"]


def test_a_named_letter_that_is_missing_is_an_error() -> None:
    platform = Platform("ab")
    with pytest.raises(NotFound, match="gone"):
        repaired(platform, ["a", "x"], may_be_gone=False)
    assert platform.there == {"a", "b"}


@pytest.mark.parametrize("metadata", [{}, {"letter_id": "another"}])
def test_an_error_that_names_none_of_the_letters_ends_it(metadata: dict[str, str]) -> None:
    def repair(_: Sequence[str]) -> list[DeadLetter]:
        raise NotFound(StatusCode.NOT_FOUND, "DEAD_LETTER_NOT_FOUND", "gone", metadata)

    with pytest.raises(DuokuaError):
        list(repair_all(["a"], repair, may_be_gone=True))


def test_another_error_is_passed_on() -> None:
    def repair(_: Sequence[str]) -> list[DeadLetter]:
        raise NotFound(StatusCode.NOT_FOUND, "SERVICE_NOT_HERE", "not here", {"letter_id": "a"})

    with pytest.raises(NotFound, match="SERVICE_NOT_HERE"):
        list(repair_all(["a"], repair, may_be_gone=True))


def a_letter(letter_id: str, *, waiting: bool = False, reason: str = "HANDLER_FAILED") -> DeadLetter:
    letter = DeadLetter(letter_id=letter_id, reason=reason)
    if waiting:
        letter.replay_requested_at.seconds = 1
    return letter


def looks(*answers: list[DeadLetter]) -> Callable[[Sequence[str]], list[DeadLetter]]:
    """Gives each answer once and then the last for ever, but of what was asked only."""
    left = list(answers)

    def look(asked: Sequence[str]) -> list[DeadLetter]:
        answer = left.pop(0) if len(left) > 1 else left[0]
        return [letter for letter in answer if letter.letter_id in asked]

    return look


def ignore(_: Outcome) -> None:
    """Nobody watches."""


def test_the_wait_ends_when_each_is_handled_or_has_failed_again() -> None:
    first = [a_letter("a", waiting=True), a_letter("b", waiting=True), a_letter("c", waiting=True)]
    second = [a_letter("a", reason=INTERRUPTED), a_letter("c")]
    noted: list[int] = []
    outcome = await_replays("abc", looks(first, second, []), 30, lambda each: noted.append(len(each.waiting)))
    assert (outcome.waiting, outcome.done) == ([], ["b", "a"])
    assert [letter.letter_id for letter in outcome.failed] == ["c"]
    assert noted == [3, 1, 0]


def test_a_replay_that_does_not_end_is_waited_for_no_longer_than_asked() -> None:
    outcome = await_replays("ab", looks([a_letter("a", waiting=True), a_letter("b", reason=INTERRUPTED)]), 0, ignore)
    assert (outcome.waiting, outcome.done, outcome.failed) == (["a", "b"], [], [])


def test_many_are_looked_for_in_requests_that_are_not_too_long() -> None:
    asked: list[int] = []

    def look(letter_ids: Sequence[str]) -> list[DeadLetter]:
        asked.append(len(letter_ids))
        return []

    ids = [str(number) for number in range(2 * MOST_AT_ONCE + 1)]
    assert len(await_replays(ids, look, 0, ignore).done) == len(ids)
    assert asked == [MOST_AT_ONCE, MOST_AT_ONCE, 1]


def test_nothing_to_wait_for_is_done_at_once() -> None:
    assert await_replays([], looks([]), 30, ignore) == Outcome([])
