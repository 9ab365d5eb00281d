"""Reminders (催办) and supervision (督办): by whom, how often, and who above is told."""

import itertools
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.cases.domain.case import StepStatus
from services.cases.domain.clocks import Limit, Unit, start
from services.cases.domain.effects import Announce, StepUrged
from services.cases.domain.inputs import ClockTurned, Routed, RoutingDecision, Urged
from services.cases.domain.proceedings import CaseClock, ClockKind, Urge, UrgeKind
from services.cases.domain.reckoning import Light
from services.cases.domain.snapshot import from_json, to_json
from services.cases.domain.turn import Turn
from services.cases.domain.urging import MOST_URGES, PAUSE, light_turned
from tests.cases.domain.holding_up import ask, suspend
from tests.cases.domain.laws import all_laws_hold
from tests.cases.domain.plans import a_plan, a_step
from tests.cases.domain.saga import Saga, a_running_restaurant
from tests.cases.domain.test_timing import DAY, a_timed_case

URGE, SUPERVISE = UrgeKind.URGE, UrgeKind.SUPERVISE


def urge(saga: Saga, step_id: str = "food", kind: UrgeKind = URGE) -> Urge:
    assert saga.take(Urged(step_id, kind, "the opening is on Friday")).changed
    return saga.case.proceedings.urges[-1]


def under(*superiors: str) -> Saga:
    """One step at an office with these organs above it."""
    saga = Saga(a_plan(a_step("food"))).submitted()
    saga.take(Routed(1, (RoutingDecision("food", "county", "County", "near", superiors),)))
    return saga


def turned(saga: Saga, light: Light, step_id: str = "food", kind: ClockKind = ClockKind.STATUTORY) -> list[StepUrged]:
    """What follows when the light of a clock turns; the case stays as it is."""
    turn = Turn(saga.plan, saga.case, saga.now)
    clock = start(saga.now, Limit(5, Unit.WORKING_DAY))
    light_turned(turn, CaseClock(f"{step_id}:{kind}", step_id, kind, clock, light))
    saga.current = turn.after()
    events = [effect.event for effect in turn.effects if isinstance(effect, Announce)]
    return [event for event in events if isinstance(event, StepUrged)]


def test_an_urge_reminds_the_office_and_tells_nobody_above() -> None:
    saga = a_running_restaurant()
    told = urge(saga)
    assert told == Urge(URGE, "food", "office of food", saga.now, "the opening is on Friday")
    assert saga.effects[-1] == Announce(StepUrged("food", told))
    assert from_json(to_json(saga.case)) == saga.case
    all_laws_hold(saga)


def test_supervision_climbs_one_organ_at_a_time_and_stays_at_the_top() -> None:
    saga = under("city", "province")
    told = []
    for _ in range(4):
        told.append(urge(saga, kind=SUPERVISE).superior_id)
        saga.later(PAUSE)
    assert told == ["city", "province", "province", "province"]


def test_the_next_office_of_a_step_begins_with_its_own_superior() -> None:
    saga = a_running_restaurant()
    assert urge(saga, kind=SUPERVISE).superior_id == "above office of food"
    saga.send_back("food").routed()
    assert urge(saga, kind=SUPERVISE).superior_id == "above office 2 of food"


def test_one_kind_is_said_once_an_hour_and_the_other_may_follow_at_once() -> None:
    saga = a_running_restaurant()
    urge(saga)
    saga.is_refused(Urged("food", URGE, "again"), "URGED_JUST_NOW")
    urge(saga, kind=SUPERVISE)
    urge(saga, "sign")
    saga.later(PAUSE - timedelta(seconds=1)).is_refused(Urged("food", URGE, "again"), "URGED_JUST_NOW")
    saga.later(timedelta(seconds=1))
    urge(saga)


def test_who_has_urged_very_often_has_to_do_something_else() -> None:
    saga = a_running_restaurant()
    for _ in range(MOST_URGES):
        urge(saga)
        saga.later(PAUSE)
    saga.is_refused(Urged("food", URGE, "again"), "URGED_TOO_OFTEN")
    saga.is_refused(Urged("food", SUPERVISE, "again"), "URGED_TOO_OFTEN")
    assert [event.urge.automatic for event in turned(saga, Light.RED)] == [True], "a clock still says what it has to"


def test_without_anybody_above_there_is_nothing_to_supervise() -> None:
    saga = under()
    saga.is_refused(Urged("food", SUPERVISE, "late"), "NO_SUPERIOR")
    assert urge(saga).superior_id == ""


def test_a_step_is_urged_while_somebody_has_it_or_is_to_get_it() -> None:
    saga = a_running_restaurant()
    ask(saga, "food")
    suspend(saga, "sign")
    saga.send_back("fire")
    statuses = {step_id: saga.step(step_id).status for step_id in ("food", "sign", "fire")}
    assert statuses == {
        "food": StepStatus.CORRECTING,
        "sign": StepStatus.SUSPENDED,
        "fire": StepStatus.ROUTING,
    }
    assert [urge(saga, step_id).organ_id for step_id in statuses] == ["office of food", "office of sign", ""]


def test_what_nobody_works_on_is_not_urged() -> None:
    saga = a_running_restaurant()
    saga.is_refused(Urged("check", URGE, "done"), "NOTHING_TO_URGE")
    saga.is_refused(Urged("hand-over", URGE, "waits"), "NOTHING_TO_URGE")
    saga.is_refused(Urged("nowhere", URGE, "no such step"), "STEP_NOT_FOUND")
    saga.refuse("food")
    saga.is_refused(Urged("sign", URGE, "over"), "CASE_ENDED")


def test_an_undo_is_urged_like_anything_else() -> None:
    saga = a_running_restaurant().complete("food").refuse("fire")
    assert urge(saga).organ_id == "office of food"


def test_yellow_urges_and_red_has_the_superior_told() -> None:
    saga = a_running_restaurant()
    (yellow,) = turned(saga, Light.YELLOW)
    assert (yellow.urge.kind, yellow.urge.automatic, yellow.urge.superior_id) == (URGE, True, "")
    assert yellow.urge.reason == "法定期限即将届满"
    (red,) = turned(saga, Light.RED, kind=ClockKind.PROMISED)
    assert (red.urge.kind, red.urge.superior_id) == (SUPERVISE, "above office of food")
    assert red.urge.reason == "承诺期限已届满"
    assert (yellow.late, red.late) == (False, True)
    assert [each.kind for each in saga.case.proceedings.urges] == [URGE, SUPERVISE]


def test_other_clocks_and_other_lights_urge_nobody() -> None:
    saga = a_running_restaurant()
    for light in (Light.GREEN, Light.UNKNOWN):
        assert turned(saga, light) == []
    for kind in (ClockKind.ACCEPTANCE, ClockKind.CORRECTION, ClockKind.FOLLOW_UP):
        assert turned(saga, Light.RED, kind=kind) == []


def test_a_clock_of_the_bundle_urges_the_steps_that_hold_it_up_and_no_other() -> None:
    saga = a_running_restaurant()
    ask(saga, "food")
    events = turned(saga, Light.RED, step_id="")
    assert [(event.step_id, event.urge.superior_id) for event in events] == [
        ("sign", "above office of sign"),
        ("fire", "above office of fire"),
    ]
    assert not any(event.late for event in events), "no limit of these steps themselves is over"
    assert events[0].urge.reason == "整件事的法定期限已届满"


def test_two_lights_at_one_moment_tell_one_level_and_a_later_one_the_next() -> None:
    saga = under("city", "province")
    told = [event.urge.superior_id for kind in ("promised", "statutory") for event in red(saga, ClockKind(kind))]
    assert told == ["city", "city"]
    saga.later(PAUSE)
    assert [event.urge.superior_id for event in red(saga, ClockKind.STATUTORY)] == ["province"]


def red(saga: Saga, kind: ClockKind) -> list[StepUrged]:
    return turned(saga, Light.RED, kind=kind)


def test_a_red_light_without_anybody_above_is_told_all_the_same() -> None:
    (event,) = turned(under(), Light.RED)
    assert (event.urge.kind, event.urge.superior_id, event.late) == (SUPERVISE, "", True)


def test_the_lights_of_a_case_urge_each_once() -> None:
    saga = a_timed_case().accept("food").later(15 * DAY)
    yellow, red = (ClockTurned("food:statutory", light) for light in (Light.YELLOW, Light.RED))
    for light in (yellow, red):
        assert saga.take(light).changed
        assert not saga.take(light).changed
    assert [(each.kind, each.superior_id) for each in saga.case.proceedings.urges] == [
        (URGE, ""),
        (SUPERVISE, "above office of food"),
    ]
    assert saga.announced()[-2:] == ["StepUrged food", "StepUrged food"]
    all_laws_hold(saga)


@given(
    st.lists(st.sampled_from(["city", "province", "ministry"]), unique=True),
    st.lists(st.tuples(st.booleans(), st.integers(0, 120)), max_size=12),
)
def test_escalation_climbs_one_level_at_a_time_and_stops_at_the_top(
    chain: list[str], urges: list[tuple[bool, int]]
) -> None:
    saga = under(*chain)
    levels: list[int] = []
    for by_hand, minutes in urges:
        saga.later(timedelta(minutes=minutes))
        if not by_hand:
            events = turned(saga, Light.RED)
            levels += [chain.index(event.urge.superior_id) for event in events if chain]
            continue
        last = [each.at for each in saga.case.proceedings.urges]
        if not chain:
            saga.is_refused(Urged("food", SUPERVISE, "late"), "NO_SUPERIOR", "URGED_JUST_NOW")
        elif last and saga.now < last[-1] + PAUSE:
            saga.is_refused(Urged("food", SUPERVISE, "late"), "URGED_JUST_NOW")
        else:
            levels.append(chain.index(urge(saga, kind=SUPERVISE).superior_id))
    assert levels[:1] in ([], [0])
    for below, above in itertools.pairwise(levels):
        assert above in (below, below + 1)
    assert all(level < len(chain) for level in levels)
