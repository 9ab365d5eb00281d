"""The offices' side: leases, answers, materials."""

import hashlib
from datetime import timedelta

import pytest

from chassis.clock import new_id
from chassis.problems import Conflict, Invalid, NotFound
from chassis.testing import ManualClock
from duokua.cases.v1 import task_pb2
from duokua.data import from_struct
from services.cases.domain.inputs import Accepted, Completed, Failed
from services.cases.tasks import Wish
from tests.cases.builders import (
    LEASE,
    PDF,
    Town,
    a_bundle,
    a_form,
    a_material,
    accepting,
    code,
    completing,
    failing,
    given,
    reason_of,
    refused,
    refusing,
    returning,
    tables,
    taken,
)


def test_a_task_carries_what_its_matter_declares_and_nothing_else(town: Town) -> None:
    case_id = town.running(a_form(tags=["secret"]))
    food, sign = town.one("food"), town.one("sign")
    assert from_struct(food.form) == {"owner": "李雷", "shop": {"area": 120}}
    assert [(each.kind, each.sha256, each.size) for each in food.materials] == [
        ("lease", hashlib.sha256(PDF).hexdigest(), len(PDF))
    ]
    assert (from_struct(sign.form), list(sign.materials)) == ({}, [])
    assert (food.case_id, food.step_id, food.catalog_code, food.attempt) == (case_id, "food", code(2), 1)
    assert food.case_number == town.row(case_id).case_number
    assert food.lease_expires_at.ToDatetime(town.row(case_id).submitted_at.tzinfo) == (
        town.row(case_id).submitted_at + LEASE
    )


def test_materials_are_for_the_office_whose_matter_declares_them(town: Town) -> None:
    town.running()
    food, sign = town.one("food"), town.one("sign")
    digest = hashlib.sha256(PDF).hexdigest()
    with town.database.read() as work:
        found = town.tasks.material(work, "food", food.task_id, digest)
        assert (found.media_type, found.content) == ("application/pdf", PDF)
        for organ_id, task_id, wanted, reason in (
            ("sign", food.task_id, digest, "TASK_NOT_FOUND"),
            ("sign", sign.task_id, digest, "MATERIAL_NOT_FOUND"),
            ("food", food.task_id, "0" * 64, "MATERIAL_NOT_FOUND"),
            ("food", new_id(), digest, "TASK_NOT_FOUND"),
        ):
            with pytest.raises(NotFound) as missing:
                town.tasks.material(work, organ_id, task_id, wanted)
            assert missing.value.reason == reason
    taken(town.answer(completing(food)))
    with town.database.read() as work, pytest.raises(NotFound, match="TASK_NOT_FOUND"):
        town.tasks.material(work, "food", food.task_id, digest)


def test_a_material_of_another_case_with_the_same_task_kind_stays_hidden(town: Town) -> None:
    town.running()
    other = town.submit(materials=[a_material(content=b"%PDF other")])
    town.route(other)
    (mine,) = town.lease("food")
    with town.database.read() as work, pytest.raises(NotFound, match="MATERIAL_NOT_FOUND"):
        town.tasks.material(work, "food", mine.task_id, hashlib.sha256(b"%PDF other").hexdigest())


def test_a_case_of_all_offices_completes_with_its_notices(town: Town) -> None:
    case_id = town.running()
    town.complete("food", "sign")
    town.complete("deliver")
    assert town.case(case_id).status == "running"
    town.sealed(case_id, "food")
    assert town.case(case_id).status == "completed"
    (completed,) = town.events("CaseCompleted")
    assert list(completed.document_ids) == ["document-food"]
    assert tables(town.database)["tasks"] == []


def test_answers_of_several_cases_and_offices_go_together(town: Town) -> None:
    cases = [town.running() for _ in range(3)]
    foods, signs = town.lease("food"), town.lease("sign")
    foreign = given(foods[0], Completed(foods[0].task_id, new_id(), {}), organ_id="sign")
    outcomes = town.answer(foreign, *map(completing, foods), refusing(signs[0]), accepting(signs[1]))
    assert refused(outcomes) == ["TASK_NOT_FOUND", "", "", "", "", ""]
    assert outcomes[-1].lease_until == town.database.clock.now() + LEASE
    assert [outcome.lease_until for outcome in outcomes[:-1]] == [None] * 5
    assert [str(town.case(each).status) for each in cases] == ["undoing", "running", "running"]
    assert town.statuses(cases[1])["sign"] == "accepted"
    assert town.statuses(cases[2])["sign"] == "offered"


def test_several_answers_to_one_task_in_one_batch_are_taken_in_their_order(town: Town) -> None:
    case_id = town.running()
    food = town.one("food")
    done = completing(food)
    outcomes = town.answer(accepting(food), done, done, completing(food), refusing(food))
    assert refused(outcomes) == ["", "", "", "TASK_SETTLED", "TASK_SETTLED"]
    assert town.statuses(case_id)["food"] == "completed"
    assert town.lease("food") == []


def test_a_stale_lease_is_refused_and_changes_nothing(town: Town, clock: ManualClock) -> None:
    town.running()
    first = town.one("food", client="client:a")
    clock.advance(seconds=61)
    second = town.one("food", client="client:b")
    assert second.task_id == first.task_id
    assert second.lease != first.lease
    before = tables(town.database)
    outcomes = town.answer(completing(first), accepting(first), given(first, None), failing(first))
    assert refused(outcomes) == ["STALE_LEASE"] * 4
    assert refused(town.answer(completing(task_pb2.Task(task_id=first.task_id, organ_id="food")))) == ["STALE_LEASE"]
    assert tables(town.database) == before
    taken(town.answer(completing(second)))


def test_a_lease_that_ran_out_is_good_until_somebody_else_has_the_task(town: Town, clock: ManualClock) -> None:
    town.running()
    food = town.one("food")
    clock.advance(hours=1)
    taken(town.answer(completing(food)))


def test_another_organs_task_is_as_if_it_were_not_there(town: Town) -> None:
    town.running()
    food = town.one("food")
    before = tables(town.database)
    stolen = town.answer(given(food, Completed(food.task_id, new_id(), {}), organ_id="sign"))
    nothing = town.answer(given(food, Completed("x", new_id(), {}), task_id="x:food:1"))
    assert refused(stolen) == refused(nothing) == ["TASK_NOT_FOUND"]
    assert tables(town.database) == before


def test_a_repeat_of_an_answer_gets_the_first_outcome(town: Town) -> None:
    town.running()
    food = town.one("food")
    done = completing(food, "r1")
    assert town.answer(done) == town.answer(done)
    before = tables(town.database)
    assert refused(town.answer(completing(food, "r2"))) == ["TASK_SETTLED"]
    assert refused(town.answer(refusing(food, request_id="r1"))) == ["REQUEST_ID_REUSED"]
    assert refused(town.answer(given(food, None))) == ["TASK_SETTLED"]
    assert tables(town.database) == before


def test_a_repeated_answer_still_has_to_come_from_the_office(town: Town) -> None:
    town.running()
    food = town.one("food")
    done = completing(food, "r1")
    taken(town.answer(done))
    assert refused(town.answer(given(food, done.answer, organ_id="sign"))) == ["TASK_NOT_FOUND"]


def test_a_reused_request_id_says_which_field_is_wrong(town: Town) -> None:
    town.running()
    food = town.one("food")
    taken(town.answer(accepting(food, "r1")))
    (outcome,) = town.answer(completing(food, "r1"))
    assert isinstance(outcome.problem, Invalid)
    assert [violation.field for violation in outcome.problem.violations] == ["request_id"]


def test_a_task_is_held_by_one_client_at_a_time(town: Town, clock: ManualClock) -> None:
    town.running()
    town.one("food", client="client:a")
    assert town.lease("food", client="client:b") == []
    clock.advance(seconds=59.999)
    assert town.lease("food", client="client:b") == []
    clock.advance(milliseconds=1)
    town.one("food", client="client:b")


def test_acceptance_and_extension_move_the_lease(town: Town, clock: ManualClock) -> None:
    town.running()
    food = town.one("food")
    for answer in (Accepted(food.task_id, new_id()), None, None):
        clock.advance(seconds=50)
        (outcome,) = town.answer(given(food, answer))
        assert outcome.lease_until == clock.now() + LEASE
        assert town.lease("food") == []
    clock.advance(seconds=60)
    again = town.one("food")
    assert again.accepted
    taken(town.answer(completing(again)))


def test_an_extension_leaves_no_trace_in_the_history(town: Town) -> None:
    case_id = town.running()
    food = town.one("food")
    before = town.case(case_id)
    taken(town.answer(given(food, None)))
    assert town.case(case_id) == before


def test_a_lease_that_is_given_back_is_free_at_once(town: Town) -> None:
    town.running()
    food = town.one("food")
    (outcome,) = town.answer(given(food, None, releases=True))
    assert (outcome.problem, outcome.lease_until) == (None, None)
    again = town.one("food")
    assert refused(town.answer(given(food, None, releases=True))) == ["STALE_LEASE"]
    assert town.lease("food") == []
    assert again.lease != food.lease


def test_leases_that_no_client_heard_of_are_given_back(town: Town, clock: ManualClock) -> None:
    town.running()
    food = town.one("food")
    clock.advance(seconds=60)
    newer = town.one("food")
    with town.database.begin() as work:
        town.tasks.give_back(work, [food])
    assert town.lease("food") == []
    with town.database.begin() as work:
        town.tasks.give_back(work, [newer])
    assert town.one("food").lease != newer.lease


def test_a_wish_is_given_no_more_than_its_capacity_and_the_oldest_first(town: Town, clock: ManualClock) -> None:
    cases = []
    for _ in range(4):
        cases.append(town.running())
        clock.advance(seconds=1)
    assert [task.case_id for task in town.lease("food", 3)] == cases[:3]
    assert [task.case_id for task in town.lease("food", 3)] == cases[3:]
    assert town.lease("sign", 0) == []


def test_a_wish_for_some_matters_is_given_no_others(town: Town) -> None:
    case_id = town.submit()
    town.route(case_id, food="hall", sign="hall", check="hall")
    assert town.lease("hall", codes=[code(2)]) == []
    taken(town.answer(completing(town.one("hall"))))
    (sign,) = town.lease("hall", codes=[code(3), code(9)])
    assert sign.step_id == "sign"
    assert [task.step_id for task in town.lease("hall")] == ["food"]


def test_wishes_of_one_office_share_its_tasks(town: Town) -> None:
    for _ in range(4):
        town.running()
    wishes = [
        Wish("food", frozenset(), 1, "client:a"),
        Wish("food", frozenset({code(2)}), 2, "client:b"),
        Wish("sign", frozenset({code(2)}), 5, "client:c"),
        Wish("nobody", frozenset(), 5, "client:d"),
    ]
    with town.database.begin() as work:
        leased, more = town.tasks.lease(work, wishes)
    assert [len(tasks) for tasks in leased] == [1, 2, 0, 0]
    assert not more
    assert len({task.task_id for tasks in leased for task in tasks}) == 3


def test_a_full_look_says_that_there_may_be_more(town: Town) -> None:
    for _ in range(2):
        town.running()
    with town.database.begin() as work:
        assert town.tasks.lease(work, [Wish("food", frozenset(), 2, "client:a")])[1]
    with town.database.begin() as work:
        assert not town.tasks.lease(work, [Wish("food", frozenset(), 2, "client:a")])[1]


def test_a_returned_task_is_routed_anew_and_never_back(town: Town) -> None:
    case_id = town.running()
    taken(town.answer(returning(town.one("food"))))
    assert town.lease("food") == []
    asked = town.events("RoutingRequested")[-1]
    assert [(step.step_id, list(step.excluded_organ_ids)) for step in asked.steps] == [("food", ["food"])]
    town.route(case_id, food="other")
    assert town.one("other").attempt == 2


def test_a_failed_task_comes_back_after_its_wait(town: Town, clock: ManualClock) -> None:
    town.running()
    food = town.one("food")
    taken(town.answer(accepting(food), failing(food, timedelta(seconds=30))))
    clock.advance(seconds=29)
    assert town.lease("food") == []
    clock.advance(seconds=1)
    again = town.one("food")
    assert (again.attempt, again.accepted) == (2, True)
    assert refused(town.answer(completing(food))) == ["TASK_SETTLED"]
    taken(town.answer(completing(again)))


def test_a_refusal_undoes_what_was_done_in_reverse_order(town: Town, clock: ManualClock) -> None:
    case_id = town.running(a_form(area=500))
    town.complete("food")
    clock.advance(seconds=1)
    town.complete("sign")
    fire = town.one("fire")
    taken(town.answer(refusing(fire)))
    assert town.lease("food") == []
    undo = town.one("sign")
    assert (undo.kind, from_struct(undo.handled_result)) == (task_pb2.TASK_KIND_UNDO, {"permit": "P1"})
    assert undo.handled_task_id.endswith(":sign:1")
    (outcome,) = town.answer(refusing(undo))
    assert reason_of(outcome.problem) == "UNDO_CANNOT_BE_REFUSED"
    taken(town.answer(completing(undo)))
    town.complete("food")
    assert town.case(case_id).status == "undoing"
    town.revoked(case_id, "food")
    assert (town.case(case_id).status, town.row(case_id).status) == ("undone", "undone")
    (undone,) = town.events("CaseUndone")
    assert undone.reason == "通道堵塞"


def test_an_act_for_a_task_that_the_refusal_took_back_is_undone_also_once_the_case_has_ended(town: Town) -> None:
    case_id = town.running()
    food, sign = town.one("food"), town.one("sign")
    taken(town.answer(refusing(sign)))
    assert (town.case(case_id).status, town.row(case_id).idle_since) == ("undone", town.case(case_id).ended_at)
    (told,) = town.answer(given(food, None))
    assert reason_of(told.problem) == "CASE_UNDOING", "so that its office says whether the act is done"
    taken(town.answer(completing(food)))
    row = town.row(case_id)
    assert (row.status, row.idle_since, town.case(case_id).ended_at) == ("undoing", None, None)
    undo = town.one("food")
    assert (undo.kind, undo.handled_task_id) == (task_pb2.TASK_KIND_UNDO, food.task_id)
    taken(town.answer(completing(undo)))
    assert town.row(case_id).status == "undone"
    assert [event.case.version for event in town.events("CaseUndone")] == [4, 6]


def test_an_act_that_cannot_be_undone_does_not_stand_once_the_case_has_ended(town: Town) -> None:
    bundle = a_bundle(bundle_id="lasting")
    bundle.steps[1].undoable = False
    town.publish(bundle)
    case_id = town.submit(bundle_id="lasting")
    town.route(case_id)
    town.complete("check")
    food, sign = town.one("food"), town.one("sign")
    taken(town.answer(refusing(sign)))
    (outcome,) = town.answer(completing(food))
    assert isinstance(outcome.problem, Conflict)
    assert outcome.problem.reason == "CASE_ENDED"
    assert town.lease("food") == []


def test_an_act_that_crossed_with_the_refusal_gets_an_undo_task(town: Town) -> None:
    case_id = town.running(a_form(area=500))
    town.complete("food")
    sign, fire = town.one("sign"), town.one("fire")
    taken(town.answer(refusing(fire)))
    (told,) = town.answer(given(sign, None))
    assert reason_of(told.problem) == "CASE_UNDOING"
    done = completing(sign)
    taken(town.answer(done))
    taken(town.answer(done))
    town.complete("food")
    undo = town.one("sign")
    assert (undo.kind, undo.handled_task_id) == (task_pb2.TASK_KIND_UNDO, sign.task_id)
    taken(town.answer(completing(undo)))
    town.revoked(case_id, "food")
    assert town.case(case_id).status == "undone"


def test_eight_failures_open_an_incident_and_a_retry_the_task(town: Town) -> None:
    case_id = town.running()
    for _ in range(8):
        taken(town.answer(failing(town.one("food"), timedelta(0))))
    assert town.lease("food") == []
    assert town.row(case_id).open_incidents == 1
    (opened,) = town.events("IncidentOpened")
    assert (opened.reason, opened.step.organ_id) == ("TASK_FAILED", "food")
    with town.database.begin() as work:
        assert town.retry(work, opened.incident_id)
        found = town.operations.incident(work, opened.incident_id)
    assert found.row.resolved_at == town.database.clock.now()
    assert found.possible == ()
    with town.database.begin() as work:
        assert not town.retry(work, opened.incident_id)
    before = tables(town.database)
    with town.database.begin() as work, pytest.raises(Conflict, match="INCIDENT_RESOLVED"):
        town.retry(work, opened.incident_id, "r2")
    with town.database.begin() as work, pytest.raises(NotFound, match="INCIDENT_NOT_FOUND"):
        town.retry(work, "nothing", "r2")
    assert tables(town.database) == before
    town.complete("food")
    assert town.row(case_id).open_incidents == 0


def test_an_answer_to_a_task_that_failed_is_known_as_a_repeat(town: Town) -> None:
    town.running()
    food = town.one("food")
    failed = given(food, Failed(food.task_id, "r1", "down", timedelta(0)))
    taken(town.answer(failed))
    before = tables(town.database)
    taken(town.answer(failed))
    assert tables(town.database) == before
