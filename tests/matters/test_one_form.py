"""The one form of a bundle accepts exactly what each of its matters accepts, asks nothing twice, and nothing else."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.matters.package.compiler import compile_package
from tests.matters.builders import faults_of

Leaves = dict[str, Any]

# What may be asked, as (element, whether a value fits).
FIELDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "shop.sign": ("sign", lambda value: isinstance(value, str) and 1 <= len(value) <= 3),
    "shop.rooms": ("rooms", lambda value: isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 9),
    "shop.owner.lives": ("lives", lambda value: isinstance(value, bool)),
    "style": ("style", lambda value: value in {"old", "new"}),
}
VALUES = st.sampled_from(["", "ab", "abcd", 0, 9, 10, True, False, "old", "new"])
# Conditions, as CEL and as the same on the leaves of a form whose questions are answered.
CONDITIONS: dict[str, Callable[[Leaves], bool]] = {
    "": lambda _: True,
    "form.q.wide": lambda form: form["q.wide"] is True,
    "!form.q.wide": lambda form: form["q.wide"] is not True,
    'form.q.kind == "a"': lambda form: form["q.kind"] == "a",
    'form.q.wide && form.q.kind != "a"': lambda form: form["q.wide"] is True and form["q.kind"] != "a",
    "form.q.kind in ['a', 'b'] || form.q.wide": lambda form: form["q.kind"] in {"a", "b"} or form["q.wide"] is True,
    "form.area > 300": lambda form: form["area"] > 300,
    "has(form.q.deep) && form.q.deep": lambda form: form.get("q.deep") is True,
    "form.q.wide ? form.area <= 10 : form.area >= 300": lambda form: (
        form["area"] <= 10 if form["q.wide"] else form["area"] >= 300
    ),
}
MANIFEST = """\
format: 1
id: drawn
version: "1.0.0"
name: {zh: 抽样, en: Drawn}
licence: Apache-2.0
origin: {region: "330106", organ: 某区}
catalog_code: "332031901000"
lead: {role: market, name: {zh: 市场监管, en: Market regulation}}
region_field: region
sections: {q: {zh: 情形, en: Questions}, shop: {zh: 店, en: Shop}, shop.owner: {zh: 店主, en: Owner}}
questions:
  - {field: q.wide, ask: {zh: 宽, en: Wide}}
  - {field: q.kind, ask: {zh: 种类, en: Kind}, answers: [a, b, c]}
  - {field: q.deep, ask: {zh: 深, en: Deep}, when: form.q.wide}
elements:
  area: {name: {zh: 面积, en: Area}, type: number, minimum: 0, maximum: 1000}
  sign: {name: {zh: 招牌, en: Sign}, type: string, min_length: 1, max_length: 3}
  rooms: {name: {zh: 房间, en: Rooms}, type: integer, minimum: 0, maximum: 9}
  lives: {name: {zh: 自住, en: Lives there}, type: boolean}
  style: {name: {zh: 样式, en: Style}, values: [old, new]}
"""
BASE: Leaves = {"region": "330106"}
BASE_FIELDS = """\
fields:
  region: region
  area: area
  shop.note: {element: remark, required: false}
  shop.owner.note: {element: remark, required: false}
"""
ALWAYS_ASKED = {"region", "area", "q.wide", "q.kind", "shop.note", "shop.owner.note"}


@dataclass(frozen=True)
class Need:
    path: str
    required: bool
    when: str


@dataclass(frozen=True)
class Drawn:
    """A step with a matter of its own."""

    when: str
    needs: tuple[Need, ...]


@st.composite
def steps(draw: st.DrawFn) -> list[Drawn]:
    condition = st.sampled_from([*CONDITIONS, "", ""])
    needs = st.lists(
        st.builds(Need, st.sampled_from(sorted(FIELDS)), st.booleans(), condition), unique_by=lambda need: need.path
    )
    return draw(st.lists(st.builds(Drawn, condition, needs.map(tuple)), min_size=1, max_size=4))


@st.composite
def forms(draw: st.DrawFn) -> Leaves:
    form = BASE | {
        "q.wide": draw(st.booleans()),
        "q.kind": draw(st.sampled_from(["a", "b", "c"])),
        "area": draw(st.sampled_from([0, 10, 300, 301, 1000])),
    }
    if draw(st.sampled_from([form["q.wide"], form["q.wide"], not form["q.wide"]])):
        form["q.deep"] = draw(st.booleans())
    for path, (_, fits) in FIELDS.items():
        if draw(st.booleans()):
            form[path] = draw(VALUES.filter(fits) | VALUES if draw(st.integers(0, 5)) == 0 else VALUES.filter(fits))
    return form


def package_of(drawn: list[Drawn]) -> dict[str, bytes]:
    lines, files = [MANIFEST, "steps:\n", "  - {id: base, matter: base, undo: none}\n"], {}
    files["matters/base.yaml"] = matter(0, BASE_FIELDS)
    for number, step in enumerate(drawn, start=1):
        when = f", when: {json.dumps(step.when)}" if step.when else ""
        lines.append(f"  - {{id: s{number}, matter: m{number}, undo: none{when}}}\n")
        files[f"matters/m{number}.yaml"] = matter(number, "fields:\n" + "".join(map(field, step.needs)))
        if not step.needs:
            files[f"matters/m{number}.yaml"] = matter(number, "")
    return files | {"scenario.yaml": "".join(lines).encode()}


def field(need: Need) -> str:
    when = f", when: {json.dumps(need.when)}" if need.when else ""
    return f"  {need.path}: {{element: {FIELDS[need.path][0]}, required: {json.dumps(need.required)}{when}}}\n"


def matter(number: int, fields: str) -> bytes:
    text = f'catalog_code: "3301319{number:02d}000"\nname: {{zh: 事项, en: Matter}}\ntype: "01"\n{fields}'
    return text.encode()


def accepted_by_each(drawn: list[Drawn], form: Leaves) -> bool:
    """Whether each matter that is done has what it needs, and nothing is there that nobody asks for."""
    asked = ALWAYS_ASKED | ({"q.deep"} if form["q.wide"] else set())
    if form["q.wide"] and "q.deep" not in form:
        return False
    for step in drawn:
        for need in step.needs:
            if CONDITIONS[step.when](form) and CONDITIONS[need.when](form):
                asked.add(need.path)
                if need.required and need.path not in form:
                    return False
    return form.keys() <= asked and all(fits(form[path]) for path, (_, fits) in FIELDS.items() if path in form)


def nested(leaves: Leaves) -> dict[str, Any]:
    form: dict[str, Any] = {}
    for path, value in leaves.items():
        *above, last = path.split(".")
        here = form
        for name in above:
            here = here.setdefault(name, {})
        here[last] = value
    return form


def leaf_paths(schema: dict[str, Any], prefix: str = "") -> list[str]:
    found: list[str] = []
    for name, part in schema["properties"].items():
        found += leaf_paths(part, f"{prefix}{name}.") if part["type"] == "object" else [prefix + name]
    return found


@settings(max_examples=80, deadline=None)
@given(steps(), st.lists(forms(), min_size=1, max_size=12))
def test_the_form_accepts_exactly_what_each_of_the_matters_accepts(drawn: list[Drawn], filled: list[Leaves]) -> None:
    schema = json.loads(compile_package(package_of(drawn)).form_schema)
    form = jsonschema_rs.Draft202012Validator(schema, offline=True, validate_formats=True)
    for leaves in filled:
        assert form.is_valid(nested(leaves)) == accepted_by_each(drawn, leaves), leaves


@settings(max_examples=25, deadline=None)
@given(steps())
def test_every_field_is_asked_once_and_only_for_a_matter_or_as_a_question(drawn: list[Drawn]) -> None:
    schema = json.loads(compile_package(package_of(drawn)).form_schema)
    paths = leaf_paths(schema)
    assert len(paths) == len(set(paths))
    assert set(paths) == {need.path for step in drawn for need in step.needs} | ALWAYS_ASKED | {"q.deep"}


@settings(max_examples=25, deadline=None)
@given(steps())
def test_questions_come_first_and_every_field_has_a_title_and_a_place(drawn: list[Drawn]) -> None:
    schema = json.loads(compile_package(package_of(drawn)).form_schema)
    fields = {path: at(schema, path) for path in leaf_paths(schema)}
    assert all(each["title"] and each["x-title-en"] for each in fields.values())
    orders = {path: each["x-ui"]["order"] for path, each in fields.items()}
    assert len(set(orders.values())) == len(orders)
    assert sorted(orders, key=lambda path: orders[path])[:3] == ["q.wide", "q.kind", "q.deep"]
    assert fields["q.deep"]["x-ui"]["visible_when"] == "form.q.wide"


def at(schema: dict[str, Any], path: str) -> dict[str, Any]:
    for name in path.split("."):
        schema = schema["properties"][name]
    return schema


@pytest.mark.parametrize("condition", ["form.area == form.area", "double(form.area) * 2.0 > 1.0"])
def test_what_a_form_cannot_say_is_refused_where_it_decides_what_is_asked(condition: str) -> None:
    drawn = [Drawn(condition, (Need("style", required=True, when=""),))]
    ((place, message),) = faults_of(package_of(drawn)).items()
    assert place.endswith("steps[1].when")
    assert "compare fields with constants" in message


def test_the_same_is_fine_where_everything_is_asked_for_anyway() -> None:
    drawn = [
        Drawn("double(form.area) * 2.0 > 1.0", (Need("style", required=True, when=""),)),
        Drawn("", (Need("style", required=True, when=""),)),
    ]
    assert faults_of(package_of(drawn)) == {}


def test_a_field_that_is_asked_only_once_it_is_answered_is_refused() -> None:
    drawn = [Drawn("has(form.style)", (Need("style", required=True, when=""),))]
    ((place, message),) = faults_of(package_of(drawn)).items()
    assert place == "matters/m1.yaml:5:3 fields.style"
    assert "style -> style" in message


def test_a_field_may_depend_on_another_of_its_group_in_a_step_that_is_not_always_done() -> None:
    files = package_of([Drawn("form.q.wide", (Need("style", required=True, when=""),))])
    files["scenario.yaml"] = files["scenario.yaml"].replace(
        b"sections: {", "sections: {yard: {zh: 院, en: Yard}, ".encode()
    )
    files["matters/m1.yaml"] = matter(
        1, "fields:\n  yard.sign: sign\n  yard.rooms: {element: rooms, when: form.yard.sign == 'ab'}\n"
    )
    assert faults_of(files) == {}
    wide = {"q": {"wide": True, "kind": "a", "deep": False}, "region": "330106", "area": 10, "shop": {"owner": {}}}
    fits = jsonschema_rs.validator_for(json.loads(compile_package(files).form_schema)).is_valid
    assert fits({**wide, "yard": {"sign": "ab", "rooms": 2}})
    assert fits({**wide, "yard": {"sign": "b"}})
    assert not fits({**wide, "yard": {"sign": "b", "rooms": 2}})
    assert not fits({**wide, "yard": {"sign": "ab"}})
    assert not fits(wide)


def test_what_depends_on_results_is_asked_for_in_any_case() -> None:
    text = MANIFEST + "steps:\n  - {id: base, matter: base, undo: none}\n"
    text += '  - {id: s1, matter: m1, after: [base], when: \'steps["base"].status == "completed"\', undo: none}\n'
    files = {
        "scenario.yaml": text.encode(),
        "matters/base.yaml": matter(0, BASE_FIELDS),
        "matters/m1.yaml": matter(1, "fields: {style: style}\n"),
    }
    assert "style" in json.loads(compile_package(files).form_schema)["required"]
