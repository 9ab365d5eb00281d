"""Forms that are too much: for a condition, or at all."""

import pytest

from chassis.problems import Invalid
from duokua.data import to_struct
from services.cases.conditions import Condition, ConditionFaultError
from services.cases.messages import LARGEST_FORM, form_of


def test_a_condition_that_gives_up_on_a_form_is_a_fault_of_its_own_kind() -> None:
    condition = Condition("form.tags.all(t, t > 0)")
    assert condition.holds({"tags": [1, 2]})
    with pytest.raises(ConditionFaultError, match=r"form\.tags\.all"):
        condition.holds({"tags": [1] * 50_000})


def test_a_condition_that_says_neither_true_nor_false_is_a_fault() -> None:
    with pytest.raises(ConditionFaultError, match="neither true nor false"):
        Condition("form.open").holds({"open": "yes"})


def test_a_form_is_taken_up_to_its_limit() -> None:
    assert form_of(to_struct({"text": "x" * 1000})) == {"text": "x" * 1000}
    with pytest.raises(Invalid) as refused:
        form_of(to_struct({"text": "x" * LARGEST_FORM}))
    assert [fault.field for fault in refused.value.violations] == ["form"]
