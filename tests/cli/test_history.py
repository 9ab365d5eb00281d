"""The check of a history, against what the cases service writes: two codes that share nothing but the rule."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.history import first_broken, step_of, what_of
from duokua.cases.v1.case_pb2 import HistoryEntry
from duokua.data import to_struct
from services.cases.domain.history import Entry, chain

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


def message(entry: Entry) -> HistoryEntry:
    made = HistoryEntry(
        sequence=entry.sequence,
        actor=entry.actor,
        kind=entry.kind,
        input=to_struct(entry.input),
        hash=entry.hash,
        previous_hash=entry.previous_hash,
    )
    made.at.FromDatetime(entry.at)
    return made


def history(*given_inputs: dict[str, Any]) -> list[HistoryEntry]:
    entries: list[Entry] = []
    for number, each in enumerate(given_inputs):
        at = START + timedelta(milliseconds=1234 * number)
        last = entries[-1] if entries else None
        entries.append(chain(last, case_id="c1", at=at, actor="platform", kind="completed", given=each))
    return [message(entry) for entry in entries]


@given(st.lists(inputs, max_size=4))
def test_what_the_platform_chains_is_found_whole(given_inputs: list[dict[str, Any]]) -> None:
    assert first_broken("c1", history(*given_inputs)) is None


def three() -> list[HistoryEntry]:
    return history({"floor": 1}, {"名称": "云栖小馆", "area": 486.5}, {"reason": None})


def alter(name: str, value: Any) -> list[HistoryEntry]:
    entries = three()
    setattr(entries[1], name, value)
    return entries


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sequence", 5),
        ("actor", "person:p2"),
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
    changed[1].input["area"] = 486.0
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
    entry = message(chain(None, case_id="c1", at=START, actor="platform", kind=kind, given=given_input))
    assert (step_of(entry), what_of(entry)) == (step, what)
    assert first_broken("c1", [entry]) is None  # telling has not changed it
