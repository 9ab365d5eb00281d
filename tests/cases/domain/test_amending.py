"""An applicant changes what was asked for, and can never change anything else."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cases.domain.amending import amend

FORM = {"owner": "李雷", "shop": {"area": 120, "name": "面馆"}, "staff": [{"name": "A", "age": 30}, {"name": "B"}]}
NAMES = st.sampled_from(["owner", "shop", "area", "name", "staff"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(".".join)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["", "x"]),
    lambda below: st.lists(below, max_size=2) | st.dictionaries(NAMES, below, max_size=3),
    max_leaves=8,
)
FORMS = st.dictionaries(NAMES, VALUES, max_size=4)


@pytest.mark.parametrize(
    ("asked", "changes", "after"),
    [
        (["owner"], {"owner": "韩梅梅"}, {**FORM, "owner": "韩梅梅"}),
        (["owner"], {"owner": "李雷"}, FORM),
        (["owner"], {**FORM, "owner": "韩梅梅"}, {**FORM, "owner": "韩梅梅"}),
        (["shop.area"], {"shop": {"area": 90}}, {**FORM, "shop": {"area": 90, "name": "面馆"}}),
        (["shop"], {"shop": {"area": 90}}, {**FORM, "shop": {"area": 90}}),
        (["shop", "shop.area"], {"shop": {"area": 90}}, {**FORM, "shop": {"area": 90}}),
        (["shop.name"], {"shop": {"name": None}}, {**FORM, "shop": {"area": 120}}),
        (["email"], {"email": "a@b.cn"}, {**FORM, "email": "a@b.cn"}),
        (["email"], {"email": None}, FORM),
        (["home.street"], {"home": {"street": "S"}}, {**FORM, "home": {"street": "S"}}),
        (["home.street"], {"home": {"street": None}}, FORM),
        (["owner.name"], {"owner": {"name": None}}, FORM),
        (["staff.name"], {"staff": [{"name": "C"}, {"name": "B"}]}, None),
        (["goods.name"], {"goods": [{"name": "tea"}]}, {**FORM, "goods": [{"name": "tea"}]}),
        (["goods.name"], {"goods": []}, FORM),
    ],
)
def test_what_was_asked_for_is_put_in_its_place(
    asked: list[str], changes: dict[str, Any], after: dict[str, Any] | None
) -> None:
    expected = after or {**FORM, "staff": [{"name": "C", "age": 30}, {"name": "B"}]}
    assert amend(FORM, changes, asked) == (expected, [])


@pytest.mark.parametrize(
    ("asked", "changes", "places"),
    [
        (["owner"], {}, ["owner"]),
        (["owner", "shop.area", "shop.name"], {}, ["owner", "shop.area", "shop.name"]),
        (["owner", "shop.area"], {"owner": "x"}, ["shop.area"]),
        (["owner"], {"owner": "x", "shop": {"area": 1}}, ["shop"]),
        (["owner"], {"owner": "x", "email": "a@b.cn"}, ["email"]),
        (["shop.area"], {"shop": {"area": 1, "name": "茶馆"}}, ["shop.name"]),
        (["shop.area"], {"shop": None}, ["shop"]),
        (["shop.area"], {"shop": [{"area": 1}]}, ["shop"]),
        (["owner.name"], {"owner": {"name": "x"}}, ["owner"]),
        (["staff.name"], {"staff": [{"name": "C"}]}, ["staff"]),
        (["staff.name"], {"staff": [{"name": "C", "age": 31}, {}]}, ["staff[0].age", "staff[1].name"]),
        (["staff.name"], {"staff": {"name": "C"}}, ["staff"]),
    ],
)
def test_what_is_missing_and_what_was_not_asked_for_is_named_at_once(
    asked: list[str], changes: dict[str, Any], places: list[str]
) -> None:
    _, faults = amend(FORM, changes, asked)
    assert [fault.path for fault in faults] == places


@given(form=FORMS, changes=FORMS, asked=st.lists(PATHS, min_size=1, max_size=3))
def test_nothing_that_was_not_asked_for_is_ever_changed(
    form: dict[str, Any], changes: dict[str, Any], asked: list[str]
) -> None:
    before, said = deepcopy(form), deepcopy(changes)
    after, _ = amend(form, changes, asked)
    assert (form, changes) == (before, said)
    assert without(after, asked) == without(form, asked)


@given(form=FORMS, asked=st.lists(PATHS, min_size=1, max_size=3))
def test_an_amendment_that_was_taken_is_taken_again_and_changes_nothing(form: dict[str, Any], asked: list[str]) -> None:
    changes: dict[str, Any] = {}
    for path in asked:
        changes = {**changes, path.split(".")[0]: form.get(path.split(".")[0])}
    after, faults = amend(form, changes, asked)
    if not faults:
        assert amend(after, changes, asked) == (after, [])


def without(value: Any, paths: list[str]) -> Any:
    """What is left of a form without these paths; what is empty then counts as not there."""
    if isinstance(value, list):
        elements = [without(each, paths) for each in value]
        return elements if any(each not in (None, {}) for each in elements) else None
    if not isinstance(value, Mapping):
        return value
    left = {}
    for name, each in value.items():
        if name in paths:
            continue
        below = [path.partition(".")[2] for path in paths if path.startswith(f"{name}.")]
        kept = without(each, below)
        if kept not in (None, {}):
            left[name] = kept
    return left
