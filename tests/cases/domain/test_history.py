"""The hash chain of a case's history."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cases.domain.history import (
    Entry,
    Said,
    canonical,
    chain,
    internal_part,
    link,
    open_part,
    timestamp,
    verify,
)
from tests.cases.domain.saga import NINE

DOUBLES = st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | DOUBLES | st.integers(-(2**53), 2**53) | TEXT,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(TEXT, below, max_size=3),
    max_leaves=10,
)


SALTS = bytes(range(32))


def said(number: int = 0, **changed: Any) -> Said:
    given = {"task_id": f"c1:a:{number}", "result": {"area": 320.5}, "request_id": "r"}
    plain = Said(NINE + timedelta(seconds=number), "client:office", "completed", given, ["actor", "request_id"], SALTS)
    return replace(plain, **changed)


def a_history(length: int = 4) -> list[Entry]:
    entries: list[Entry] = []
    for number in range(length):
        entries.append(chain(entries[-1] if entries else None, "c1", said(number)))
    return entries


def stored_in_jsonb(value: Any) -> Any:
    """What PostgreSQL's JSONB gives back: keys in another order, numbers in plain decimal notation."""
    if isinstance(value, dict):
        return {key: stored_in_jsonb(value[key]) for key in sorted(value, key=lambda key: (len(key), key))}
    if isinstance(value, list):
        return [stored_in_jsonb(each) for each in value]
    if isinstance(value, float):
        plain = f"{value:.1f}" if value == int(value) and abs(value) < 1e16 else format_plain(value)
        return json.loads(plain)
    return value


def format_plain(value: float) -> str:
    """The shortest text of a double without an exponent, as type numeric prints what it was given."""
    return f"{Decimal(repr(value)):f}"


def test_the_first_entry_follows_nothing() -> None:
    first = a_history(1)[0]
    assert (first.sequence, first.previous_hash) == (1, "")
    shown = b'{"actor":"","input":{"result":{"area":320.5},"task_id":"c1:a:0"},"kind":"completed"}'
    hidden = b'{"actor":"client:office","input":{"request_id":"r"}}'
    commitments = (
        sha256(b"duokua open part\n" + SALTS[:16] + shown).hexdigest(),
        sha256(b"duokua internal part\n" + SALTS[16:] + hidden).hexdigest(),
    )
    text = "duokua history\nc1\n1\n2026-03-02T01:00:00.000Z\n{}\n{}\n\n".format(*commitments)
    assert first.hash == sha256(text.encode()).hexdigest()


def test_an_entry_hashes_the_hash_before_it() -> None:
    first, second = a_history(2)
    assert second.previous_hash == first.hash
    parts = open_part(second.said).commitment, internal_part(second.said).commitment
    text = "duokua history\nc1\n2\n2026-03-02T01:00:01.000Z\n{}\n{}\n{}\n".format(*parts, first.hash)
    assert second.hash == sha256(text.encode()).hexdigest()
    assert link("c1", 2, first.hash, second.said) == second


def test_the_parts_hold_each_field_once() -> None:
    shown, hidden = open_part(said()).content, internal_part(said()).content
    assert shown == {"actor": "", "kind": "completed", "input": {"task_id": "c1:a:0", "result": {"area": 320.5}}}
    assert hidden == {"actor": "client:office", "input": {"request_id": "r"}}
    own = said(actor="person:1", internal=[])
    assert (open_part(own).content["actor"], internal_part(own).content) == ("person:1", {"actor": "", "input": {}})


@pytest.mark.parametrize("salts", [b"", bytes(16), bytes(33)])
def test_an_entry_without_its_salts_is_none(salts: bytes) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        chain(None, "c1", said(salts=salts))


def test_an_untouched_history_verifies_in_one_piece_and_in_pages() -> None:
    entries = a_history()
    assert verify(entries) is None
    assert verify([]) is None
    assert verify(entries[2:], previous=entries[1]) is None
    assert verify(entries[2:]) == 1


def tell(entry: Entry, **changed: Any) -> Entry:
    return replace(entry, said=replace(entry.said, **changed))


@pytest.mark.parametrize(
    "tamper",
    [
        lambda entry: tell(entry, actor="person:2"),
        lambda entry: tell(entry, kind="refused"),
        lambda entry: tell(entry, at=entry.said.at + timedelta(milliseconds=1)),
        lambda entry: tell(entry, input={**entry.said.input, "result": {"area": 320.4}}),
        lambda entry: tell(entry, input={**entry.said.input, "result": {"area": float("nan")}}),
        lambda entry: tell(entry, input={**entry.said.input, "request_id": "other"}),
        lambda entry: tell(entry, internal=["actor"]),
        lambda entry: tell(entry, salts=bytes(32)),
        lambda entry: tell(entry, salts=entry.said.salts[16:] + entry.said.salts[:16]),
        lambda entry: replace(entry, case_id="c2"),
        lambda entry: replace(entry, hash="0" * 64),
        lambda entry: replace(entry, previous_hash="0" * 64),
        lambda entry: replace(entry, sequence=7),
    ],
)
@pytest.mark.parametrize("place", [1, 2, 3])
def test_a_changed_entry_is_found(tamper: Callable[[Entry], Entry], place: int) -> None:
    entries = a_history()
    entries[place] = tamper(entries[place])
    assert verify(entries) == place + 1


def test_a_missing_entry_is_found_where_it_should_be() -> None:
    entries = a_history()
    del entries[1]
    assert verify(entries) == 2


def test_swapped_entries_are_found() -> None:
    entries = a_history()
    entries[1], entries[2] = entries[2], entries[1]
    assert verify(entries) == 2


def test_an_entry_made_anew_breaks_the_next() -> None:
    entries = a_history()
    entries[1] = chain(entries[0], "c1", said(input={"forged": True}))
    assert verify(entries) == 3


@given(JSON)
def test_the_canonical_form_survives_the_database(value: Any) -> None:
    given = {"result": value}
    assert canonical(stored_in_jsonb(given)) == canonical(given)
    assert canonical(json.loads(json.dumps(given))) == canonical(given)
    assert canonical(json.loads(canonical(given))) == canonical(given)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, b"1"),
        (-0.0, b"0"),
        (1e16, b"10000000000000000"),
        (10**16, b"10000000000000000"),
        (1e21, b"1e+21"),
        (10**21, b"1e+21"),
        (2**60, b"1152921504606847000"),
        (1e-7, b"1e-7"),
        (0.000001, b"0.000001"),
        (333333333.33333329, b"333333333.3333333"),
        ({"\U00010000": 1, "\ufb01": 2}, '{"\U00010000":1,"\ufb01":2}'.encode()),
        ("\u20ac$\u000f\nA'B\"\\", '"\u20ac$\\u000f\\nA\'B\\"\\\\"'.encode()),
    ],
)
def test_the_canonical_form_is_that_of_rfc_8785(value: Any, text: bytes) -> None:
    assert canonical(value) == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", 10**400])
def test_what_is_no_json_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        canonical({"value": value})


def test_times_are_utc_with_milliseconds() -> None:
    assert timestamp(NINE + timedelta(microseconds=123_999)) == "2026-03-02T01:00:00.123Z"
