"""Joint visits, with what the shell does for them: tasks, events, what readers see."""

from datetime import UTC

from duokua.matters.v1 import bundle_pb2
from services.cases.messages import case_message
from tests.cases.builders import NINE, Town, a_bundle, accepting, attending, completing, refused, scheduling, taken


def a_visited_shop() -> bundle_pb2.Bundle:
    bundle = a_bundle(bundle_id="visited")
    bundle.visits.add(visit_id="site", name="联合踏勘", steps=["food", "sign"])
    return bundle


def test_offices_meet_and_decide_then_and_everybody_is_told(town: Town) -> None:
    town.publish(a_visited_shop())
    case_id = town.submit(bundle_id="visited")
    town.route(case_id)
    town.complete("check")
    food, sign = town.one("food"), town.one("sign")
    assert (food.visit.name, list(food.visit.steps), food.visit.HasField("at")) == ("联合踏勘", ["food", "sign"], False)
    taken(town.answer(accepting(food), accepting(sign), scheduling(food)))
    assert refused(town.answer(completing(food))) == ["VISIT_PENDING"]
    taken(town.answer(attending(food), attending(sign)))
    taken(town.answer(completing(food), completing(sign)))
    (scheduled,), (held,) = town.events("VisitScheduled"), town.events("VisitHeld")
    assert (scheduled.step.organ_id, [step.organ_id for step in scheduled.steps]) == ("food", ["food", "sign"])
    assert (scheduled.visit.place, scheduled.visit.at.ToDatetime(UTC)) == ("某路1号", NINE)
    assert list(held.visit.attended) == ["food", "sign"]
    row = town.row(case_id)
    with town.database.read() as work:
        plan = town.cases.plans.of(work.connection, row.bundle_id, row.bundle_version).plan
        (visit,) = case_message(row, plan, town.cases.reader(work, plan)).visits
    assert (visit.name, visit.place, list(visit.attended)) == ("联合踏勘", "某路1号", ["food", "sign"])
    assert visit.HasField("held_at")


def test_a_task_that_is_opened_later_tells_when_the_visit_is(town: Town) -> None:
    bundle = a_visited_shop()
    bundle.steps[2].after[:] = []
    town.publish(bundle)
    case_id = town.submit(bundle_id="visited")
    town.route(case_id)
    sign = town.one("sign")
    taken(town.answer(scheduling(sign)))
    town.complete("check")
    assert town.one("food").visit.at.ToDatetime(UTC) == NINE
