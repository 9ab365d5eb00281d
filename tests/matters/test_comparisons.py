"""Types that never meet are told when a scenario is published, also where the form has numbers."""

import json

import pytest

from tests.matters.builders import faults_of, package


def condition_faults(condition: str) -> dict[str, str]:
    """Faults of the builders' package with this condition."""
    return faults_of(package(manifest=("form.shop.area > 300", json.dumps(condition))))


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("form.shop.area > '300'", "compares a number with text: they never meet"),
        ("'300' <= form.shop.area", "compares text with a number: they never meet"),
        ("form.shop.area == true", "compares a number with true/false: they never meet"),
        ("form.shop.area != form.shop.region", "compares a number with text: they never meet"),
        ("form.shop.area == string(form.shop.area)", "compares a number with text: they never meet"),
        ("form.shop.area in [300, '400']", "compares a number with text: they never meet"),
        ("has(form.shop.tags) && form.shop.area in form.shop.tags", "compares a number with text: they never meet"),
        ("form.shop.area > 300 || !(form.shop.area < 'z')", "compares a number with text: they never meet"),
    ],
)
def test_what_never_meets_is_not_compared(condition: str, words: str) -> None:
    ((place, message),) = condition_faults(condition).items()
    assert place.endswith("steps[1].when")
    assert message == words


@pytest.mark.parametrize(
    "condition",
    [
        "form.shop.area > 300.5",
        "form.shop.area > size(form.shop.region)",
        "form.shop.area in [300, 400.5]",
        "string(form.shop.area) == '300'",
        "has(form.shop.tags) && 'a' in form.shop.tags",
        "has(form.shop.tags) && form.shop.tags.exists(t, t == 'a')",
        "double(form.shop.area) * 2.0 > 300.0",
    ],
)
def test_what_can_meet_is_compared(condition: str) -> None:
    assert condition_faults(condition) == {}
