"""Other services are told whose licences are and whether they are good; holders see which offices were shown them."""

from typing import Any

from sqlalchemy import select

from chassis.bus.events import event_type
from chassis.database import Database
from duokua.cases.v1 import events_pb2 as cases_events
from duokua.licences.v1 import events_pb2, licence_pb2
from services.licences import directory, store
from services.licences.accesses import Action
from services.licences.announcing import take_shown
from services.licences.domain.life import Status
from services.licences.domain.types import HolderKind
from services.licences.importing import Imports, Row
from services.licences.tables import accesses
from tests.licences.builders import DATA, NUMBER, found, issued, licences, person_registered, vault

TELLING = (events_pb2.LicenceIssued, events_pb2.LicenceStatusChanged)


def told(database: Database) -> list[tuple[str, events_pb2.Standing]]:
    """What was told of licences."""
    outbox = store.metadata.tables["outbox"]
    with database.read() as work:
        rows = work.connection.execute(select(outbox.c.type, outbox.c.body).order_by(outbox.c.id)).all()
    by_type: dict[str, Any] = {event_type(event): event for event in TELLING}
    return [
        (by_type[row.type].DESCRIPTOR.name, by_type[row.type].FromString(row.body).standing)
        for row in rows
        if row.type in by_type
    ]


def test_an_issue_is_told_without_what_the_licence_says(database: Database) -> None:
    made = issued(database)
    ((name, standing),) = told(database)
    assert name == "LicenceIssued"
    assert standing == events_pb2.Standing(
        licence_id=made.licence_id,
        identifier=made.identifier,
        kind="food-licence",
        name="食品经营许可证",
        holder_person_id="p1",
        issuer_organ_id="o1",
        issuer_name="西湖区市场监督管理局",
        valid_from="2026-06-01",
        valid_until="2031-05-31",
        status=licence_pb2.LICENCE_STATUS_VALID,
        revision=1,
    )
    said = standing.SerializeToString().decode("utf-8", "replace")
    assert not [value for value in (*DATA.values(), "李雷", NUMBER) if str(value) in said]


def test_each_change_is_told_with_a_higher_revision(database: Database) -> None:
    made = issued(database)
    with database.begin() as work:
        renewed = licences().renew(work, found(work, made), {}, ("", ""), "client:office")
    with database.begin() as work:
        licences().end(work, found(work, renewed), Status.REVOKED, "client:office", "撤销")
    assert {(name, each.licence_id, each.status, each.revision) for name, each in told(database)} == {
        ("LicenceIssued", made.licence_id, licence_pb2.LICENCE_STATUS_VALID, 1),
        ("LicenceStatusChanged", made.licence_id, licence_pb2.LICENCE_STATUS_CANCELLED, 2),
        ("LicenceIssued", renewed.licence_id, licence_pb2.LICENCE_STATUS_VALID, 1),
        ("LicenceStatusChanged", renewed.licence_id, licence_pb2.LICENCE_STATUS_REVOKED, 2),
    }


def an_import(number: str) -> Row:
    return Row(
        row=2,
        serial="JY1",
        version=1,
        holder_name="王五",
        holder_kind=HolderKind.NATURAL,
        holder_number=number,
        valid_from="2026-01-01",
        valid_until="2027-12-31",
        data=DATA,
    )


def test_a_licence_of_an_unregistered_holder_is_told_once_the_holder_is(database: Database) -> None:
    number = "330106199404040019"
    with database.begin() as work:
        done = Imports(vault()).take(work, "food-licence", "o1", [an_import(number)], "client:office", dry_run=False)
    assert (done.created, done.faults) == (1, [])
    assert told(database) == []
    with database.begin() as work:
        directory.keep_persons(work, [person_registered("p3", "王五", number)])
    ((name, standing),) = told(database)
    assert (name, standing.holder_person_id, standing.valid_until) == ("LicenceIssued", "p3", "2027-12-31")
    with database.begin() as work:
        directory.keep_persons(work, [person_registered("p3", "王五", number, version=2)])
    assert len(told(database)) == 1


def shown(licence_id: str, task_id: str = "c1:sign:1") -> cases_events.LicenceShown:
    return cases_events.LicenceShown(
        case=cases_events.CaseRef(case_id="c1", case_number="N1", bundle_name="开店"),
        step=cases_events.StepRef(step_id="sign", step_name="招牌", organ_id="o2"),
        task_id=task_id,
        licence_id=licence_id,
        material_name="许可证",
    )


def test_a_licence_that_a_task_showed_is_one_look_for_what_the_task_is(database: Database) -> None:
    made = issued(database)
    for events in ([shown(made.licence_id)], [shown(made.licence_id), shown(made.licence_id, "c1:sign:2")]):
        with database.begin() as work:
            take_shown(work, events)
    with database.read() as work:
        rows = work.connection.execute(select(accesses).order_by(accesses.c.request_id)).all()
    assert [(row.request_id, row.organ_id, row.action) for row in rows] == [
        ("c1:sign:1", "o2", Action.SHOWN),
        ("c1:sign:2", "o2", Action.SHOWN),
    ]
    assert {row.purpose for row in rows} == {"N1 开店：招牌（许可证）"}
