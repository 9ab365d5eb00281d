"""Case numbers: task code, day in Beijing, serial."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from services.cases.domain.numbers import case_number, series_of
from services.cases.domain.plan import Lead
from services.cases.domain.refusal import Refusal
from tests.cases.domain.plans import a_restaurant
from tests.cases.domain.saga import NINE


def test_a_number_is_task_code_then_day_then_serial() -> None:
    number = case_number(series_of(a_restaurant(), NINE), 7)
    assert number == "11341802003284977M4342023028000" + "20260302" + "0007"


@pytest.mark.parametrize(
    ("at", "day"),
    [
        (datetime(2026, 3, 2, 15, 59, 59, tzinfo=UTC), "20260302"),
        (datetime(2026, 3, 2, 16, 0, 0, tzinfo=UTC), "20260303"),
        (datetime(2025, 12, 31, 20, 0, 0, tzinfo=UTC), "20260101"),
    ],
)
def test_the_day_is_the_one_in_beijing(at: datetime, day: str) -> None:
    assert series_of(a_restaurant(), at).day == day


@pytest.mark.parametrize(("serial", "text"), [(1, "0001"), (9999, "9999"), (10_000, "10000"), (999_999, "999999")])
def test_serials_grow_from_four_to_six_digits(serial: int, text: str) -> None:
    series = series_of(a_restaurant(), NINE)
    number = case_number(series, serial)
    assert number == series.key + text
    assert len(series.key) == 39
    assert len(number) <= 50


def test_a_day_has_no_more_than_999999_numbers() -> None:
    with pytest.raises(Refusal, match="CASE_NUMBERS_EXHAUSTED"):
        case_number(series_of(a_restaurant(), NINE), 1_000_000)


def test_serials_count_from_one() -> None:
    with pytest.raises(ValueError, match="from 1"):
        case_number(series_of(a_restaurant(), NINE), 0)


@pytest.mark.parametrize("lead", [Lead("o", "short", 4), Lead("o", "11341802003284977M", 10), Lead("o", "", 4)])
def test_a_bundle_without_a_proper_task_code_numbers_nothing(lead: Lead) -> None:
    with pytest.raises(ValueError, match="18"):
        series_of(replace(a_restaurant(), lead=lead), NINE)


def test_a_time_without_its_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        series_of(a_restaurant(), NINE.replace(tzinfo=None))
