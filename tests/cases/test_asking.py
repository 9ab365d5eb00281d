"""The form with the answers so far: what is decided is settled, what is not stays open, nothing else changes."""

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duokua.cases.v1 import application_service_pb2 as pb
from services.cases.asking import ask, material_needs, step_needs
from services.cases.expressions import Condition, ExpressionFaultError
from services.cases.published import Published, compile_bundle
from services.matters.domain.bundle import Bundle, Lead
from services.matters.messages import bundle_message
from services.matters.package.compiler import compile_package
from tests.matters.test_one_form import Drawn, Leaves, Need, forms, nested, package_of, steps

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
LEAD = Lead("lead", "11330106002491234N", 4)
MATERIALS = """\
materials:
  - {kind: lease, name: {zh: 租赁合同, en: Lease}, media_types: [application/pdf]}
  - {kind: licence, name: {zh: 营业执照, en: Licence}, media_types: [application/pdf],
     given_by: {licence: business-licence}}
"""


def published(files: dict[str, bytes]) -> Published:
    bundle = Bundle(compile_package(files), 3, LEAD, "digest", NOW)
    return compile_bundle(bundle_message(bundle).SerializeToString())


def validator(schema: dict[str, Any]) -> Any:
    return jsonschema_rs.Draft202012Validator(schema, offline=True, validate_formats=True)


@settings(max_examples=60, deadline=None)
@given(steps(), forms(), st.data())
def test_a_form_fits_what_is_left_with_any_of_its_answers_as_it_fits_the_whole(
    drawn: list[Drawn], leaves: Leaves, data: st.DataObject
) -> None:
    bundle = published(package_of(drawn))
    form = nested(leaves)
    whole = bundle.form.is_valid(form)
    answered = data.draw(st.sets(st.sampled_from(sorted(leaves))))
    left = ask(bundle, nested({path: leaves[path] for path in answered})).schema
    assert validator(left).is_valid(form) == whole
    settled = ask(bundle, form)
    assert not (whole and "allOf" in settled.schema)
    assert validator(settled.schema).is_valid(form) == whole
    assert not (whole and settled.open_fields)


@cache
def a_shop() -> Published:
    """Questions first; a step of its own with a field and materials when the shop is wide."""
    drawn = [
        Drawn("form.q.wide", (Need("shop.sign", required=True, when=""), Need("shop.rooms", required=False, when=""))),
        Drawn("", (Need("style", required=True, when='form.q.kind == "a"'),)),
    ]
    files = package_of(drawn)
    text = files["scenario.yaml"].decode().replace("steps:\n", f"{MATERIALS}steps:\n")
    files["matters/m1.yaml"] += b"materials: [lease]\n"
    files["matters/m2.yaml"] += b"materials: [licence]\n"
    late = '  - {id: late, matter: base, after: [base], undo: none, when: \'steps["base"].status == "completed"\'}\n'
    return published(files | {"scenario.yaml": (text + late).encode()})


def fields_of(schema: dict[str, Any], prefix: str = "") -> set[str]:
    found: set[str] = set()
    for name, part in schema["properties"].items():
        found |= fields_of(part, f"{prefix}{name}.") if part["type"] == "object" else {prefix + name}
    return found


def test_without_answers_everything_is_open() -> None:
    asked = ask(a_shop(), {})
    assert {rule["x-when"] for rule in asked.schema["allOf"]} == {"form.q.wide", 'form.q.kind == "a"'}
    assert asked.open_fields == ["q.wide", "q.kind", "region", "area"]
    assert {each.step_id: each.need for each in step_needs(a_shop(), ask(a_shop(), {}))} == {
        "base": pb.NEED_YES,
        "s1": pb.NEED_OPEN,
        "s2": pb.NEED_YES,
        "late": pb.NEED_OPEN,
    }


def test_an_answer_cuts_fields_steps_and_materials() -> None:
    answers = {"q": {"wide": False, "kind": "a"}}
    asked = ask(a_shop(), answers)
    assert "allOf" not in asked.schema
    assert {"q.deep", "shop.sign", "shop.rooms"}.isdisjoint(fields_of(asked.schema))
    assert asked.open_fields == ["region", "area", "style"]
    assert {each.step_id for each in step_needs(a_shop(), asked) if each.need == pb.NEED_NO} == {"s1"}
    lease, licence = material_needs(a_shop(), asked)
    assert (lease.asked, lease.required) == (pb.NEED_NO, pb.NEED_NO)
    assert (licence.asked, licence.required, licence.licence.name) == (pb.NEED_YES, pb.NEED_NO, "营业执照")


def test_another_answer_adds_them() -> None:
    answers = {"q": {"wide": True, "kind": "b"}, "region": "330106"}
    asked = ask(a_shop(), answers)
    assert asked.open_fields == ["q.deep", "shop.sign", "area"]
    assert "style" not in fields_of(asked.schema)
    (lease, _) = material_needs(a_shop(), asked)
    assert (lease.asked, lease.required) == (pb.NEED_YES, pb.NEED_YES)


@cache
def a_shop_with_guests() -> Published:
    """What is asked of those who answer a question that not everybody is asked, or fill in what nobody has to."""
    drawn = [
        Drawn("has(form.q.deep) && form.q.deep", (Need("style", required=True, when=""),)),
        Drawn("has(form.shop) && has(form.shop.note)", (Need("shop.sign", required=True, when=""),)),
    ]
    return published(package_of(drawn))


@pytest.mark.parametrize(
    ("answers", "style", "sign"),
    [
        ({}, pb.NEED_OPEN, pb.NEED_OPEN),
        ({"q": {"kind": "a"}}, pb.NEED_OPEN, pb.NEED_OPEN),
        ({"q": {"wide": True}, "shop": {}}, pb.NEED_OPEN, pb.NEED_OPEN),
        ({"q": {"wide": False}, "shop": {"note": "外摆"}}, pb.NEED_NO, pb.NEED_YES),
        ({"q": {"wide": True, "deep": True}}, pb.NEED_YES, pb.NEED_OPEN),
        ({"q": {"wide": True, "deep": False}}, pb.NEED_NO, pb.NEED_OPEN),
        ({"q": {"wide": True, "deep": False, "kind": "a"}, "region": "330106", "area": 9}, pb.NEED_NO, pb.NEED_NO),
        ({"q": {"wide": False, "kind": "a"}, "region": "330106", "area": 9}, pb.NEED_NO, pb.NEED_NO),
    ],
)
def test_what_is_not_answered_yet_is_open_until_nothing_has_to_be_answered_any_more(
    answers: dict[str, Any], style: pb.Need.ValueType, sign: pb.Need.ValueType
) -> None:
    asked = ask(a_shop_with_guests(), answers)
    needs = {each.step_id: each.need for each in step_needs(a_shop_with_guests(), asked)}
    assert needs == {"base": pb.NEED_YES, "s1": style, "s2": sign}
    fields = fields_of(asked.schema)
    assert ("style" in fields, "shop.sign" in fields) == (style != pb.NEED_NO, sign != pb.NEED_NO)


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("has(form.a.b) || !has( form . c )", ["a.b", "c"]),
        ("form.a == 'has(form.b)' && form.c == \"it's has(form.d)\" && has(form.e)", ["e"]),
        (r"""form.a == 'a\'b has(form.c)' && form.d == r'\d' && has(form.e)""", ["e"]),
        ('form.a == """has(form.b) "has(form.c)" """ // has(form.d)', []),
        ('form.a == """has(form.b)\\""" has(form.c)""" || has(form.d)', ["d"]),
        ("has(form.a) ? form.xs.exists(x, has(x.b)) : false", ["a"]),
    ],
)
def test_what_a_condition_looks_for_is_read_as_cel_reads_it(condition: str, found: list[str]) -> None:
    assert sorted(Condition(condition).asks_for) == found


def test_what_decides_alone_decides_whatever_may_come() -> None:
    either = Condition("form.a || has(form.b)")
    assert either.holds_so_far({"a": True}, [])
    assert not either.holds_so_far({"a": False}, ["b"])
    with pytest.raises(ExpressionFaultError):
        either.holds_so_far({"a": False}, [])


NOTHING_NOTED = "!(has(form.shop) && has(form.shop.note))"
ALL_ANSWERED = {"q": {"wide": False, "kind": "a"}, "region": "330106", "area": 9}


@cache
def a_shop_without_notes() -> Published:
    """What is left blank asks for a field, on which another step depends."""
    style = Need("style", required=True, when=NOTHING_NOTED)
    old = "has(form.style) && form.style == 'old'"
    return published(package_of([Drawn("", (style,)), Drawn(old, (Need("shop.rooms", required=True, when=""),))]))


@pytest.mark.parametrize(
    ("answers", "open_fields", "rooms"),
    [
        (ALL_ANSWERED, ["style"], pb.NEED_OPEN),
        (ALL_ANSWERED | {"style": "new"}, [], pb.NEED_NO),
        (ALL_ANSWERED | {"style": "old"}, ["shop.rooms"], pb.NEED_YES),
        (ALL_ANSWERED | {"shop": {"note": "x"}}, [], pb.NEED_NO),
    ],
)
def test_what_is_left_blank_may_ask_for_more(
    answers: dict[str, Any], open_fields: list[str], rooms: pb.Need.ValueType
) -> None:
    asked = ask(a_shop_without_notes(), answers)
    assert asked.open_fields == open_fields
    assert [each.need for each in step_needs(a_shop_without_notes(), asked)] == [pb.NEED_YES, pb.NEED_YES, rooms]


@pytest.mark.parametrize(
    "condition",
    [
        "(" * 31 + "has(form.shop)" + ")" * 31,
        "[true].exists(__blank, has(form.shop))",
        " || ".join(["has(form.shop)"] * 4000),
        "has((form.shop))",
        "has(form.shop // x\n)",
        "'shop' in dyn(form)",
        "[form].exists(f, has(f.shop))",
        "has(.form.shop)",
    ],
    ids=["deep", "its own name", "long", "brackets", "comment", "in", "loop", "root"],
)
def test_a_condition_that_cannot_be_told_apart_is_open_until_nothing_may_come(condition: str) -> None:
    compiled = Condition(condition)
    with pytest.raises(ExpressionFaultError):
        compiled.holds_so_far({}, [])
    assert not compiled.holds_so_far({}, compiled.asks_for)
    assert compiled.holds_so_far({"shop": {}}, compiled.asks_for)


def test_answers_of_another_type_leave_things_open() -> None:
    for wrong in ({"q": "x"}, {"q": {"wide": "yes", "kind": 3}}, {"q": [1]}, {"q": {"wide": None}}):
        asked = ask(a_shop(), wrong)
        assert "form.q.wide" in {rule["x-when"] for rule in asked.schema["allOf"]}
        json.dumps(asked.schema)
