"""What can never be is refused at publishing: conditions that never hold, steps that take longer than the whole may."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cases.expressions import Condition
from services.matters.domain.durations import longest_way
from services.matters.domain.limits import Limit, TimeUnit
from services.matters.package.satisfying import Satisfying
from tests.matters.builders import faults_of, package

SCHEMA = {
    "type": "object",
    "required": ["shop", "kind", "open"],
    "$defs": {"people": {"type": "integer", "minimum": 0, "maximum": 500}},
    "properties": {
        "shop": {
            "type": "object",
            "required": ["area"],
            "properties": {
                "area": {"type": "number", "exclusiveMinimum": 0, "maximum": 1000},
                "seats": {"$ref": "#/$defs/people"},
                "floor": {"allOf": [{"type": "integer", "minimum": -5}], "maximum": 100},
            },
        },
        "kind": {"enum": ["eat in", "take away"]},
        "open": {"type": "boolean"},
        "foods": {"type": "array", "items": {"enum": ["hot", "cold"]}},
        "owner": {"type": "string"},
    },
}
RISK = ("steps", "s_check", "result", "grade")
JUDGE = Satisfying(SCHEMA, ["completed", "skipped", "refused"], {RISK: frozenset({"high", "low"})})


@pytest.mark.parametrize(
    "condition",
    [
        "form.shop.area > 1000",
        "form.shop.area > 1000.0 || form.shop.area <= 0",
        "form.shop.area > 300 && form.shop.area < 200",
        "form.shop.area > 300 && !(form.shop.area > 200)",
        "1000 < form.shop.area",
        "has(form.shop.seats) && form.shop.seats > 3 && form.shop.seats < 4",
        "has(form.shop.seats) && !has(form.shop.seats)",
        "!has(form.shop.area)",
        "has(form.shop.floor) && form.shop.floor < -5",
        'form.kind == "drive in"',
        'form.kind == "eat in" && form.kind == "take away"',
        'form.kind != "eat in" && form.kind != "take away"',
        'form.kind in ["drive in", "fly in"]',
        '!(form.kind in ["eat in", "take away"])',
        "form.open && !form.open",
        'has(form.foods) && "raw" in form.foods',
        'steps["check"].status == "approved"',
        'steps["check"].result.grade == "middle"',
        'steps["check"].result.grade != "high" && steps["check"].result.grade != "low"',
        "form.open ? form.shop.area > 2000 : form.shop.area < -1",
        "false",
    ],
)
def test_what_never_holds_is_told(condition: str) -> None:
    assert JUDGE.never(condition)
    assert JUDGE.always(f"!({condition})")


@pytest.mark.parametrize(
    "condition",
    [
        "form.shop.area >= 1000",
        "form.shop.area > 300 || form.shop.seats >= 100",
        "form.shop.area > 300 && form.shop.area < 400",
        "has(form.shop.seats) && form.shop.seats > 3 && form.shop.seats <= 4",
        'form.kind == "eat in" || form.kind == "take away" && form.open',
        'form.kind in ["eat in", "drive in"]',
        'has(form.foods) && "hot" in form.foods',
        'has(form.foods) && form.foods.exists(food, food == "raw")',
        'has(form.owner) && form.owner.startsWith("王")',
        "double(form.shop.area) * 2.0 > 5000.0",
        'steps["check"].status == "skipped"',
        'steps["check"].result.risk == "high"',
        'steps["check"].result.grade == "high"',
        "form.open",
        "form.open ? form.shop.area > 2000 : form.shop.area > 1",
    ],
)
def test_what_may_hold_or_cannot_be_told_is_left_alone(condition: str) -> None:
    assert not JUDGE.never(condition)
    assert not JUDGE.always(condition)


def test_very_many_alternatives_are_left_alone() -> None:
    many = " && ".join(f"(form.shop.area > {n} || form.shop.area < {-n})" for n in range(1, 12))
    assert not JUDGE.never(many)


_ATOMS = st.sampled_from(
    [
        *(f"form.shop.area {sign} {bound}" for sign in ("<", "<=", ">", ">=", "==", "!=") for bound in (0, 5, 10)),
        "form.open",
        'form.kind == "eat in"',
        'form.kind in ["take away"]',
    ]
)
_CONDITIONS = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        inner.map(lambda part: f"!({part})"),
        st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(lambda parts: f"({' '.join(parts)})"),
    ),
    max_leaves=5,
)


@given(_CONDITIONS, st.integers(1, 1000), st.booleans(), st.sampled_from(["eat in", "take away"]))
def test_nothing_that_can_be_is_told_to_be_never(condition: str, area: int, is_open: bool, kind: str) -> None:  # noqa: FBT001
    holds = Condition(condition).holds({"shop": {"area": area}, "open": is_open, "kind": kind})
    if holds:
        assert not JUDGE.never(condition)
    else:
        assert not JUDGE.always(condition)


def test_a_condition_that_never_holds_is_a_fault_of_its_step() -> None:
    files = package(manifest=("form.shop.area > 300", "form.shop.area > 100000"))
    found = faults_of(files)
    assert list(found) == ["scenario.yaml:37:11 steps[1].when"]
    assert 'so "permit" is never done' in found["scenario.yaml:37:11 steps[1].when"]


# The longest way


def _days(number: int) -> Limit:
    return Limit(number, TimeUnit.WORKING_DAY)


def test_the_longest_way_is_that_of_the_slowest_steps() -> None:
    after = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")}
    way = longest_way(after, {"a": _days(1), "b": _days(2), "c": _days(5), "d": _days(1)})
    assert way.steps == ("a", "c", "d")
    assert way.minutes == _days(7).minutes


def test_a_quorum_waits_for_the_quickest() -> None:
    after = {"a": (), "b": (), "c": (), "d": ("a", "b", "c")}
    limits = {"a": _days(1), "b": _days(2), "c": _days(9), "d": _days(3)}
    assert longest_way(after, limits, {"d": 2}).minutes == _days(9).minutes
    assert longest_way(after, {**limits, "c": _days(3)}, {"d": 2}).steps == ("b", "d")
    assert longest_way(after, limits, {"d": 3}).steps == ("c", "d")


def test_steps_without_limits_take_no_time() -> None:
    assert longest_way({"a": (), "b": ("a",)}, {}).steps == ()
    assert longest_way({"a": (), "b": ("a",)}, {"b": _days(2)}).steps == ("b",)


def test_promises_that_exceed_that_of_the_whole_are_refused() -> None:
    limits = "limits: {promised: 4 working days}\nsections:"
    files = package(manifest=("sections:", limits))
    text = files["scenario.yaml"].decode()
    text = text.replace("    undo: none\n", "    undo: none\n    limits: {promised: 2 working days}\n", 1)
    text = text.replace("    pivot: true\n", "    pivot: true\n    limits: {promised: 24 hours}\n", 1)
    assert faults_of({**files, "scenario.yaml": text.encode()}) == {}
    text = text.replace("24 hours", "3 working days")
    found = faults_of({**files, "scenario.yaml": text.encode()})
    assert list(found) == ["scenario.yaml:9:20 limits.promised"]
    assert "check 2 working days + deliver 3 working days" in found["scenario.yaml:9:20 limits.promised"]


def test_a_pre_check_comes_before_the_time_of_the_whole() -> None:
    text = package(manifest=("sections:", "limits: {promised: 4 working days}\nsections:"))["scenario.yaml"].decode()
    three = "    limits: {promised: 3 working days}\n"
    text = text.replace("    undo: none\n", f"    undo: none\n    pre_check: true\n{three}", 1)
    text = text.replace("    pivot: true\n", f"    pivot: true\n{three}", 1)
    assert faults_of({**package(), "scenario.yaml": text.encode()}) == {}
