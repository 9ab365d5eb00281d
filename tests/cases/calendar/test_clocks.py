"""What can happen to a clock, and that it is kept without loss."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from services.cases.domain import clocks
from services.cases.domain.clocks import (
    ACCEPTANCE,
    BUNDLE,
    DECISION,
    Clock,
    Limit,
    LimitKind,
    StopKind,
    Unit,
    end,
    extend,
    resume,
    start,
    stop,
)
from services.cases.domain.codec import decode, encode
from services.cases.domain.refusal import Refusal
from tests.cases.calendar.days import at

BEGIN = at("2026-09-07 09:00")


def a_stop(clock: Clock, when: datetime = BEGIN, stop_id: str = "t1", kind: StopKind = StopKind.CORRECTION) -> Clock:
    return stop(clock, when, stop_id, kind)


def test_a_clock_stands_still_until_all_that_stopped_it_is_over() -> None:
    clock = start(BEGIN, DECISION)
    assert not clock.stopped
    clock = a_stop(clock)
    clock = a_stop(clock, stop_id="t2", kind=StopKind.HEARING)
    assert clock.stopped
    clock = resume(clock, BEGIN, "t1")
    assert clock.stopped
    clock = resume(clock, BEGIN, "t2")
    assert not clock.stopped
    assert [each.kind for each in clock.stops] == [StopKind.CORRECTION, StopKind.HEARING]


def test_the_same_may_stop_a_clock_again_once_it_was_over() -> None:
    clock = resume(a_stop(start(BEGIN, DECISION)), BEGIN, "t1")
    clock = a_stop(clock, at("2026-09-08"))
    clock = resume(clock, at("2026-09-09"), "t1")
    assert [each.resumed_at for each in clock.stops] == [BEGIN, at("2026-09-09")]


def test_what_does_not_fit_is_refused() -> None:
    running = start(BEGIN, DECISION)
    with pytest.raises(Refusal, match="CLOCK_STOPPED: t1"):
        a_stop(a_stop(running))
    with pytest.raises(Refusal, match="CLOCK_NOT_STOPPED: t1"):
        resume(running, BEGIN, "t1")
    with pytest.raises(Refusal, match="CLOCK_NOT_STOPPED: t2"):
        resume(a_stop(running), BEGIN, "t2")


def test_a_clock_that_has_ended_never_changes() -> None:
    ended = end(a_stop(start(BEGIN, DECISION)), at("2026-09-08"))
    acts: list[Callable[[], Clock]] = [
        lambda: a_stop(ended, stop_id="t2"),
        lambda: resume(ended, BEGIN, "t1"),
        lambda: extend(ended, BEGIN, 1, "疑难", "局长"),
        lambda: end(ended, BEGIN),
    ]
    for act in acts:
        with pytest.raises(Refusal, match="CLOCK_ENDED"):
            act()


def test_an_extension_is_kept_with_reason_and_authority_and_is_the_only_one() -> None:
    clock = extend(start(BEGIN, BUNDLE), at("2026-09-08"), 10, "材料复杂", "分管副市长")
    assert clock.amount == 55
    (extension,) = clock.extensions
    assert (extension.reason, extension.authority, extension.granted_at) == ("材料复杂", "分管副市长", at("2026-09-08"))
    with pytest.raises(Refusal, match="ALREADY_EXTENDED: the limit was extended by 10 working days at 2026-09-0"):
        extend(clock, BEGIN, 5, "再延", "市长")
    with pytest.raises(
        Refusal, match="EXTENSION_TOO_LONG: an extension by 16 working days is too long: 15 are the most"
    ):
        extend(start(BEGIN, BUNDLE), BEGIN, 16, "再延", "市长")


def test_a_limit_without_an_extension_has_none() -> None:
    with pytest.raises(Refusal, match="EXTENSION_TOO_LONG"):
        extend(start(BEGIN, ACCEPTANCE), BEGIN, 1, "疑难", "局长")


@pytest.mark.parametrize("amount", [0, -1])
def test_an_extension_is_more_time(amount: int) -> None:
    with pytest.raises(Refusal, match="EXTENSION_TOO_SHORT: an extension is 1 or more"):
        extend(start(BEGIN, DECISION), BEGIN, amount, "疑难", "局长")


@pytest.mark.parametrize(
    ("amount", "unit", "longest"),
    [
        (0, Unit.WORKING_DAY, 0),
        (-5, Unit.HOUR, 0),
        (5, Unit.WORKING_DAY, -1),
        (36_526, Unit.CALENDAR_DAY, 0),
        (1, Unit.MONTH, 1_201),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(amount: int, unit: Unit, longest: int) -> None:
    with pytest.raises(ValueError, match="a limit has 1 to"):
        Limit(amount, unit, longest_extension=longest)


def test_a_clock_needs_a_time_with_its_zone() -> None:
    with pytest.raises(ValueError, match="zone"):
        start(datetime(2026, 9, 7), DECISION)  # noqa: DTZ001 - that it has none is the point


def test_an_event_from_a_machine_whose_time_is_behind_happens_with_the_one_before() -> None:
    behind = BEGIN - timedelta(seconds=2)
    clock = resume(a_stop(start(BEGIN, DECISION), behind), behind, "t1")
    assert [(each.stopped_at, each.resumed_at) for each in clock.stops] == [(BEGIN, BEGIN)]
    assert extend(clock, behind, 1, "疑难", "局长").extensions[0].granted_at == BEGIN
    assert end(clock, behind).ended_at == BEGIN


@pytest.mark.parametrize("unit", Unit)
@pytest.mark.parametrize("kind", LimitKind)
def test_a_clock_is_read_back_from_json_as_it_was(unit: Unit, kind: LimitKind) -> None:
    bare = start(BEGIN, Limit(3, unit, kind, 2))
    full = extend(a_stop(bare), at("2026-09-08"), 2, "疑难", "局长")
    full = a_stop(resume(full, at("2026-09-09 10:11:12.345"), "t1"), at("2026-09-10"), "t2", StopKind.PUBLICITY)
    for clock in (bare, full, end(full, at("2026-09-11"))):
        assert decode(Clock, json.loads(json.dumps(encode(clock)))) == clock
    assert set(encode(bare)) == {"started_at", "limit"}


def test_units_and_stops_are_in_the_order_of_their_codes() -> None:
    # Time-limit unit: 1 working day 2 calendar day 3 hour 4 minute 5 month.
    assert [str(unit) for unit in Unit] == ["working_day", "calendar_day", "hour", "minute", "month"]
    assert [str(kind) for kind in StopKind][:5] == ["correction", "hearing", "publicity", "verification", "suspended"]


def test_the_limits_of_the_law_are_those_of_the_law() -> None:
    told = {name: getattr(clocks, name) for name in ("ACCEPTANCE", "DECISION", "BUNDLE", "REVIEW", "DELIVERY")}
    assert {name: (limit.amount, limit.longest_extension) for name, limit in told.items()} == {
        "ACCEPTANCE": (5, 0),
        "DECISION": (20, 10),
        "BUNDLE": (45, 15),
        "REVIEW": (20, 0),
        "DELIVERY": (10, 0),
    }
    assert {limit.unit for limit in told.values()} == {Unit.WORKING_DAY}
