"""Whoever changes a row, with full access to the database, is found out, and the row is named.

What the platform itself can tell is the audit's; what anybody can tell who has a proof and the public key is the
proof's. The chain of hashes alone would not show what was cut off its end, nor what was made anew from some entry on.
"""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from chassis.database import Database
from chassis.problems import Conflict
from chassis.testing import ManualClock
from services.cases import log_store
from services.cases.domain.history import link, read_entry
from services.cases.domain.log import Head, LogKey, make_key
from services.cases.store import cases, history, log
from tests.cases.logs import KEY, LoggedTown, told

LOST = "entry {}: its content does not give its hash"


@pytest.fixture
def logged(database: Database, clock: ManualClock, tmp_path: Path) -> LoggedTown:
    made = LoggedTown(database, clock, tmp_path)
    made.finished()
    return made


@pytest.fixture
def case_id(logged: LoggedTown) -> str:
    """A case with seven entries, between two others."""
    case_id = logged.finished()
    logged.finished()
    assert (logged.faults(case_id), logged.audited()) == ([], [])
    return case_id


@pytest.mark.parametrize(
    "change",
    [
        "actor = 'person:somebody'",
        "kind = 'refused'",
        'input = \'{"task_id": "x"}\'',
        "at = :later",
        "internal = '[]'",
        "salts = :salts",
    ],
)
def test_a_changed_entry(logged: LoggedTown, case_id: str, change: str) -> None:
    values = {"later": logged.clock.now() + timedelta(hours=1)} if ":later" in change else {}
    if logged.database.is_sqlite and values:
        values = {"later": "2030-01-01 00:00:00.000000"}  # type: ignore[dict-item]
    if ":salts" in change:
        values = {"salts": bytes(32)}  # type: ignore[dict-item]
    logged.tamper(f"UPDATE history SET {change} WHERE case_id = :c AND sequence = 4", c=case_id, **values)  # noqa: S608
    assert logged.faults(case_id) == ["entry 4 was changed: its content does not give its hash"]
    assert logged.audited() == [(case_id, 4, LOST.format(4))]


def test_an_entry_that_is_gone(logged: LoggedTown, case_id: str) -> None:
    logged.tamper("DELETE FROM history WHERE case_id = :c AND sequence = 3", c=case_id)
    assert logged.faults(case_id) == ["entry 3 is missing: the log holds 7 entries of this case"]
    assert (case_id, 3, "entry 3 is gone: the log has 7 entries of the case") in logged.audited()


def test_last_entries_that_are_gone(logged: LoggedTown, case_id: str) -> None:
    """The rest is a perfect chain, and the case is as it was then."""
    logged.tamper("DELETE FROM history WHERE case_id = :c AND sequence > 5", c=case_id)
    logged.tamper("UPDATE cases SET version = 5 WHERE case_id = :c", c=case_id)
    assert logged.faults(case_id) == ["entries 6 to 7 are missing: the log holds 7 of this case"]
    assert {each for each in logged.audited() if each[0]} == {
        (case_id, 6, "entry 6 is gone: the log has 7 entries of the case"),
        (case_id, 7, "entry 7 is gone: the log has 7 entries of the case"),
        (case_id, 0, "the case is at version 5, and the log has 7 entries of it: its row was changed"),
    }


def test_last_entries_that_are_gone_with_what_the_register_says(logged: LoggedTown, case_id: str) -> None:
    """Whoever knows of the register changes that too; its leaf, and the head, still say otherwise."""
    logged.tamper("DELETE FROM history WHERE case_id = :c AND sequence > 5", c=case_id)
    logged.tamper(
        "UPDATE log_registered SET entries = 5, hash = (SELECT hash FROM history WHERE case_id = :c AND sequence = 5) "
        "WHERE case_id = :c",
        c=case_id,
    )
    assert logged.faults(case_id) == ["register does not say that the log holds 5 entries of this case"]
    assert (case_id, 0, "the row of the register and its leaf 1 do not fit: one was changed") in logged.audited()


def test_entries_in_another_order(logged: LoggedTown, case_id: str) -> None:
    swap = "UPDATE history SET sequence = {} WHERE case_id = :c AND sequence = {}"
    for to, sequence in ((99, 4), (4, 5), (5, 99)):
        logged.tamper(swap.format(to, sequence), c=case_id)
    faults = logged.faults(case_id)
    assert {"entry 4", "entry 5"} <= {fault[:7] for fault in faults}
    assert {fault[:7] for fault in faults} <= {"entry 4", "entry 5", "entry 6"}
    assert {(case, sequence) for case, sequence, _ in logged.audited()} == {(case_id, 4), (case_id, 5)}


def test_a_history_made_anew_from_an_entry_on(logged: LoggedTown, case_id: str) -> None:
    """A chain that holds in itself, up to the hash in the row of the case."""
    with logged.database.begin() as work:
        rows = work.connection.execute(
            select(history).where(history.c.case_id == case_id, history.c.sequence >= 4).order_by(history.c.sequence)
        ).all()
        previous = rows[0].previous_hash
        for row in rows:
            actor = "person:forger" if row.sequence == 4 else row.actor
            made = link(case_id, row.sequence, previous, replace(read_entry(row).said, actor=actor))
            work.connection.execute(
                history.update()
                .where(history.c.case_id == case_id, history.c.sequence == row.sequence)
                .values(actor=actor, previous_hash=previous, hash=made.hash)
            )
            previous = made.hash
        work.connection.execute(cases.update().where(cases.c.case_id == case_id).values(history_hash=previous))
    leaf = "entry {0} is not leaf {1} of the log under this head"
    assert logged.faults(case_id) == [
        "entry 7 is not the one that the register names as the last",
        *(leaf.format(sequence, 6 + sequence) for sequence in (4, 5, 6, 7)),
    ]
    assert [each[:2] for each in logged.audited()] == [(case_id, sequence) for sequence in (4, 5, 6, 7)]


def test_an_entry_that_was_put_in(logged: LoggedTown, case_id: str) -> None:
    """An eighth entry, given a leaf of its own that no head covers."""
    logged.tamper(
        "INSERT INTO history (case_id, sequence, at, actor, kind, input, internal, salts, previous_hash, hash, leaf) "
        "SELECT case_id, 8, at, actor, kind, input, internal, salts, hash, hash, 21 FROM history "
        "WHERE case_id = :c AND sequence = 7",
        c=case_id,
    )
    assert logged.faults(case_id) == []  # what no head covers is in no proof
    assert (case_id, 8, "entry 8 is not registered: the log has 7") in logged.audited()
    assert (
        "",
        0,
        "histories have leaves up to 21, and the newest tree head is at size 21: heads are gone",
    ) in logged.audited()


def test_another_leaf_for_an_entry(logged: LoggedTown, case_id: str) -> None:
    for to, leaf in ((99, 9), (9, 10), (10, 99)):
        logged.tamper("UPDATE history SET leaf = :t WHERE leaf = :l", t=to, l=leaf)
    assert "entry 3 is not leaf 10 of the log under this head" in logged.faults(case_id)
    assert {(case, sequence) for case, sequence, _ in logged.audited()} == {(case_id, 3), (case_id, 4)}


def change_tile(logged: LoggedTown, tree: str, leaf: int) -> None:
    with logged.database.begin() as work:
        tile = bytearray(log_store.tiles(work.connection, tree, [(0, 0)])[0, 0])
        tile[32 * leaf] ^= 1
        log_store.write_tiles(work.connection, tree, {(0, 0): bytes(tile)})


def test_a_changed_leaf_of_the_log(logged: LoggedTown, case_id: str) -> None:
    change_tile(logged, "entries", 9)
    # The proof of the entry itself needs its leaf's hash from nobody; those of all others do.
    assert {fault[:7] for fault in logged.faults(case_id)} == {f"entry {number}" for number in (1, 2, 4, 5, 6, 7)}
    assert (case_id, 3, "entry 3 and leaf 9 of the log do not fit: one was changed") in logged.audited()
    assert ("", 0, "the tree head at size 21: its root is not that of the log's leaves") in logged.audited()


def test_a_changed_leaf_of_the_register(logged: LoggedTown, case_id: str) -> None:
    change_tile(logged, "register", 0)
    assert logged.faults(case_id) == ["register does not say that the log holds 7 entries of this case"]
    found = [what for _, _, what in logged.audited()]
    assert found == [
        "the row of the register and its leaf 0 do not fit: one was changed",
        "the tree head at size 21: its cases_root is not that of the register's leaves",
    ]


def test_a_tile_that_is_gone(logged: LoggedTown, case_id: str) -> None:
    logged.tamper("DELETE FROM log_tiles WHERE tree = 'entries'")
    with pytest.raises(Conflict, match=r"LOG_DAMAGED.*tile 0 at level 0 of the tree of entries"):
        logged.proof(case_id)
    assert {what for _, _, what in logged.audited()} >= {
        "entry 1 and leaf 0 of the log do not fit: one was changed",
        "the tree head at size 21: its root is not that of the log's leaves",
    }


def test_an_inner_hash_that_was_changed(logged: LoggedTown) -> None:
    case_id = [logged.finished() for _ in range(5)][-1]
    logged.tamper("UPDATE log_tiles SET hashes = :h WHERE tree = 'entries' AND level = 1", h=b"\1" * 32)
    assert len(logged.faults(case_id)) == 7
    found = [what for _, _, what in logged.audited(1000)]
    assert "the entries tree, tile 0 at level 0: its hashes do not give the one above it" in found


@pytest.mark.parametrize("change", ["root = cases_root", "cases_root = root", "at = '2030-01-01 00:00:00.000000'"])
def test_a_changed_head(logged: LoggedTown, case_id: str, change: str) -> None:
    logged.tamper(f"UPDATE log_heads SET {change} WHERE size = 21")  # noqa: S608 - a change of this test
    assert "head is not what was signed: the signature does not fit its size, roots and time" in logged.faults(case_id)
    found = [what for _, _, what in logged.audited()]
    assert "the tree head at size 21: its signature does not fit what it says" in found


@pytest.mark.parametrize("count", [1, 4])
def test_a_head_that_covers_another_number_of_cases(logged: LoggedTown, case_id: str, count: int) -> None:
    logged.tamper("UPDATE log_heads SET cases = :n WHERE size = 21", n=count)
    with pytest.raises(Conflict, match=r"LOG_DAMAGED.*tree of register"):
        logged.proof(case_id)
    found = [what for _, _, what in logged.audited()]
    assert "the tree head at size 21: its signature does not fit what it says" in found


def test_a_head_that_is_gone(logged: LoggedTown, case_id: str) -> None:
    del case_id
    logged.tamper("DELETE FROM log_heads WHERE size = 21")
    found = [what for _, _, what in logged.audited()]
    assert "histories have leaves up to 20, and the newest tree head is at size 14: heads are gone" in found


def test_a_log_that_was_made_anew_with_another_key(logged: LoggedTown, case_id: str) -> None:
    """Whoever has no access to the key cannot sign; those who have kept the right key see it."""
    other = LogKey.from_pem(make_key())
    with logged.database.begin() as work:
        row = log_store.newest_head(work.connection)
        assert row is not None
        signature = other.sign(Head(row.size, row.root, row.cases, row.cases_root, row.at))
        work.connection.execute(log.heads.delete().where(log.heads.c.size == row.size))
        log_store.add_head(work.connection, log_store.head_of(row), other.key_id, signature)
    proof = logged.proof(case_id)
    another = f"head is signed by another key: it names {other.key_id}, and the key given is {KEY.key_id}"
    assert told(proof) == [another]
    assert told(proof, other) == []


def test_a_case_that_is_gone(logged: LoggedTown, case_id: str) -> None:
    logged.tamper("DELETE FROM case_contents WHERE case_id = :c", c=case_id)
    logged.tamper("DELETE FROM cases WHERE case_id = :c", c=case_id)
    assert logged.audited() == [(case_id, 0, "the case is gone: the log has 7 entries of it")]
    logged.tamper("DELETE FROM history WHERE case_id = :c", c=case_id)
    logged.tamper("DELETE FROM log_registered WHERE case_id = :c", c=case_id)
    found = [what for _, _, what in logged.audited()]
    assert found[:7] == [f"leaf {leaf} of the log: no history has its entry any more" for leaf in range(7, 14)]
    assert "leaf 1 of the register: the row of its case is gone" in found
