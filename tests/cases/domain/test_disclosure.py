"""An office sees what its matter declares, and nothing else."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cases.domain.disclosure import visible_form, visible_materials

FORM: dict[str, Any] = {
    "premises": {"area": 320.5, "address": {"street": "鳌峰路", "number": "8"}, "rent": None},
    "owner": {"name": "王芳", "id_number": "secret"},
    "staff": [{"name": "a", "age": 30, "id_number": "secret"}, {"name": "b"}, "not an object"],
    "a.b": "dotted",
}


@pytest.mark.parametrize(
    ("paths", "seen"),
    [
        ((), {}),
        (("premises.area",), {"premises": {"area": 320.5}}),
        (("premises.rent",), {"premises": {"rent": None}}),
        (("premises.address",), {"premises": {"address": {"street": "鳌峰路", "number": "8"}}}),
        (
            ("premises.address.street", "owner.name"),
            {"premises": {"address": {"street": "鳌峰路"}}, "owner": {"name": "王芳"}},
        ),
        (("premises.address.street", "premises.address"), {"premises": {"address": FORM["premises"]["address"]}}),
        (("premises.address", "premises.address.street"), {"premises": {"address": FORM["premises"]["address"]}}),
        (("staff.name", "staff.age"), {"staff": [{"name": "a", "age": 30}, {"name": "b"}]}),
        (("nothing", "owner.nothing"), {"owner": {}}),
        (("owner.name.first",), {"owner": {}}),
    ],
)
def test_only_declared_paths_are_seen(paths: tuple[str, ...], seen: dict[str, Any]) -> None:
    assert visible_form(FORM, paths) == seen


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from("abc"), below, max_size=3),
    max_leaves=12,
)
FORMS = st.dictionaries(st.sampled_from("abc"), JSON, max_size=3)
PATHS = st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map(".".join), max_size=4).map(tuple)


def leaves(value: Any, path: str = "") -> set[str]:
    """The paths of everything that is no object and no list."""
    if isinstance(value, dict):
        return {leaf for name, each in value.items() for leaf in leaves(each, f"{path}{name}.")}
    if isinstance(value, list):
        return {leaf for each in value for leaf in leaves(each, path)}
    return {path}


@given(FORMS, PATHS)
def test_nothing_is_seen_beyond_the_declared_paths(form: dict[str, Any], paths: tuple[str, ...]) -> None:
    seen = leaves(visible_form(form, paths))
    assert seen <= leaves(form)
    assert all(any(leaf.startswith(f"{path}.") for path in paths) for leaf in seen)
    assert visible_form(visible_form(form, paths), paths) == visible_form(form, paths)


@dataclass(frozen=True)
class Paper:
    kind: str
    name: str


def test_only_materials_of_declared_kinds_are_seen() -> None:
    papers = [Paper("lease", "1.pdf"), Paper("id-card", "2.pdf"), Paper("lease", "3.pdf")]
    assert visible_materials(papers, ["lease", "plan"]) == (papers[0], papers[2])
    assert visible_materials(papers, []) == ()
