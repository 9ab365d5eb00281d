"""Pre-check rules at submission: refused with field and rule, or told; and a refusal changes nothing."""

import time
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.clock import BEIJING
from chassis.problems import Invalid
from duokua.matters.v1 import bundle_pb2
from services.cases.applications import look_over
from services.cases.prechecks import violation_of
from services.cases.published import Published, compile_bundle
from tests.cases.builders import Town, a_bundle, a_form, a_material, tables

TUESDAY = datetime(2026, 3, 3, 0, 30, tzinfo=BEIJING)


def a_rule(rule_id: str, holds: str, *, refuses: bool = True, **more: Any) -> bundle_pb2.Rule:
    values = {"message": f"{rule_id}不符", "message_en": f"{rule_id} is wrong", "fields": ["shop.area"], **more}
    return bundle_pb2.Rule(rule_id=rule_id, holds=holds, refuses=refuses, **values)


def ruled(*rules: bundle_pb2.Rule) -> bundle_pb2.Bundle:
    bundle = a_bundle(2)
    bundle.rules.extend(rules)
    return bundle


def published(*rules: bundle_pb2.Rule) -> Published:
    return compile_bundle(ruled(*rules).SerializeToString())


def found(bundle: Published, form: dict[str, Any], *kinds: str) -> list[str]:
    return [each.rule_id for each in look_over(bundle, form, kinds or ("lease",), TUESDAY).findings]


def test_a_rule_that_refuses_names_field_and_rule_and_nothing_is_changed(town: Town) -> None:
    town.publish(
        ruled(a_rule("small", "form.shop.area < 100.0"), a_rule("owner", "form.owner != '李雷'", refuses=False))
    )
    before = tables(town.database)
    with pytest.raises(Invalid) as caught:
        town.submit()
    assert caught.value.reason == "APPLICATION_INVALID"
    (fault,) = caught.value.violations
    assert (fault.field, fault.description) == ("form.shop.area", "small不符 (small is wrong) [small]")
    assert tables(town.database) == before


def test_a_warning_is_told_and_the_application_is_taken(town: Town) -> None:
    town.publish(ruled(a_rule("small", "form.shop.area < 100.0", refuses=False)))
    with town.database.begin() as work:
        taken = town.cases.submit(work, "p1", "person:p1", "open-shop", a_form(), [a_material()])
    assert [(each.rule_id, each.refuses, list(each.fields)) for each in taken.warnings] == [
        ("small", False, ["form.shop.area"])
    ]
    assert town.row(taken.row.case_id)


def test_all_that_is_broken_is_told_at_once() -> None:
    bundle = published(
        a_rule("one", "form.shop.area > 500"),
        a_rule("two", 'materials["photo"] >= 1', fields=[], materials=["photo"]),
        a_rule("kept", "form.owner == '李雷'"),
        a_rule("three", "today == '2026-03-02'", refuses=False),
    )
    looked = look_over(bundle, a_form(), ["lease"], TUESDAY)
    assert [each.rule_id for each in looked.findings] == ["one", "two", "three"]
    assert list(looked.findings[1].fields) == ["materials.photo"]
    assert found(bundle, a_form(), "lease", "photo", "photo") == ["one", "three"]


def test_the_day_is_that_of_the_offices() -> None:
    bundle = published(a_rule("day", "today == '2026-03-03'"))
    assert found(bundle, a_form()) == []


def test_a_rule_applies_where_its_condition_holds_and_one_of_its_steps_is_done() -> None:
    never = "form.shop.area > 1000"
    bundle = published(a_rule("large", never, when="form.shop.area > 200"), a_rule("fire", never, step_ids=["fire"]))
    assert found(bundle, a_form(area=120)) == []
    assert found(bundle, a_form(area=250)) == ["large"]
    assert found(bundle, a_form(area=400)) == ["large", "fire"]


def test_rules_look_at_what_is_right_of_a_form_that_is_wrong() -> None:
    bundle = published(
        a_rule("owner", "form.owner == '韩梅梅'"),
        a_rule("large", "form.shop.area > 500"),
        a_rule("missing", "form.email == ''"),
    )
    looked = look_over(bundle, {"owner": "李雷", "shop": {"area": "large"}}, ["lease"], TUESDAY)
    assert {fault.field for fault in looked.faults} == {"form.shop", "form.shop.area"}
    assert [each.rule_id for each in looked.findings] == ["owner"]


def test_a_rule_that_cannot_be_decided_on_a_valid_form_refuses_as_if_it_were_broken() -> None:
    bundle = published(a_rule("email", "form.email != ''"))
    (finding,) = look_over(bundle, a_form(), ["lease"], TUESDAY).findings
    assert finding.refuses
    assert "cannot be decided" in violation_of(finding).description


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["shop", "owner", "area", "tags"]), inner)
    ),
    max_leaves=15,
)
HOSTILE = published(
    a_rule("area", "double(form.shop.area) * 2.0 < 10.0"),
    a_rule("tags", "has(form.shop.tags) && form.shop.tags.all(t, t != 'a' && t.size() < 3)"),
    a_rule("owner", "form.owner.matches('^(a*)*b$') || form.owner > today"),
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(["shop", "owner", "email", "x"]), JSON))
def test_whatever_is_handed_in_is_judged(form: dict[str, Any]) -> None:
    looked = look_over(HOSTILE, form, ["lease", "?"], TUESDAY)
    assert {each.rule_id for each in looked.findings} <= {"area", "tags", "owner"}
    assert all(fault.field.startswith(("form", "materials")) for fault in looked.faults)


def test_two_hundred_rules_over_a_large_form_are_judged_soon() -> None:
    pieces = "has(form.shop.tags) && (" + " && ".join(["form.shop.tags.all(t, t != 'z')"] * 14) + ")"
    bundle = published(*(a_rule(f"r{number}", pieces) for number in range(200)))
    form = a_form(tags=[f"{number:04d}" + "a" * 396 for number in range(600)])
    started = time.process_time()
    assert found(bundle, form) == []
    assert time.process_time() - started < 5  # 0.4 on an idle machine
