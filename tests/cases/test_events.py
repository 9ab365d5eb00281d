"""What other services tell the cases, and what they are told."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from chassis.clock import new_id
from chassis.database import Database
from chassis.paging import page
from chassis.problems import NotFound
from chassis.testing import ManualClock
from duokua.data import from_struct
from duokua.eseal.v1 import events_pb2 as eseal_events
from duokua.routing.v1 import events_pb2 as routing_events
from services.cases import store
from services.cases.domain.decide import replay
from services.cases.domain.history import read_entry, verify
from services.cases.domain.inputs import from_json
from services.cases.operations import Filter
from tests.cases.builders import Town, a_bundle, a_form, accepting, completing, failing, refusing, returning, taken


def test_steps_without_an_office_wait_for_an_operator(town: Town) -> None:
    case_id = town.submit()
    town.route(case_id, without=["food"])
    (opened,) = town.events("IncidentOpened")
    assert (opened.reason, opened.step.step_id, opened.case.version) == ("NO_OFFICE", "food", 2)
    with town.database.begin() as work:
        town.retry(work, opened.incident_id)
    town.route(case_id)
    town.complete("check")
    town.complete("food")
    assert town.row(case_id).open_incidents == 0


def test_a_repeated_and_a_late_answer_of_routing_change_nothing(town: Town) -> None:
    case_id = town.submit()
    town.route(case_id)
    before = town.row(case_id)
    town.route(case_id, request_no=1)
    event = routing_events.StepsRouted(case_id=case_id, request_no=7)
    event.decisions.add(step_id="check", organ_id="elsewhere")
    with town.database.begin() as work:
        town.cases.take_routes(work, [event, event])
    assert town.row(case_id) == before


def test_events_about_no_case_are_refused(town: Town) -> None:
    with town.database.begin() as work, pytest.raises(NotFound, match="CASE_NOT_FOUND"):
        town.cases.take_routes(work, [routing_events.StepsRouted(case_id=new_id(), request_no=1)])


def test_events_of_many_cases_are_taken_together(town: Town) -> None:
    cases = [town.submit() for _ in range(5)]
    events = []
    for case_id in cases:
        event = routing_events.StepsRouted(case_id=case_id, request_no=1)
        for step_id in ("check", "food", "sign", "deliver"):
            event.decisions.add(step_id=step_id, organ_id=step_id, organ_name=step_id)
        events.append(event)
    with town.database.begin() as work:
        town.cases.take_routes(work, [*events, *events])
    assert sorted(task.case_id for task in town.lease("check")) == sorted(cases)


def test_a_result_is_asked_to_be_sealed_with_what_its_office_sees(town: Town) -> None:
    case_id = town.running(a_form(tags=["x"]))
    town.complete("food", "sign")
    (asked,) = town.events("NoticeRequested")
    assert asked.notice_id == f"{case_id}:food:n1"
    assert (asked.title, asked.template, asked.step.organ_name) == ("准予许可", "{{ form.owner }}", "food局")
    assert from_struct(asked.form) == {"owner": "李雷", "shop": {"area": 120}}
    assert from_struct(asked.result) == {"permit": "P1"}
    assert asked.decided_at == "2026-03-02T01:00:00.000Z"


def test_a_notice_of_an_undone_step_is_withdrawn(town: Town) -> None:
    case_id = town.running()
    town.complete("food")
    town.sealed(case_id, "food")
    taken(town.answer(refusing(town.one("sign"))))
    (withdrawn,) = town.events("NoticeWithdrawn")
    assert (withdrawn.notice_id, withdrawn.reason) == (f"{case_id}:food:n1", "通道堵塞")
    assert withdrawn.step.organ_id == "food"


def test_a_notice_that_cannot_be_sealed_waits_for_an_operator_and_is_asked_for_again(town: Town) -> None:
    case_id = town.running()
    town.complete("food")
    failed = eseal_events.SealingFailed(
        notice_id=f"{case_id}:food:n1", case_id=case_id, step_id="food", reason="NO_SEAL", description="no seal."
    )
    with town.database.begin() as work:
        town.cases.take_sealing_failures(work, [failed, failed])
    (opened,) = town.events("IncidentOpened")
    assert opened.reason == "NOTICE_FAILED"
    with town.database.begin() as work:
        town.retry(work, opened.incident_id)
    assert [each.notice_id for each in town.events("NoticeRequested")] == [failed.notice_id] * 2


def test_incidents_are_listed_by_pages_oldest_first(town: Town) -> None:
    cases = sorted(town.submit() for _ in range(3))
    for case_id in cases:
        town.route(case_id, without=["food"])
    with town.database.read() as work:
        asked = page(2, "")
        found = town.operations.list_incidents(work, asked, Filter(), resolved=False)
        rows, token = asked.cut(found, lambda each: [each.row.incident_id])
        assert [each.row.case_id for each in rows] == cases[:2]
        rest = town.operations.list_incidents(work, page(2, token), Filter(), resolved=False)
        assert [each.row.case_id for each in rest] == cases[2:]
    with town.database.begin() as work:
        town.retry(work, rest[0].row.incident_id)
    with town.database.read() as work:
        assert len(town.operations.list_incidents(work, page(9, ""), Filter(), resolved=False)) == 2
        assert len(town.operations.list_incidents(work, page(9, ""), Filter(), resolved=True)) == 3


def test_cases_are_listed_newest_first_for_their_applicant_and_status(town: Town, clock: ManualClock) -> None:
    cases = []
    for applicant_id in ("p1", "p2", "p1"):
        cases.append(town.submit(applicant_id=applicant_id))
        clock.advance(seconds=1)

    def listed(applicant_id: str, status: str = "") -> list[str]:
        with town.database.read() as work:
            return [row.case_id for row in town.cases.list_cases(work, page(0, ""), applicant_id, status)]

    assert listed("") == sorted(cases, reverse=True)
    assert listed("p1", "running") == sorted((cases[0], cases[2]), reverse=True)
    assert listed("p1", "completed") == listed("p3") == []


def an_eventful_case(town: Town, clock: ManualClock) -> str:
    """A case with an input of every kind but a seal's failure."""
    case_id = town.submit(a_form(area=500, tags=["甲", "b"], depth={"z": 1, "a": [1.5, None, True, 0.1, -0.0]}))
    town.route(case_id, without=["sign"])
    with town.database.begin() as work:
        town.retry(work, f"{case_id}:i1")
    town.route(case_id)
    town.complete("check")
    clock.advance(milliseconds=1234.567)
    food = town.one("food")
    taken(town.answer(accepting(food)))
    taken(town.answer(completing(food, z=1, a={"b": 2.5, "Ä": None}, big=2.0**52, tiny=5e-324, euro="€", no=-1.25)))
    taken(town.answer(returning(town.one("sign"))))
    town.route(case_id, sign="sign2")
    taken(town.answer(failing(town.one("sign2"), timedelta(milliseconds=1500))))
    clock.advance(seconds=2)
    town.complete("sign2")
    town.sealed(case_id, "food")
    taken(town.answer(refusing(town.one("fire"))))
    town.complete("sign2")
    town.complete("food")
    town.revoked(case_id, "food")
    assert town.case(case_id).status == "undone"
    return case_id


def test_the_history_proves_and_replays_the_case(town: Town, database: Database, clock: ManualClock) -> None:
    case_id = an_eventful_case(town, clock)
    with database.read() as work:
        rows = store.history_page(work.connection, case_id, 0, 1000)
        plan = town.cases.plans.of(work.connection, "open-shop", 1).plan
    entries = [read_entry(row) for row in rows]
    assert verify(entries) is None
    assert (len(entries), entries[-1].hash) == (town.row(case_id).version, town.row(case_id).history_hash)
    replayed = replay(plan, [(from_json(row.kind, row.input), row.at) for row in rows])
    assert replayed == town.case(case_id)
    assert {row.actor for row in rows} == {"person:p1", "platform", "client:a", "client:ops"}


def test_a_changed_entry_breaks_the_chain(town: Town, database: Database, clock: ManualClock) -> None:
    case_id = an_eventful_case(town, clock)
    with database.begin() as work:
        work.connection.execute(
            store.history.update().where(store.history.c.sequence == 4).values(actor="client:somebody")
        )
    with database.read() as work:
        rows = store.history_page(work.connection, case_id, 0, 1000)
    entries = [read_entry(row) for row in rows]
    assert verify(entries) == 4


def test_the_rows_beside_the_snapshot_say_the_same(town: Town, database: Database, clock: ManualClock) -> None:
    town.publish(a_bundle(bundle_id="other"))
    cases = [an_eventful_case(town, clock), town.running(), town.submit(bundle_id="other")]
    for case_id in cases:
        case, row = town.case(case_id), town.row(case_id)
        assert (row.status, row.version, row.open_incidents) == (str(case.status), case.version, case.open_incidents)
        with database.read() as work:
            tasks = work.connection.scalars(select(store.tasks.c.task_id).where(store.tasks.c.case_id == case_id))
            assert set(tasks) == {
                task.task_id for task in case.tasks.values() if task.status in ("offered", "accepted")
            }
            incidents = work.connection.execute(select(store.incidents).where(store.incidents.c.case_id == case_id))
            assert {(each.incident_id, each.resolved_at) for each in incidents} == {
                (each.incident_id, each.resolved_at) for each in case.incidents.values()
            }
