"""Numbers with a check digit, by their standards."""

import pytest
from stdnum.cn import ric

from services.cases.formats import is_resident_id, is_uscc


@pytest.mark.parametrize("number", ["330106199203072348", "33010619900101123X", "110101200002290019"])
def test_a_resident_id_with_its_check_character_is_one(number: str) -> None:
    number = number[:-1] + ric.calc_check_digit(number)
    assert is_resident_id(number)
    assert not any(is_resident_id(number[:-1] + other) for other in "0123456789X" if other != number[-1])


@pytest.mark.parametrize(
    "text",
    ["", "33010619920307234", "3301061992030723480", "33010619900101123x", "33010619920307234８"],
)
def test_other_texts_are_no_resident_id(text: str) -> None:
    assert not is_resident_id(text)


@pytest.mark.parametrize("born", ["19900230", "19901301", "00000101"])
def test_a_day_that_never_was_makes_no_resident_id_though_its_check_character_is_right(born: str) -> None:
    number = f"330106{born}123"
    assert not is_resident_id(number + ric.calc_check_digit(number + "0"))


def test_a_region_that_is_not_known_any_more_does_not_matter() -> None:
    number = "83000019900101123"
    assert is_resident_id(number + ric.calc_check_digit(number + "0"))


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("91330106MA2EXAMP1E", True),
        ("91330106MA2EXAMP1F", False),
        ("91330106ma2examp1e", False),
        ("91330106MA2E XAMP1E", False),
        ("", False),
        ("9" * 40, False),
    ],
)
def test_a_unified_social_credit_code_is_told_by_its_check_character(text: str, right: bool) -> None:  # noqa: FBT001 - a case of the table
    assert is_uscc(text) is right
