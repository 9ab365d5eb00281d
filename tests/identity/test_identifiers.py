import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from stdnum.cn import ric, uscc

from chassis.problems import Invalid
from services.identity.domain.identifiers import check_resident_number, check_uscc, is_region_code, mask
from tests.identity.builders import LI_LEI, OFFICE_USCC

BODY = st.text("0123456789ABCDEFGHJKLMNPQRTUWXY", min_size=9, max_size=9)
DIGITS = st.text("0123456789", min_size=6, max_size=6)


def refusal(check: object, number: str) -> tuple[str, str, str]:
    assert callable(check)
    with pytest.raises(Invalid) as caught:
        check(number, "organ.uscc")
    (violation,) = caught.value.violations
    return caught.value.reason, violation.field, violation.description


@given(st.sampled_from(["11", "91", "N2", "Y1"]), DIGITS, BODY)
def test_a_social_credit_code_with_its_check_character_is_taken(start: str, region: str, body: str) -> None:
    number = start + region + body
    number += uscc.calc_check_digit(number)
    assert check_uscc(number, "uscc") == number


@given(st.sampled_from(["11", "91"]), DIGITS, BODY, st.sampled_from("0123456789ABCDEFGHJKLMNPQRTUWXY"))
def test_a_wrong_check_character_of_a_social_credit_code_is_refused_with_the_right_one(
    start: str, region: str, body: str, given_check: str
) -> None:
    right = uscc.calc_check_digit(start + region + body)
    assume(given_check != right)
    assert refusal(check_uscc, start + region + body + given_check) == (
        "BAD_USCC",
        "organ.uscc",
        f"the check character should be {right}, not {given_check}",
    )


@pytest.mark.parametrize(
    "number",
    [
        "",
        "11330106",
        OFFICE_USCC + "1",
        "I" + OFFICE_USCC[1:],
        OFFICE_USCC[:-2] + "Z2",
        OFFICE_USCC[:5] + "A" + OFFICE_USCC[6:],
        "１" + OFFICE_USCC[1:],
    ],
)
def test_a_social_credit_code_of_another_form_is_refused(number: str) -> None:
    assert refusal(check_uscc, number)[0] == "BAD_USCC"


def test_small_letters_are_taken_as_capitals() -> None:
    assert check_uscc("91330106ma2ax1234u", "uscc") == "91330106MA2AX1234U"
    assert check_resident_number("11010519491231002x", "number") == "11010519491231002X"


def test_the_example_of_gb_11643_is_a_resident_number() -> None:
    assert check_resident_number("11010519491231002X", "number") == "11010519491231002X"


def test_a_residence_permit_of_taiwan_is_a_resident_number() -> None:
    number = "83000019900307123"
    number += ric.calc_check_digit(number + "0")
    assert check_resident_number(number, "number") == number


def test_a_wrong_check_character_of_a_resident_number_is_refused_with_the_right_one() -> None:
    reason, _, expectation = refusal(check_resident_number, LI_LEI[:-1] + "X")
    assert reason == "BAD_RESIDENT_NUMBER"
    assert expectation == f"the check character should be {LI_LEI[-1]}, not X"


def test_a_resident_number_without_a_birth_date_is_refused() -> None:
    number = "33010619901307123"
    number += ric.calc_check_digit(number + "0")
    assert "birth date" in refusal(check_resident_number, number)[2]


@pytest.mark.parametrize("number", ["", "330106900307123", LI_LEI + "1", "33010619900307123A", "X30106199003071236"])
def test_a_resident_number_of_another_form_is_refused(number: str) -> None:
    assert refusal(check_resident_number, number)[0] == "BAD_RESIDENT_NUMBER"


@given(st.from_regex(r"[0-9]{17}[0-9X]", fullmatch=True))
def test_a_refusal_never_repeats_the_number(number: str) -> None:
    assume(number[-1] != ric.calc_check_digit(number))
    with pytest.raises(Invalid) as caught:
        check_resident_number(number, "identity_number")
    assert number not in f"{caught.value!s} {caught.value.metadata} {caught.value.violations}"


def test_a_masked_number_shows_its_ends_only() -> None:
    assert mask(LI_LEI) == "330***********1236"


@pytest.mark.parametrize("code", ["", "33010", "3301066", "33010a", "33010６"])
def test_a_region_code_has_six_digits(code: str) -> None:
    assert is_region_code("330106")
    assert not is_region_code(code)
