"""The case log: every entry of every history is one leaf, in order, whatever happens to who adds them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from chassis.database import Database
from chassis.problems import Conflict, Invalid, NotFound
from chassis.settings import Settings
from chassis.testing import ManualClock
from cli.log import HeadFile, faults_of
from duokua.cases.v1 import log_service_pb2
from services.cases import log_store, proofs
from services.cases.domain import merkle
from services.cases.domain.log import LoggedEntry, entry_leaf
from services.cases.sequencer import MERGE_DELAY, DamagedError, Sequencer
from services.cases.store import history, log, metadata
from tests.cases.logs import KEY, LoggedTown, public, told
from tests.conftest import MakeDatabase

pb = log_service_pb2


@pytest.fixture
def logged(database: Database, clock: ManualClock, tmp_path: Path) -> LoggedTown:
    return LoggedTown(database, clock, tmp_path)


def leaves(database: Database) -> list[tuple[str, int]]:
    """Case and sequence of each leaf, in their order; checked against the hashes that the tree has, and the head."""
    with database.read() as work:
        rows = work.connection.execute(
            select(history.c.leaf, history.c.case_id, history.c.sequence, history.c.hash, log.registered.c.place)
            .outerjoin(log.registered, log.registered.c.case_id == history.c.case_id)
            .where(history.c.leaf.is_not(None))
            .order_by(history.c.leaf)
        ).all()
        head = log_store.newest_head(work.connection)
        assert [row.leaf for row in rows] == list(range(head.size if head else 0))
        tiles: dict[merkle.Place, bytes] = {}
        merkle.put(tiles, {r.leaf: entry_leaf(LoggedEntry(r.case_id, r.sequence, r.hash), r.place) for r in rows})
        assert head is None or head.root == merkle.root(merkle.nodes_in(tiles), head.size).hex()
        return [(row.case_id, row.sequence) for row in rows]


def in_order(found: list[tuple[str, int]]) -> bool:
    """Whether each is there once, and those of a case one after the other."""
    seen: dict[str, int] = {}
    for case_id, sequence in found:
        if sequence != seen.get(case_id, 0) + 1:
            return False
        seen[case_id] = sequence
    return True


def test_what_is_written_to_histories_becomes_leaves_in_their_order(logged: LoggedTown) -> None:
    cases = [logged.town.running() for _ in range(3)]
    logged.add()
    assert leaves(logged.database) == [(case_id, number) for case_id in cases for number in (1, 2, 3)]
    logged.town.complete_all("food")
    logged.add()
    assert leaves(logged.database)[9:] == [(case_id, 4) for case_id in cases]
    assert logged.count("SELECT count(*) FROM log_heads") == 2
    for case_id in cases:
        assert logged.faults(case_id) == []
    assert logged.audited() == []


def test_what_comes_within_the_merge_delay_is_gathered(logged: LoggedTown) -> None:
    logged.town.submit()
    first = logged.sequencer.add_waiting(logged.database)
    assert first == logged.clock.now() + MERGE_DELAY
    logged.town.submit()
    assert logged.sequencer.add_waiting(logged.database) == first
    assert len(leaves(logged.database)) == 1
    logged.clock.advance(seconds=5)
    assert logged.sequencer.add_waiting(logged.database) is not None
    assert len(leaves(logged.database)) == 2
    logged.clock.advance(seconds=5)
    assert logged.sequencer.add_waiting(logged.database) is None
    assert logged.count("SELECT count(*) FROM log_heads") == 2


def test_a_clock_that_is_set_back_delays_nothing_for_long(logged: LoggedTown) -> None:
    logged.town.submit()
    logged.sequencer.add_waiting(logged.database)
    logged.clock.advance(seconds=-3600)
    logged.town.submit()
    logged.sequencer.add_waiting(logged.database)
    assert len(leaves(logged.database)) == 2


def test_a_backlog_is_added_batch_by_batch(database: Database, clock: ManualClock, tmp_path: Path) -> None:
    logged = LoggedTown(database, clock, tmp_path, batch=4)
    cases = [logged.town.running() for _ in range(5)]
    assert logged.sequencer.add_waiting(database) == clock.now()
    assert len(leaves(database)) == 4
    logged.add()
    assert in_order(leaves(database))
    assert len(leaves(database)) == 15
    assert logged.count("SELECT count(*) FROM log_heads") == 4
    assert [logged.faults(case_id) for case_id in cases] == [[]] * 5
    assert logged.audited() == []


class CrashError(BaseException):
    """The process ends."""


@contextmanager
def ending_after(database: Database, statements: int) -> Iterator[list[str]]:
    """End the process before a statement of the transactions that follow."""
    from sqlalchemy import event  # noqa: PLC0415 - where it is needed

    done: list[str] = []

    def before(_connection: Connection, _cursor: Any, statement: str, *_: object) -> None:
        if len(done) == statements:
            raise CrashError
        done.append(statement)

    event.listen(database.engine, "before_cursor_execute", before)
    try:
        yield done
    finally:
        event.remove(database.engine, "before_cursor_execute", before)


def test_a_crash_at_any_moment_neither_loses_nor_doubles_a_leaf(logged: LoggedTown) -> None:
    logged.finished()
    crashes = 0
    for statements in range(40):
        logged.town.running()
        waiting = logged.count("SELECT count(*) FROM history WHERE leaf IS NULL")
        logged.clock.advance(seconds=6)
        with ending_after(logged.database, statements):
            try:
                Sequencer(lambda: KEY).add_waiting(logged.database)
            except CrashError:
                crashes += 1
            else:
                break
        assert logged.count("SELECT count(*) FROM history WHERE leaf IS NULL") == waiting
        assert in_order(leaves(logged.database))
    assert 10 < crashes < 39
    assert logged.count("SELECT count(*) FROM history WHERE leaf IS NULL") == 0
    assert in_order(leaves(logged.database))
    assert logged.audited() == []


def test_several_workers_at_once_add_each_entry_once(make_database: MakeDatabase, tmp_path: Path) -> None:
    clock = ManualClock()
    logged = LoggedTown(make_database(metadata, "cases", clock=clock), clock, tmp_path)
    done = threading.Event()
    failures: list[BaseException] = []

    def work() -> None:
        sequencer = Sequencer(lambda: KEY, batch=3)
        while not done.is_set():
            try:
                sequencer.add_waiting(logged.database)
                clock.advance(seconds=6)
            except BaseException as failure:  # noqa: BLE001 - told by the test
                failures.append(failure)
                return

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    cases = [logged.town.running() for _ in range(12)]
    done.set()
    for worker in workers:
        worker.join(30)
    assert failures == []
    logged.add()
    assert in_order(leaves(logged.database))
    assert len(leaves(logged.database)) == 36
    assert [logged.faults(case_id) for case_id in cases] == [[]] * 12


def test_without_the_key_cases_go_on_and_their_entries_wait(logged: LoggedTown, tmp_path: Path) -> None:
    keyless = Sequencer.from_settings(Settings(data_dir=tmp_path / "nothing"))
    case_id = logged.town.running()
    assert keyless.add_waiting(logged.database) is None
    assert leaves(logged.database) == []
    with logged.database.read() as work, pytest.raises(Conflict, match="NOT_LOGGED"):
        proofs.case_proof(work, case_id, None, 0, 10)
    logged.add()
    assert logged.faults(case_id) == []


def test_an_entry_that_does_not_follow_is_left_out_and_holds_up_nobody(logged: LoggedTown) -> None:
    first = logged.finished()
    logged.tamper("UPDATE history SET leaf = NULL WHERE case_id = :c AND sequence = 4", c=first)
    second = logged.town.running()
    logged.add()
    assert logged.count("SELECT count(*) FROM history WHERE leaf IS NULL") == 1
    assert logged.faults(second) == []
    assert (first, 4, "entry 4 is gone: the log has 7 entries of the case") in logged.audited()


@pytest.mark.parametrize("tree", ["entries", "register"])
def test_nothing_is_signed_on_top_of_hashes_that_were_changed(logged: LoggedTown, tree: str) -> None:
    logged.finished()
    logged.tamper("UPDATE log_tiles SET hashes = :h WHERE tree = :t AND level = 0", h=b"\1" * 32 * 7, t=tree)
    logged.town.running()
    logged.clock.advance(seconds=6)
    with pytest.raises(DamagedError, match=f"tree of {tree}"):
        logged.sequencer.add_waiting(logged.database)
    assert logged.count("SELECT count(*) FROM log_heads") == 1


def test_a_proof_comes_in_pages_under_one_head(logged: LoggedTown) -> None:
    case_id = logged.finished()
    first: pb.GetCaseProofResponse = logged.log.GetCaseProof(pb.GetCaseProofRequest(case_id=case_id, page_size=3))
    logged.finished()
    pages = [first]
    while token := pages[-1].next_page_token:
        pages.append(logged.log.GetCaseProof(pb.GetCaseProofRequest(case_id=case_id, page_size=3, page_token=token)))
    assert [[each.sequence for each in page.entries] for page in pages] == [[1, 2, 3], [4, 5, 6], [7]]
    assert {page.head.size for page in pages} == {7}
    assert [page.HasField("register") for page in pages] == [True, False, False]


def test_each_head_is_kept_and_each_begins_with_those_before_it(logged: LoggedTown) -> None:
    for _ in range(4):
        logged.finished()
    found: pb.ListTreeHeadsResponse = logged.log.ListTreeHeads(pb.ListTreeHeadsRequest())
    assert [each.size for each in found.heads] == [28, 21, 14, 7]
    for earlier in found.heads:
        for later in found.heads:
            if earlier.size > later.size:
                continue
            file = a_head_file(logged, earlier.size, later.size)
            assert faults_of(file, public()) == []
            swapped = HeadFile(head=file.earlier or file.head, earlier=file.head, consistency=file.consistency)
            assert earlier.size == later.size or len(faults_of(swapped, public())) == 1


def a_head_file(logged: LoggedTown, earlier: int, later: int) -> HeadFile:
    from cli.tree_heads import head_as_json  # noqa: PLC0415 - where it is needed

    first = logged.log.GetTreeHead(pb.GetTreeHeadRequest(size=earlier)).head
    request = pb.GetConsistencyProofRequest(first_size=earlier, second_size=later)
    grown: pb.GetConsistencyProofResponse = logged.log.GetConsistencyProof(request)
    return HeadFile.model_validate(
        {
            "head": head_as_json(grown.head),
            "earlier": head_as_json(first),
            "consistency": [each.hex() for each in grown.path],
        }
    )


def test_heads_and_sizes_that_are_not_there_are_refused(logged: LoggedTown) -> None:
    with pytest.raises(NotFound, match="TREE_HEAD_NOT_FOUND"):
        logged.log.GetTreeHead(pb.GetTreeHeadRequest())
    logged.finished()
    with pytest.raises(NotFound, match="TREE_HEAD_NOT_FOUND"):
        logged.log.GetTreeHead(pb.GetTreeHeadRequest(size=3))
    for first in (0, 8):
        with pytest.raises(Invalid, match="from 1 to 7"):
            logged.log.GetConsistencyProof(pb.GetConsistencyProofRequest(first_size=first))
    with pytest.raises(NotFound, match="CASE_NOT_FOUND"):
        logged.log.GetCaseProof(pb.GetCaseProofRequest(case_id="nobody's"))


def test_the_keys_of_all_heads_are_kept(logged: LoggedTown) -> None:
    logged.finished()
    (key,) = logged.log.GetLogKeys(pb.GetLogKeysRequest()).keys
    assert (key.key_id, key.public_key) == (KEY.key_id, KEY.public_pem)
    assert public().key_id == KEY.key_id


def test_an_unfinished_case_is_proven_as_far_as_it_is(logged: LoggedTown) -> None:
    case_id = logged.town.running()
    logged.add()
    logged.town.complete("food")
    proof = logged.proof(case_id)
    assert [entry["sequence"] for entry in proof["entries"]] == [1, 2, 3]
    assert told(proof) == []
