"""Rows beside a history that somebody has changed: replaying the case names the row."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from chassis.database import Database
from chassis.testing import ManualClock
from duokua.cases.v1 import log_service_pb2, task_pb2
from duokua.data import to_struct
from services.cases import store
from services.cases.domain.proceedings import CorrectionItem, ItemKind, UrgeKind
from services.cases.supervision import Supervision
from tests.cases.builders import a_material, accepting, asking, failing, handing_over, passing_up, taken
from tests.cases.logs import LoggedTown

pb = log_service_pb2


@pytest.fixture
def logged(database: Database, clock: ManualClock, tmp_path: Path) -> LoggedTown:
    return LoggedTown(database, clock, tmp_path)


def found(logged: LoggedTown, case_id: str) -> tuple[str, str]:
    """What a replay finds: where, and what."""
    answer: pb.ReplayCaseResponse = logged.log.ReplayCase(pb.ReplayCaseRequest(case_id=case_id))
    return answer.difference.path, answer.difference.description


def running(logged: LoggedTown) -> str:
    """A case with two open tasks (one accepted and handed over), an urge, and an incident that is resolved."""
    town = logged.town
    case_id = town.submit()
    town.route(case_id, without=["food"])
    with town.database.begin() as work:
        town.retry(work, f"{case_id}:i1")
    town.route(case_id)
    town.complete("check")
    food = town.one("food")
    taken(town.answer(accepting(food), handing_over(food, "审批二科")))
    with town.database.begin() as work:
        Supervision(town.cases).urge(work, case_id, "sign", UrgeKind.URGE, "周五开业", actor="client:operator")
    assert found(logged, case_id) == ("", "")
    return case_id


def change_body(logged: LoggedTown, task_id: str, change: Any) -> None:
    with logged.database.begin() as work:
        row = work.connection.execute(select(store.tasks).where(store.tasks.c.task_id == task_id)).one()
        task = task_pb2.Task.FromString(row.body)
        change(task)
        statement = store.tasks.update().where(store.tasks.c.task_id == task_id)
        work.connection.execute(statement.values(body=task.SerializeToString()))


@pytest.mark.parametrize(
    ("statement", "path"),
    [
        ("UPDATE tasks SET organ_id = 'forger' WHERE task_id = :c || ':sign:1'", "tasks.{}:sign:1.organ_id"),
        ("UPDATE tasks SET catalog_code = '1' WHERE task_id = :c || ':sign:1'", "tasks.{}:sign:1.catalog_code"),
        ("UPDATE tasks SET accepted = :t WHERE task_id = :c || ':sign:1'", "tasks.{}:sign:1.accepted"),
        ("UPDATE tasks SET accepted = :f WHERE task_id = :c || ':food:1'", "tasks.{}:food:1.accepted"),
        ("UPDATE tasks SET body = :b WHERE task_id = :c || ':food:1'", "tasks.{}:food:1.body"),
        ("DELETE FROM tasks WHERE task_id = :c || ':sign:1'", "tasks.{}:sign:1"),
        ("UPDATE tasks SET task_id = :c || ':sign:2' WHERE task_id = :c || ':sign:1'", "tasks.{}:sign:1"),
        ("UPDATE incidents SET reason = 'TASK_FAILED' WHERE case_id = :c", "incidents.{}:i1.reason"),
        ("UPDATE incidents SET description = 'all is well' WHERE case_id = :c", "incidents.{}:i1.description"),
        ("UPDATE incidents SET resolved_at = NULL WHERE case_id = :c", "incidents.{}:i1.resolved_at"),
        ("UPDATE incidents SET organ_id = 'sign' WHERE case_id = :c", "incidents.{}:i1.organ_id"),
        ("DELETE FROM incidents WHERE case_id = :c", "incidents.{}:i1"),
        ("UPDATE urges SET superior_id = 'forger' WHERE case_id = :c", "urges.8:sign.superior_id"),
        ("UPDATE urges SET late = :t WHERE case_id = :c", "urges.8:sign.late"),
        ("UPDATE urges SET organ_id = 'food' WHERE case_id = :c", "urges.8:sign.organ_id"),
        ("DELETE FROM urges WHERE case_id = :c", "urges.8:sign"),
        ("UPDATE serials SET last = 0 WHERE last > 0", "serials."),
        ("DELETE FROM serials WHERE last > 0", "serials."),
        ("UPDATE bundles SET body = :b WHERE version = 1", "bundles.open-shop.1"),
        ("DELETE FROM bundles WHERE version = 1", "bundles.open-shop.1"),
    ],
)
def test_a_changed_row_is_named(logged: LoggedTown, statement: str, path: str) -> None:
    case_id = running(logged)
    values = {"c": case_id, "t": True, "f": False, "b": b"\xff"}
    logged.tamper(statement, **{name: value for name, value in values.items() if f":{name}" in statement})
    where, what = found(logged, case_id)
    assert where.startswith(path.format(case_id))
    assert where.split(".")[0] in what


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE tasks SET case_id = :c WHERE task_id = :o || ':sign:1'",
        "UPDATE incidents SET case_id = :c WHERE case_id = :o",
        "UPDATE urges SET case_id = :c, version = 99 WHERE case_id = :o",
    ],
)
def test_a_row_that_nothing_leads_to_is_named(logged: LoggedTown, statement: str) -> None:
    case_id, other = running(logged), running(logged)
    logged.tamper(statement, c=case_id, o=other)
    where, what = found(logged, case_id)
    assert where.startswith(statement.split()[1])
    assert what == f"{where}: this row is stored, and the history leads to none"
    assert found(logged, other)[1].endswith("the history leads to this row, and it is not there")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda task: task.form.MergeFrom(to_struct({"owner": "韩梅梅"})), "body.form.owner"),
        (lambda task: setattr(task, "handler", "另一科"), "body.handler"),
        (lambda task: setattr(task.materials[0], "sha256", "00" * 32), "body.materials.0.sha256"),
        (lambda task: setattr(task, "case_number", "other"), "body.caseNumber"),
    ],
)
def test_a_task_that_says_something_else_is_named_by_what(logged: LoggedTown, change: Any, path: str) -> None:
    case_id = running(logged)
    task_id = f"{case_id}:food:1"
    change_body(logged, task_id, change)
    assert found(logged, case_id)[0] == f"tasks.{task_id}.{path}"


@pytest.mark.parametrize("name", ["kind", "name", "media_type", "size"])
def test_a_material_that_was_called_otherwise_is_named(logged: LoggedTown, name: str) -> None:
    case_id = logged.finished()
    materials = [dict(each) for each in logged.town.row(case_id).materials]
    materials[0][name] = 7 if name == "size" else "other"
    logged.tamper("UPDATE cases SET materials = :m WHERE case_id = :c", m=json.dumps(materials), c=case_id)
    told = "cases.materials: it is not what entry 1 (submitted) vouches for"
    assert found(logged, case_id) == ("cases.materials", told)
    assert logged.audited() == [(case_id, 1, told)]


def test_a_changed_bundle_is_named_by_the_audit_for_each_case_that_runs_by_it(logged: LoggedTown) -> None:
    cases = [logged.finished(), logged.finished()]
    logged.tamper("UPDATE bundles SET body = :b WHERE version = 1", b=b"")
    told = "bundles.open-shop.1: it is not what entry 1 (submitted) vouches for"
    assert logged.audited() == [(case_id, 1, told) for case_id in cases]


def test_tasks_that_were_opened_with_earlier_forms_and_anew_are_what_they_should_be(logged: LoggedTown) -> None:
    """Corrected, failed, passed upward and undone cases: what is rebuilt is what is stored."""
    town = logged.town
    case_id = town.running()
    taken(town.answer(asking(town.one("food"), CorrectionItem(ItemKind.MATERIAL, "lease", "看不清"))))
    assert found(logged, case_id) == ("", "")
    town.correct(case_id, {}, a_material(content=b"%PDF-1.7 the lease, legible"))
    assert found(logged, case_id) == ("", "")
    taken(town.answer(failing(town.one("food"))))
    assert found(logged, case_id) == ("", "")
    logged.clock.advance(minutes=1)
    taken(town.answer(passing_up(town.one("food"), score=7)))
    town.route(case_id, food="city")
    assert found(logged, case_id) == ("", "")
    taken(town.answer(accepting(town.one("city"))))
    assert found(logged, case_id) == ("", "")
