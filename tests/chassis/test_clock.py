"""Days are those of China, wherever the machine is."""

from datetime import UTC, date, datetime, time, timedelta

from chassis.clock import day_of, instant_of

MIDNIGHT = datetime(2026, 3, 1, 16, tzinfo=UTC)


def test_a_day_begins_at_midnight_in_china() -> None:
    assert day_of(MIDNIGHT) == date(2026, 3, 2)
    assert day_of(MIDNIGHT - timedelta(milliseconds=1)) == date(2026, 3, 1)


def test_a_time_of_a_day_is_one_instant() -> None:
    assert instant_of(date(2026, 3, 2)) == MIDNIGHT
    assert instant_of(date(2026, 3, 2), time(17, 30)) == MIDNIGHT + timedelta(hours=17.5)
    assert instant_of(date(2026, 3, 2)).tzinfo is UTC
