"""The life of a licence, and its days."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.clock import day_of
from chassis.problems import Conflict
from services.licences.domain.life import ENDINGS, FINAL, IN_USE, Act, Status, after, standing
from services.licences.domain.validity import day_from, end_of, last_day

acts = st.sampled_from([act for act in Act if act is not Act.ISSUED])
days = st.dates(date(1950, 1, 1), date(2100, 12, 31))


@given(st.lists(acts, max_size=12))
def test_nothing_leads_away_from_an_end(lived: list[Act]) -> None:
    status, ended = Status.VALID, None
    for act in lived:
        try:
            status = after(status, act)
        except Conflict:
            continue
        assert ended is None
        ended = status if status in FINAL else None


@pytest.mark.parametrize("status", sorted(FINAL))
@pytest.mark.parametrize("act", [act for act in Act if act is not Act.ISSUED])
def test_what_has_ended_stays_ended(status: Status, act: Act) -> None:
    with pytest.raises(Conflict) as raised:
        after(status, act)
    assert raised.value.reason == "LICENCE_ENDED"


@pytest.mark.parametrize("ending", sorted(ENDINGS))
@pytest.mark.parametrize("status", [*sorted(IN_USE), Status.EXPIRED])
def test_an_organ_can_end_what_has_not_ended(status: Status, ending: Status) -> None:
    assert after(status, ENDINGS[ending]) is ending


@pytest.mark.parametrize(
    ("status", "act", "following"),
    [
        (Status.VALID, Act.HELD, Status.HELD),
        (Status.HELD, Act.RELEASED, Status.VALID),
        (Status.HELD, Act.EXPIRED, Status.EXPIRED),
        (Status.VALID, Act.RENEWED, Status.CANCELLED),
        (Status.EXPIRED, Act.RENEWED, Status.EXPIRED),
    ],
)
def test_acts_lead_where_they_should(status: Status, act: Act, following: Status) -> None:
    assert after(status, act) is following


@pytest.mark.parametrize(
    ("status", "act", "reason"),
    [
        (Status.HELD, Act.HELD, "LICENCE_HELD"),
        (Status.HELD, Act.RENEWED, "LICENCE_HELD"),
        (Status.VALID, Act.RELEASED, "LICENCE_NOT_HELD"),
        (Status.EXPIRED, Act.RELEASED, "LICENCE_ENDED"),
        (Status.EXPIRED, Act.HELD, "LICENCE_ENDED"),
    ],
)
def test_an_act_that_is_not_possible_says_why(status: Status, act: Act, reason: str) -> None:
    with pytest.raises(Conflict) as raised:
        after(status, act)
    assert raised.value.reason == reason


@given(st.sampled_from(Status), days, days)
def test_only_what_is_in_use_expires_and_only_after_its_last_day(status: Status, last: date, today: date) -> None:
    expired = status in IN_USE and today > last
    assert standing(status, last, today) is (Status.EXPIRED if expired else status)
    assert standing(status, None, today) is status


@given(days, st.integers(1, 1200))
def test_months_end_the_day_before_the_same_number_or_with_the_month(first: date, months: int) -> None:
    last = last_day(first, months)
    assert last is not None
    following = last + timedelta(days=1)
    assert (following.year * 12 + following.month) - (first.year * 12 + first.month) in (months, months + 1)
    assert following.day in (first.day, 1)


@pytest.mark.parametrize(
    ("first", "months", "last"),
    [
        (date(2026, 6, 1), 60, date(2031, 5, 31)),
        (date(2026, 6, 15), 12, date(2027, 6, 14)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2026, 1, 1), 12, date(2026, 12, 31)),
    ],
)
def test_last_days_by_hand(first: date, months: int, last: date) -> None:
    assert last_day(first, months) == last


def test_no_months_are_without_end() -> None:
    assert last_day(date(2026, 6, 1), 0) is None


def test_a_day_begins_and_ends_in_beijing() -> None:
    assert day_of(datetime(2026, 5, 31, 16, 0, tzinfo=UTC)) == date(2026, 6, 1)
    assert end_of(date(2026, 5, 31)) == datetime(2026, 5, 31, 16, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["2026-W05-6", "2026-02-29", "20260131", "2026-1-31", "２０２６-01-31", "2026-01-31 ", ""]
)
def test_what_is_no_day_as_the_country_writes_it_is_none(text: str) -> None:
    assert day_from(text) is None


@given(days)
def test_a_day_is_read_as_it_is_written(day: date) -> None:
    assert day_from(day.isoformat()) == day
