"""What follows the end of a case, on a database: ratings with their tasks, deliveries, the archive."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from chassis.clock import new_id
from chassis.database import Database, UnitOfWork
from chassis.problems import Conflict
from chassis.testing import ManualClock
from duokua.cases.v1 import task_pb2
from duokua.data import from_struct
from services.cases import store
from services.cases.afterwards import INTERVAL, Archive
from services.cases.domain.inputs import Completed, Failed, Refused
from services.cases.plans import Plans
from services.cases.replaying import replay
from tests.cases.builders import Town, code, completing, failing, given, refused, taken

AFTER = timedelta(days=30)


def completed(town: Town) -> str:
    case_id = town.running()
    town.complete("food", "sign")
    town.sealed(case_id, "food")
    town.complete("deliver")
    assert town.case(case_id).ended
    return case_id


def archive(town: Town, batch: int = 100) -> datetime:
    return Archive(Plans(), AFTER, batch=batch).archive_due(town.database)


def archived(town: Town) -> list[str]:
    with town.database.read() as work:
        case_ids = work.connection.scalars(select(store.cases.c.case_id).order_by(store.cases.c.case_id))
        return [case_id for case_id in case_ids if town.case(case_id).proceedings.archived_at]


def replays(town: Town, case_id: str) -> None:
    with town.database.read() as work:
        row = town.cases.row(work, case_id)
        assert replay(work, row, town.cases.plans)[1] is None


def test_the_office_gets_the_rating_and_what_it_did_and_nothing_else(town: Town) -> None:
    case_id = completed(town)
    town.rate(case_id, 5, "food", "等了三个小时")
    task = town.one("food")
    assert task.kind == task_pb2.TASK_KIND_FOLLOW_UP
    assert (task.rating.level, task.rating.comment, task.rating.step_id) == (5, "等了三个小时", "food")
    assert (task.catalog_code, task.step_id, task.attempt) == (code(2), "food", 1)
    assert from_struct(task.handled_result) == {"permit": "P1"}
    assert (from_struct(task.form), list(task.materials)) == ({}, [])
    assert town.lease("lead") == []
    taken(town.answer(completing(task, verified=True)))
    (closed,) = town.events("FollowUpClosed")
    assert from_struct(closed.follow_up.result) == {"verified": True}
    assert town.lease("food") == []
    assert str(town.case(case_id).status) == "completed"
    replays(town, case_id)


def test_the_lead_answers_for_the_case_and_the_supervisor_is_told(town: Town) -> None:
    case_id = completed(town)
    town.rate(case_id, 4)
    task = town.one("lead")
    assert (task.step_id, task.catalog_code, task.rating.level) == ("", "332031901000", 4)
    (opened,) = town.events("FollowUpOpened")
    assert (opened.step.organ_id, opened.follow_up.task_id, opened.rating.level) == ("lead", task.task_id, 4)
    assert opened.case.version == town.case(case_id).version


def test_a_good_rating_asks_nothing_of_anybody(town: Town) -> None:
    case_id = completed(town)
    town.rate(case_id, 3, "food")
    assert town.lease("food") == []
    assert not town.events("FollowUpOpened")


def test_a_follow_up_is_answered_under_a_lease_like_other_tasks(town: Town, clock: ManualClock) -> None:
    case_id = completed(town)
    town.rate(case_id, 5, "food")
    task = town.one("food")
    assert refused(town.answer(given(task, Refused(task.task_id, new_id(), "不服")))) == ["FOLLOW_UP_CANNOT_BE_REFUSED"]
    taken(town.answer(failing(task)))
    assert town.lease("food") == []
    clock.advance(seconds=6)
    again = town.one("food")
    assert (again.attempt, again.rating.level) == (2, 5)
    stale = given(again, Completed(again.task_id, new_id(), {}), lease="another")
    assert refused(town.answer(stale)) == ["STALE_LEASE"]
    other = given(again, Completed(again.task_id, new_id(), {}), organ_id="sign")
    assert refused(town.answer(other)) == ["TASK_NOT_FOUND"]
    done = completing(again)
    taken(town.answer(done))
    taken(town.answer(done))
    assert refused(town.answer(given(again, Failed(again.task_id, new_id(), "late")))) == ["TASK_SETTLED"]
    replays(town, case_id)


def test_delivery_is_told_once(town: Town) -> None:
    case_id = completed(town)
    for _ in range(2):
        town.deliver(case_id, "邮寄", "李雷")
    (told,) = town.events("CaseDelivered")
    assert (told.delivery.channel, told.delivery.receiver) == ("邮寄", "李雷")
    with pytest.raises(Conflict) as refusal:
        town.deliver(case_id, "窗口", "李雷")
    assert refusal.value.reason == "ALREADY_DELIVERED"
    replays(town, case_id)


# The archive


def test_cases_are_archived_so_long_after_all_that_happened_to_them(town: Town, clock: ManualClock) -> None:
    quiet, rated = completed(town), completed(town)
    running = town.running()
    clock.advance(seconds=86_400)
    town.rate(rated, 1)
    clock.advance(seconds=86_400 * 29)
    assert archive(town) == clock.now() + INTERVAL
    assert archived(town) == [quiet]
    clock.advance(seconds=86_400)
    archive(town)
    assert archived(town) == sorted([quiet, rated])
    assert running not in archived(town)
    before = town.row(quiet).version
    archive(town)
    assert town.row(quiet).version == before
    replays(town, quiet)
    with pytest.raises(Conflict, match="CASE_ARCHIVED"):
        town.rate(quiet, 1)


def test_an_open_follow_up_keeps_a_case_out_of_the_archive(town: Town, clock: ManualClock) -> None:
    case_id = completed(town)
    town.rate(case_id, 5, "food")
    clock.advance(seconds=86_400 * 40)
    archive(town)
    assert archived(town) == []
    taken(town.answer(completing(town.one("food"))))
    archive(town)
    assert archived(town) == []
    clock.advance(seconds=86_400 * 30)
    archive(town)
    assert archived(town) == [case_id]


def test_the_archive_works_in_batches_and_says_when_there_may_be_more(town: Town, clock: ManualClock) -> None:
    cases = [completed(town) for _ in range(3)]
    clock.advance(seconds=86_400 * 30)
    assert archive(town, batch=2) == clock.now()
    assert len(archived(town)) == 2
    assert archive(town, batch=2) == clock.now() + INTERVAL
    assert archived(town) == sorted(cases)


def test_a_crash_in_a_batch_archives_nothing_and_the_next_try_all(town: Town, clock: ManualClock) -> None:
    cases = [completed(town) for _ in range(2)]
    clock.advance(seconds=86_400 * 30)

    class CrashingDatabase(Database):
        """Loses its connection after the batch is written, before it is committed."""

        def __init__(self, database: Database) -> None:
            self.__dict__.update(database.__dict__)

    @contextmanager
    def begin() -> Iterator[UnitOfWork]:
        with town.database.begin() as work:
            yield work
            raise ConnectionError("gone")

    crashing = CrashingDatabase(town.database)
    crashing.begin = begin  # type: ignore[method-assign]
    with pytest.raises(ConnectionError):
        Archive(Plans(), AFTER).archive_due(crashing)
    assert archived(town) == []
    archive(town)
    assert archived(town) == sorted(cases)


def test_rows_of_an_earlier_release_are_looked_at_and_put_right(town: Town, clock: ManualClock) -> None:
    ended = completed(town)
    running = town.running()
    long_ago = datetime(1970, 1, 1, tzinfo=UTC)
    with town.database.begin() as work:
        work.connection.execute(update(store.cases).values(idle_since=long_ago))
    archive(town)
    assert archived(town) == []
    assert town.row(running).idle_since is None
    assert town.row(ended).idle_since == town.case(ended).ended_at
    clock.advance(seconds=86_400 * 30)
    archive(town)
    assert archived(town) == [ended]
