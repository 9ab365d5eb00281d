"""What of each input is open: nothing that the case hides from its applicant."""

from dataclasses import fields

import pytest

from services.cases.domain.history import ACTOR
from services.cases.domain.inputs import ACTS, ANSWERS, FINDINGS, ORDERS, HandedOver, PassedUp, to_json
from services.cases.domain.withholding import OPEN, internal_names

KINDS = {each.kind: each for each in (*ACTS, *ANSWERS, *ORDERS, *FINDINGS)}


@pytest.mark.parametrize("kind", sorted(OPEN))
def test_what_is_open_is_a_field_of_its_input(kind: str) -> None:
    names = {each.name for each in fields(KINDS[kind])}
    assert ACTOR not in names
    assert OPEN[kind] <= names | {ACTOR}


def test_who_acted_is_open_where_it_was_the_applicant_or_the_platform() -> None:
    shown = {kind for kind, names in OPEN.items() if ACTOR in names}
    assert shown == {each.kind for each in (*ACTS, *FINDINGS)} & set(OPEN)


@pytest.mark.parametrize(
    ("given", "internal"),
    [
        (HandedOver("t", "r", "王芳", "休假"), ["actor", "request_id", "handler", "reason"]),
        (PassedUp("t", "r", {"finding": "x"}, "超出权限"), ["actor", "request_id", "opinion"]),
    ],
)
def test_what_offices_say_among_themselves_is_internal(given: HandedOver | PassedUp, internal: list[str]) -> None:
    assert internal_names(given.kind, to_json(given)) == internal


def test_of_an_unknown_kind_everything_is_internal() -> None:
    assert internal_names("new", {"note": "x"}) == ["actor", "note"]
