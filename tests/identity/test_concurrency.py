"""What several replicas do at the same moment."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Barrier
from typing import TypeVar

import pytest

from chassis.database import Database
from chassis.problems import Invalid, Unauthenticated
from services.identity.domain.directory import Region
from tests.identity.builders import assertion, identity, key, person, portal, tokens

Result = TypeVar("Result")


def at_once(*actions: Callable[[], Result]) -> list[Result]:
    """What actions give that start together."""
    start = Barrier(len(actions))

    def run(action: Callable[[], Result]) -> Result:
        start.wait(timeout=10)
        return action()

    with ThreadPoolExecutor(len(actions)) as pool:
        return [pending.result(timeout=30) for pending in [pool.submit(run, action) for action in actions]]


def test_of_many_uses_of_one_assertion_one_gets_a_token(database: Database) -> None:
    of = key()
    with database.begin() as work:
        client = portal(work, of)
        tokens().ensure_key(work)
    text = assertion(client.client_id, of)

    def use() -> bool:
        try:
            with database.begin() as work:
                tokens().issue(work, text)
        except Unauthenticated:
            return False
        return True

    assert sorted(at_once(*[use] * 5)) == [False] * 4 + [True]


def test_a_move_waits_for_another_and_cannot_close_a_cycle_with_it(database: Database) -> None:
    with database.begin() as work:
        identity().register_regions(work, [Region("330100", "甲"), Region("330200", "乙")])

    def move_back() -> None:
        with database.begin() as work:
            identity().register_regions(work, [Region("330200", "乙", "330100")])

    with ThreadPoolExecutor(1) as pool:
        with database.begin() as work:
            identity().register_regions(work, [Region("330100", "甲", "330200")])
            moved_back = pool.submit(move_back)
            assert not wait([moved_back], timeout=0.5).done
        with pytest.raises(Invalid, match="above itself"):
            moved_back.result(timeout=30)


def test_one_number_registered_many_times_at_once_is_one_person(database: Database) -> None:
    def register() -> str:
        with database.begin() as work:
            return person(work).person_id

    assert len(set(at_once(*[register] * 5))) == 1
