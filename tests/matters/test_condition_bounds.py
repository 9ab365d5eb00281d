"""A condition that is accepted is decided soon, whatever the applicant writes into the form."""

import json
import time

import pytest

from services.cases.expressions import Condition
from tests.matters.builders import faults_of, package

LOOP = "has(form.shop.tags) && form.shop.tags."


def condition_faults(condition: str) -> dict[str, str]:
    """Faults of the builders' package with this condition."""
    return faults_of(package(manifest=("form.shop.area > 300", json.dumps(condition))))


@pytest.mark.parametrize(
    ("condition", "remedy"),
    [
        (LOOP + "all(t, t in form.shop.tags)", "again for every item"),
        (LOOP + "all(t, form.shop.tags == form.shop.tags)", "again for every item"),
        (LOOP + "all(t, form.owner.contains(t))", "again for every item"),
        (LOOP + "all(t, form.owner == form.shop.region)", "again for every item"),
        (LOOP + "all(t, form.shop == form.shop)", "again for every item"),
        (LOOP + "all(t, t in [t].map(u, u))", "write the list out"),
        (LOOP + "filter(t, t != 'a').exists(t, t == 'b')", "one at a time"),
        (LOOP + r"all(t, t.matches('a+'))", "for every item"),
        ("form.owner.matches(form.shop.region)", "write the pattern out"),
        ("form.owner.matches('a' + 'b')", "write the pattern out"),
        (r"form.owner.matches('(?:\\p{L}{40}x){8}')", "pattern"),
        (r"form.owner.matches('[a-z]{1000}[a-z]{1000}')", "too large"),
        ("matches(form.owner, form.shop.region)", "write the pattern out"),
        ("form.owner.matches('(?=a)')", "cannot be used"),
    ],
)
def test_a_condition_that_multiplies_is_refused(condition: str, remedy: str) -> None:
    faults = condition_faults(condition)
    assert any(remedy in message for message in faults.values()), faults


def filled(piece: str, joint: str) -> str:
    """As many pieces as 500 characters hold."""
    count = (500 + len(joint)) // (len(piece) + len(joint))
    return joint.join([piece] * count)


WORST = [
    "has(form.shop.tags) && (" + filled("form.shop.tags.all(t,t!='z')", "&&")[:470].rpartition("&&")[0] + ")",
    "has(form.shop.tags) && (" + filled("form.shop.tags==form.shop.tags", "&&")[:470].rpartition("&&")[0] + ")",
    "(" + "+".join(["form.owner"] * 20) + ") != 'z'",
    filled("form.owner.matches('(a*)*b{9}$')", "||"),
    filled("form.owner.contains('aaaaaaaaab')", "||"),
    "has(form.shop.tags) && form.shop.tags.map(t, t + t + t).size() > 3",
    "has(form.shop.tags) && form.shop.tags.all(t, t in ['a', 'b'] || form.shop.area > 3)",
]


@pytest.mark.parametrize("condition", WORST)
def test_the_worst_conditions_over_a_large_form_are_decided_within_seconds(condition: str) -> None:
    assert condition_faults(condition) == {}
    condition_of_case = Condition(condition)
    # The library's own budget is 10,000 turns in all of a condition's loops.
    tags = [f"tag {number} " + "a" * 500 for number in range(600)]
    form = {"owner": "a" * 200_000, "shop": {"area": 12.5, "region": "330106", "tags": tags}}
    started = time.process_time()
    condition_of_case.holds(form)
    assert time.process_time() - started < 3
