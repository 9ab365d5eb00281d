"""Forms that are too much: for a condition, or at all."""

import json

import pytest

from chassis.problems import Invalid
from duokua.data import to_struct
from services.cases.applications import LARGEST_FORM
from services.cases.expressions import Condition, Expression, ExpressionFaultError
from services.cases.messages import form_of


def test_a_condition_that_gives_up_on_a_form_is_a_fault_of_its_own_kind() -> None:
    condition = Condition("form.tags.all(t, t > 0)")
    assert condition.holds({"tags": [1, 2]})
    with pytest.raises(ExpressionFaultError, match=r"form\.tags\.all"):
        condition.holds({"tags": [1] * 50_000})


def test_a_condition_that_says_neither_true_nor_false_is_a_fault() -> None:
    with pytest.raises(ExpressionFaultError, match="neither true nor false"):
        Condition("form.open").holds({"open": "yes"})


def test_a_form_is_taken_up_to_its_limit() -> None:
    assert form_of(to_struct({"text": "x" * 1000})) == {"text": "x" * 1000}
    with pytest.raises(Invalid) as refused:
        form_of(to_struct({"text": "x" * LARGEST_FORM}))
    assert [fault.field for fault in refused.value.violations] == ["form"]


STEPS = {"house-hold": {"status": "completed", "result": {"id_number": "33", "children": [{"order": 1}], "size": 3}}}


def test_an_expression_reads_the_form_and_earlier_steps() -> None:
    given = Expression('form.owner + "/" + steps["house-hold"].result.id_number').value({"owner": "李雷"}, STEPS)
    assert given == "李雷/33"


def test_what_an_expression_gives_is_plain_data() -> None:
    given = Expression('{"all": steps["house-hold"].result.children, "form": form.tags}').value({"tags": [None]}, STEPS)
    assert json.loads(json.dumps(given)) == {"all": [{"order": 1}], "form": [None]}


@pytest.mark.parametrize(
    "text", ['steps["house-hold"].result.card', 'steps["other"].status', "form.size / 0", "form.huge"]
)
def test_an_error_is_never_taken_for_text(text: str) -> None:
    with pytest.raises(ExpressionFaultError):
        Expression(text).value({"size": 3, "huge": 10**30}, STEPS)
