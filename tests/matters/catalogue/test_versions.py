"""Versions: who may do what, and which one is in force on a day."""

from dataclasses import replace
from datetime import date, timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.problems import Conflict, Forbidden, Problem
from services.matters.catalogue.domain.versions import (
    Phase,
    State,
    Version,
    discarded,
    phase_of,
    published,
    retired,
    submitted,
    timeline,
    touched,
    withdrawn,
)

DAY = date(2026, 3, 2)
LATER = DAY + timedelta(days=30)


def version(number: int = 1, state: State = State.DRAFT, **parts: object) -> Version:
    return replace(Version("code", number, state, ("editor",)), **parts)  # type: ignore[arg-type]


def reason_of(call: object) -> str:
    assert callable(call)
    with pytest.raises(Problem) as caught:
        call()
    return caught.value.reason


def test_a_draft_is_submitted_and_published_by_somebody_else() -> None:
    in_review = submitted(version(), "submitter")
    assert (in_review.state, in_review.hands) == (State.REVIEW, ("editor", "submitter"))
    done = published(in_review, "reviewer", DAY)
    assert (done.state, done.begins_on, done.last_on) == (State.PUBLISHED, DAY, None)
    assert phase_of(done, DAY) is Phase.IN_FORCE


@pytest.mark.parametrize("who", ["editor", "submitter"])
def test_who_wrote_or_submitted_may_not_publish(who: str) -> None:
    in_review = submitted(version(), "submitter")
    with pytest.raises(Forbidden) as caught:
        published(in_review, who, DAY)
    assert caught.value.reason == "FOUR_EYES"


def test_who_wrote_before_a_withdrawal_still_may_not_publish() -> None:
    again = submitted(touched(withdrawn(submitted(version(), "first")), "second"), "second")
    for who in again.hands:
        assert reason_of(partial(published, again, who, DAY)) == "FOUR_EYES"
    assert published(again, "third", DAY).state is State.PUBLISHED


@pytest.mark.parametrize(
    ("act", "allowed", "reason"),
    [
        (lambda given: submitted(given, "x"), {State.DRAFT}, "NOT_A_DRAFT"),
        (withdrawn, {State.REVIEW}, "NOT_IN_REVIEW"),
        (lambda given: published(given, "x", DAY), {State.REVIEW}, "NOT_IN_REVIEW"),
        (discarded, {State.DRAFT}, "NOT_A_DRAFT"),
    ],
)
def test_an_act_in_another_state_is_refused_by_name(act: object, allowed: set[State], reason: str) -> None:
    assert callable(act)
    for state in State:
        given_version = version(state=state)
        if state in allowed:
            act(given_version)
        else:
            assert reason_of(partial(act, given_version)) == reason


def test_what_is_in_review_cannot_be_changed() -> None:
    assert reason_of(lambda: touched(version(state=State.REVIEW), "editor")) == "IN_REVIEW"


def test_a_version_never_takes_effect_before_it_is_published() -> None:
    early = version(state=State.REVIEW, effective_on=DAY - timedelta(days=900))
    assert published(early, "x", DAY).begins_on == DAY
    planned = published(version(state=State.REVIEW, effective_on=LATER), "x", DAY)
    assert planned.begins_on == LATER
    assert [phase_of(planned, day) for day in (DAY, LATER)] == [Phase.PLANNED, Phase.IN_FORCE]


def test_what_would_end_before_it_begins_is_not_published() -> None:
    over = version(state=State.REVIEW, ends_on=DAY - timedelta(days=1))
    assert reason_of(lambda: published(over, "x", DAY)) == "END_DATE_PASSED"


def test_the_end_date_is_the_last_day_in_force() -> None:
    ending = published(version(state=State.REVIEW, ends_on=LATER), "x", DAY)
    assert [phase_of(ending, LATER + timedelta(days=more)) for more in (0, 1)] == [Phase.IN_FORCE, Phase.ENDED]


def test_retiring_ends_what_is_in_force_and_what_was_planned() -> None:
    first = version(1, State.PUBLISHED, begins_on=DAY, last_on=LATER - timedelta(days=1))
    second = version(2, State.PUBLISHED, begins_on=LATER)
    last_day = DAY + timedelta(days=5)
    changed = retired([first, second], last_day, DAY)
    assert [(each.number, each.last_on) for each in changed] == [(1, last_day), (2, last_day)]
    assert [phase_of(each, LATER) for each in changed] == [Phase.RETIRED, Phase.RETIRED]
    assert phase_of(changed[0], last_day) is Phase.IN_FORCE


def test_retiring_needs_something_to_retire_and_a_day_to_come() -> None:
    assert reason_of(lambda: retired([version()], DAY, DAY)) == "NOT_IN_FORCE"
    here = version(1, State.PUBLISHED, begins_on=DAY)
    with pytest.raises(Conflict) as caught:
        retired([here], DAY - timedelta(days=2), DAY)
    assert caught.value.reason == "DAY_PASSED"


days = st.dates(DAY, DAY + timedelta(days=20))


@given(st.lists(st.tuples(days, st.none() | st.integers(0, 10)), min_size=1, max_size=6))
def test_on_each_day_the_version_that_began_last_decides(planned: list[tuple[date, int | None]]) -> None:
    versions: list[Version] = []
    for number, (begins, length) in enumerate(planned, start=1):
        ends = None if length is None else begins + timedelta(days=length)
        versions.append(version(number, State.PUBLISHED, begins_on=begins, ends_on=ends, last_on=ends))
        last = timeline(versions)  # settled after each, as publishing does
        versions = [replace(each, last_on=last[each.number]) for each in versions]
    for more in range(35):
        day = DAY + timedelta(days=more)
        in_force = [each.number for each in versions if phase_of(each, day) is Phase.IN_FORCE]
        begun = [each for each in versions if each.begins_on and each.begins_on <= day]
        decides = max(begun, key=lambda each: (each.begins_on, each.number), default=None)
        stands = decides is not None and (decides.ends_on is None or day <= decides.ends_on)
        assert in_force == ([decides.number] if decides and stands else [])
