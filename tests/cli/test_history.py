"""The check of a history, against what the cases service writes: two codes that share nothing but the rule."""

from datetime import UTC, datetime, timedelta
from functools import reduce
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Row

from cli.history import actor_of, first_broken, step_of, what_of, withheld
from duokua.cases.v1.case_pb2 import HistoryEntry
from services.cases.domain.history import Entry, Said, chain
from services.cases.domain.withholding import internal_names
from services.cases.messages import entry_message
from services.cases.visibility import Sight

EVERYTHING, NOTHING = Sight(internal=True), Sight(open=False)
START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
inputs = st.dictionaries(st.text(), values, max_size=4)


def message(entry: Entry, sight: Sight = EVERYTHING) -> HistoryEntry:
    """The entry as the service tells it."""
    said = {name: getattr(entry.said, name) for name in ("at", "actor", "kind", "input", "internal", "salts")}
    row = SimpleNamespace(**said, case_id=entry.case_id, sequence=entry.sequence, hash=entry.hash)
    row.previous_hash = entry.previous_hash
    return entry_message(cast("Row[Any]", row), sight)


def said(given: dict[str, Any], kind: str = "completed", at: datetime = START) -> Said:
    return Said(at, "client:o", kind, given, internal_names(kind, given), bytes(range(32)))


def chained(*given_inputs: dict[str, Any]) -> list[Entry]:
    entries: list[Entry] = []
    for number, each in enumerate(given_inputs):
        at = START + timedelta(milliseconds=1234 * number)
        entries.append(chain(entries[-1] if entries else None, "c1", said(each, at=at)))
    return entries


def history(*given_inputs: dict[str, Any], sight: Sight = EVERYTHING) -> list[HistoryEntry]:
    return [message(entry, sight) for entry in chained(*given_inputs)]


@given(st.lists(inputs, max_size=4))
def test_what_the_platform_chains_is_found_whole(given_inputs: list[dict[str, Any]]) -> None:
    for sight in (EVERYTHING, Sight(), NOTHING):
        assert first_broken("c1", history(*given_inputs, sight=sight)) is None


def three(sight: Sight = EVERYTHING) -> list[HistoryEntry]:
    first, second = {"floor": 1}, {"名称": "云栖小馆", "area": 486.5, "result": {"permit": "P"}}
    return history(first, second, {"reason": None}, sight=sight)


def alter(name: str, value: Any, sight: Sight = EVERYTHING) -> list[HistoryEntry]:
    entries = three(sight)
    *path, last = name.split(".")
    setattr(reduce(getattr, path, entries[1]), last, value)
    return entries


def test_what_is_withheld_is_not_there_and_is_counted() -> None:
    shown = three(Sight())
    assert [withheld(each) for each in (three(), shown, three(NOTHING))] == [(0, 0), (0, 3), (3, 3)]
    assert (dict(shown[1].input), actor_of(shown[1]), shown[1].internal.salt) == (
        {"result": shown[1].input["result"]},
        "",
        b"",
    )
    assert not shown[1].internal.input.fields
    assert actor_of(three()[1]) == "client:o"
    assert [what_of(each) for each in three(NOTHING)] == ["(withheld)"] * 3


@pytest.mark.parametrize("sight", [Sight(), NOTHING])
@pytest.mark.parametrize("name", ["commitment", "internal.commitment"])
def test_a_commitment_in_the_place_of_another_is_named(sight: Sight, name: str) -> None:
    assert first_broken("c1", alter(name, b"\1" * 32, sight)) == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sequence", 5),
        ("actor", "person:p2"),
        ("internal.actor", "client:p"),
        ("internal.salt", bytes(16)),
        ("internal.salt", b"short"),
        ("internal.commitment", bytes(32)),
        ("commitment", bytes(32)),
        ("salt", bytes(16)),
        ("kind", "refused"),
        ("hash", "00" * 32),
        ("hash", "not hexadecimal"),
        ("previous_hash", "00" * 32),
        ("previous_hash", "not hexadecimal"),
    ],
)
def test_a_changed_entry_is_named(name: str, value: Any) -> None:
    assert first_broken("c1", alter(name, value)) == 2


def test_a_changed_input_or_time_is_named() -> None:
    changed, later = three(), three()
    changed[1].internal.input["area"] = 486.0
    opened = three()
    opened[1].input.get_or_create_struct("result")["permit"] = "Q"
    assert first_broken("c1", opened) == 2
    later[1].at.nanos += 1_000_000
    assert first_broken("c1", changed) == 2
    assert first_broken("c1", later) == 2


def test_an_entry_left_out_or_moved_is_named() -> None:
    first, second, third = three()
    assert first_broken("c1", [second, third]) == 1
    assert first_broken("c1", [first, third]) == 2
    assert first_broken("c1", [first, third, second]) == 2


def test_the_history_of_another_case_is_not_taken_for_this_one() -> None:
    assert first_broken("c2", three()) == 1


@pytest.mark.parametrize(
    ("kind", "given_input", "step", "what"),
    [
        ("completed", {"task_id": "c1:food-licence:1"}, "food-licence", "completed"),
        ("accepted", {"task_id": "c1:food-licence:u1"}, "food-licence", "undo accepted"),
        ("completed", {"task_id": "c1:food-licence:u2"}, "food-licence", "undone"),
        ("failed", {"task_id": "c1:unload:1"}, "unload", "failed"),
        ("notice_sealed", {"notice_id": "c1:food-licence:n1"}, "food-licence", "notice sealed"),
        ("submitted", {"form": {}}, "", "submitted"),
    ],
)
def test_an_entry_tells_its_step_and_whether_it_is_about_an_undo(
    kind: str, given_input: dict[str, Any], step: str, what: str
) -> None:
    entry = message(chain(None, "c1", said(given_input, kind)))
    assert (step_of(entry), what_of(entry)) == (step, what)
    assert first_broken("c1", [entry]) is None  # telling has not changed it
