"""Cases have licences issued and revoked: once each, in whatever order their events come."""

from datetime import date

import pytest

from chassis.database import Database
from chassis.problems import NotFound, Unavailable
from duokua.cases.v1 import events_pb2
from duokua.data import fill_struct
from services.licences import store
from services.licences.domain.licence import Licence
from services.licences.domain.life import Act, Status
from services.licences.orders import Orders
from services.licences.tables import orders
from tests.licences.builders import DATA, found, licences

ORDER = "c1:food:l1"


def requested(order_id: str = ORDER, kind: str = "food-licence", applicant: str = "p1") -> events_pb2.LicenceRequested:
    event = events_pb2.LicenceRequested(
        case=events_pb2.CaseRef(case_id="c1", case_number="N1", applicant_id=applicant),
        step=events_pb2.StepRef(step_id="food", step_name="食品经营许可", organ_id="o1", organ_name="局"),
        order_id=order_id,
        kind=kind,
        decided_at="2026-05-31T16:30:00Z",
    )
    fill_struct(event.data, DATA, "data")
    return event


def withdrawn(order_id: str = ORDER) -> events_pb2.LicenceWithdrawn:
    return events_pb2.LicenceWithdrawn(
        case=events_pb2.CaseRef(case_id="c1"),
        step=events_pb2.StepRef(step_id="food", organ_id="o1"),
        order_id=order_id,
        reason="消防不合格",
    )


def handle(database: Database, *events: events_pb2.LicenceRequested | events_pb2.LicenceWithdrawn) -> None:
    for event in events:
        with database.begin() as work:
            if isinstance(event, events_pb2.LicenceRequested):
                Orders(licences()).issue(work, [event])
            else:
                Orders(licences()).withdraw(work, [event])


def held(database: Database) -> list[Licence]:
    with database.read() as work:
        return store.listed(work.connection, store.Wanted(holder_person_id="p1"), "", 100)


def test_an_approval_is_issued_once_to_the_applicant_from_the_day_of_the_decision(database: Database) -> None:
    handle(database, requested(), requested())
    (made,) = held(database)
    assert (made.case_id, made.issuer_organ_id, made.holder_name) == ("c1", "o1", "李雷")
    assert made.valid_from == date(2026, 6, 1)
    with database.read() as work:
        assert licences().data(work, made) == DATA


def test_the_last_day_may_come_from_the_decision(database: Database) -> None:
    event = requested()
    event.valid_until = "2027-01-31"
    handle(database, event)
    assert held(database)[0].valid_until == date(2027, 1, 31)


def test_what_is_undone_is_revoked_once(database: Database) -> None:
    handle(database, requested(), withdrawn(), withdrawn(), requested())
    (made,) = held(database)
    assert made.status is Status.REVOKED
    with database.read() as work:
        (_, change) = store.changes_of(work.connection, made.licence_id)
    assert (change.act, change.actor, change.reason) == (Act.REVOKED, "platform", "消防不合格")


def test_what_is_undone_before_it_is_asked_for_is_never_issued(database: Database) -> None:
    handle(database, withdrawn(), requested())
    assert held(database) == []


def test_what_was_renewed_meanwhile_is_revoked_in_its_newest_version(database: Database) -> None:
    handle(database, requested())
    with database.begin() as work:
        licences().renew(work, found(work, held(database)[0]), {}, ("", ""), "client:office")
    handle(database, withdrawn())
    assert sorted(each.status for each in held(database)) == [Status.REVOKED, Status.CANCELLED]


def test_what_has_ended_stays_as_it_ended(database: Database) -> None:
    handle(database, requested())
    with database.begin() as work:
        licences().end(work, found(work, held(database)[0]), Status.CANCELLED, "client:office", "停业")
    handle(database, withdrawn())
    assert [each.status for each in held(database)] == [Status.CANCELLED]


def test_an_order_for_somebody_who_is_on_the_way_is_tried_again(database: Database) -> None:
    with pytest.raises(Unavailable) as raised:
        handle(database, requested(applicant="p9"))
    assert raised.value.passing
    with database.read() as work:
        assert work.connection.execute(orders.select()).all() == []


def test_an_order_for_a_type_that_nobody_defined_is_for_an_operator(database: Database) -> None:
    with pytest.raises(NotFound) as raised:
        handle(database, requested(kind="sign-permit"))
    assert raised.value.reason == "LICENCE_TYPE_NOT_FOUND"
    assert held(database) == []
