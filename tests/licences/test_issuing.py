"""Licences are issued, renewed, held, released, ended, and expire; each with its history."""

import contextlib
from datetime import UTC, date, datetime
from threading import Barrier, Thread

import pytest
from sqlalchemy.exc import IntegrityError

from chassis.database import Database
from chassis.problems import Conflict, Exists, Forbidden, Invalid, NotFound
from chassis.testing import ManualClock
from services.licences import directory, store, types
from services.licences.domain.life import Act, Status
from services.licences.domain.types import HolderKind
from services.licences.service import EXPIRY
from services.licences.tables import licences as table
from services.licences.tables import types as type_table
from tests.licences.builders import (
    DATA,
    FOOD,
    MINISTRY,
    NUMBER,
    OFFICE,
    OTHER_OFFICE,
    a_type,
    found,
    issue,
    issued,
    licences,
    organ_registered,
    person_registered,
)


def history(database: Database, licence_id: str) -> list[tuple[int, Act, Status]]:
    with database.read() as work:
        return [(each.revision, each.act, each.status) for each in store.changes_of(work.connection, licence_id)]


def test_a_licence_is_issued_with_the_days_and_the_number_of_its_rules(database: Database) -> None:
    one, two = issued(database), issued(database)
    assert one.identifier.startswith(f"1.2.156.3005.2.{FOOD}.{OFFICE}.000000001.001.")
    assert two.serial == "000000002"
    assert (one.valid_from, one.valid_until) == (date(2026, 6, 1), date(2031, 5, 31))
    assert (one.holder_name, one.issuer_name) == ("李雷", "西湖区市场监督管理局")
    with database.read() as work:
        kept = store.by_id(work.connection, one.licence_id)
        assert kept == one
        assert licences().data(work, one) == DATA
    assert history(database, one.licence_id) == [(1, Act.ISSUED, Status.VALID)]


def test_days_and_serial_may_be_said(database: Database) -> None:
    made = issued(database, valid_from="2026-01-01", valid_until="2026-12-31", serial="JY1")
    assert (made.valid_from, made.valid_until, made.serial) == (date(2026, 1, 1), date(2026, 12, 31), "JY1")


def test_a_type_without_months_is_good_without_end(database: Database) -> None:
    with database.begin() as work:
        types.define(work, a_type(valid_months=0))
    assert issued(database).valid_until is None


def test_the_next_number_passes_over_one_that_was_said(database: Database) -> None:
    issued(database, serial="000000001")
    assert issued(database).serial == "000000002"


def test_a_serial_is_given_once(database: Database) -> None:
    issued(database, serial="JY1")
    with pytest.raises(Exists) as raised:
        issued(database, serial="JY1")
    assert raised.value.reason == "SERIAL_TAKEN"


def test_a_type_that_names_its_issuers_is_issued_by_no_other(database: Database) -> None:
    before = issued(database)
    with database.begin() as work:
        types.define(work, a_type(issuers=(OTHER_OFFICE,)))
        assert types.type_of(work, FOOD).issuers == (OTHER_OFFICE,)
    assert issued(database, issuer_organ_id="o2").issuer_organ_id == "o2"
    with pytest.raises(Forbidden) as raised:
        issued(database)
    assert raised.value.reason == "NOT_AN_ISSUER"
    with pytest.raises(Forbidden), database.begin() as work:
        licences().renew(work, found(work, before), {}, ("", ""), "client:office")
    assert history(database, before.licence_id) == [(1, Act.ISSUED, Status.VALID)]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"type_name": "no-such"}, "LICENCE_TYPE_NOT_FOUND"),
        ({"issuer_organ_id": "o9"}, "ORGAN_NOT_FOUND"),
        ({"holder_person_id": "p9"}, "PERSON_NOT_FOUND"),
    ],
)
def test_what_is_not_there_is_not_found(database: Database, changes: dict[str, str], reason: str) -> None:
    with pytest.raises(NotFound) as raised:
        issued(database, **changes)
    assert raised.value.reason == reason


def test_a_bad_order_issues_nothing_and_is_told_every_fault(database: Database) -> None:
    with database.begin() as work:
        types.define(work, a_type(holder_kind=HolderKind.LEGAL))
    with pytest.raises(Invalid) as raised:
        issued(database, data={"shop": 3}, valid_from="2026-07-01", valid_until="2026-06-01")
    assert [fault.field for fault in raised.value.violations] == [
        "data.shop",
        "data.address",
        "valid_until",
        "holder_person_id",
    ]
    with database.read() as work:
        assert store.listed(work.connection, store.Wanted(holder_person_id="p1"), "", 10) == []


def test_what_a_licence_says_is_encrypted_in_the_database(database: Database) -> None:
    issued(database)
    with database.read() as work:
        (row,) = work.connection.execute(table.select()).all()
    assert NUMBER.encode() not in row.sealed_data
    assert NUMBER not in str(row)


def test_a_renewal_is_the_next_version_and_cancels_the_one_before(database: Database) -> None:
    before = issued(database)
    with database.begin() as work:
        made = licences().renew(work, found(work, before), {"shop": "新面馆", "area": None}, ("", ""), "client:office")
    assert (made.version, made.serial, made.previous_licence_id) == (2, before.serial, before.licence_id)
    assert made.identifier.split(".")[8] == "002"
    with database.read() as work:
        old = store.by_id(work.connection, before.licence_id)
        assert licences().data(work, made) == {
            name: "新面馆" if name == "shop" else value for name, value in DATA.items() if name != "area"
        }
    assert old
    assert (old.status, old.next_licence_id) == (Status.CANCELLED, made.licence_id)
    assert history(database, before.licence_id)[-1] == (2, Act.RENEWED, Status.CANCELLED)
    assert history(database, made.licence_id) == [(1, Act.ISSUED, Status.VALID)]
    with pytest.raises(Conflict) as raised, database.begin() as work:
        licences().renew(work, found(work, before), {}, ("", ""), "client:office")
    assert raised.value.reason == "LICENCE_RENEWED"


def test_an_expired_licence_can_be_renewed_and_stays_expired(database: Database, clock: ManualClock) -> None:
    before = issued(database, valid_until="2026-06-10")
    clock.advance(days=30)
    with database.begin() as work:
        licences().renew(work, found(work, before), {}, ("", ""), "client:office")
    assert history(database, before.licence_id) == [
        (1, Act.ISSUED, Status.VALID),
        (2, Act.EXPIRED, Status.EXPIRED),
        (3, Act.RENEWED, Status.EXPIRED),
    ]


def test_a_renewal_has_the_names_of_its_day(database: Database) -> None:
    before = issued(database)
    with database.begin() as work:
        directory.keep_organs(work, [organ_registered(name="新名局", version=2)])
        directory.keep_persons(work, [person_registered(name="李蕾", version=2)])
        made = licences().renew(work, found(work, before), {}, ("", ""), "client:office")
    assert (made.issuer_name, made.holder_name) == ("新名局", "李蕾")
    with database.read() as work:
        old = store.by_id(work.connection, before.licence_id)
    assert old is not None
    assert (old.issuer_name, old.holder_name) == ("西湖区市场监督管理局", "李雷")


def test_a_renewal_leaves_no_day_without_a_valid_version(database: Database, clock: ManualClock) -> None:
    before = issued(database, valid_until="2026-06-30")
    with pytest.raises(Invalid) as raised, database.begin() as work:
        licences().renew(work, found(work, before), {}, ("2026-07-01", ""), "client:office")
    assert [fault.field for fault in raised.value.violations] == ["valid_from"]
    assert history(database, before.licence_id) == [(1, Act.ISSUED, Status.VALID)]
    clock.advance(days=60)
    with database.begin() as work:
        licences().renew(work, found(work, before), {}, ("2026-12-01", ""), "client:office")


@pytest.mark.parametrize("first", ["0001-01-01", "1899-12-31", "3000-01-01", "9999-12-31", "2026-W05-6"])
def test_a_first_day_that_cannot_be_meant_is_named(database: Database, first: str) -> None:
    with pytest.raises(Invalid) as raised:
        issued(database, valid_from=first)
    assert [fault.field for fault in raised.value.violations] == ["valid_from"]


def test_a_week_is_no_last_day(database: Database) -> None:
    with pytest.raises(Invalid) as raised:
        issued(database, valid_from="2026-12-31", valid_until="2026-W02-1")
    assert [fault.field for fault in raised.value.violations] == ["valid_until"]


def test_a_last_day_that_stands_for_none_is_without_end(database: Database) -> None:
    made = issued(database, valid_until="9999-12-31")
    assert made.valid_until is None
    last = issued(database, valid_until="9999-12-30")
    assert licences().expire_due(database) == datetime(9999, 12, 30, 16, 0, tzinfo=UTC)
    assert history(database, last.licence_id) == [(1, Act.ISSUED, Status.VALID)]


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("经营者：{{ data.shop", "line 1: unexpected end of template"),
        ("一\n{% if data.shop %}", "line 2"),
        ("{{ data.shopp }}", "data has no shopp; it has address, area, granted_on, manager_number, shop"),
        ("{{ holder.phone }}", "holder has no phone; it has name, number"),
        ("{{ " + "(" * 3000 + ")" * 3000 + " }}", "nested too deeply"),
    ],
)
def test_a_template_of_which_no_document_could_be_made_is_refused(database: Database, template: str, told: str) -> None:
    with pytest.raises(Invalid) as raised, database.begin() as work:
        types.define(work, a_type(template=template))
    (fault,) = raised.value.violations
    assert fault.field == "type.template"
    assert told in fault.description


def test_a_renewal_is_held_to_the_type_as_it_is_now(database: Database) -> None:
    before = issued(database)
    with pytest.raises(Invalid) as raised, database.begin() as work:
        licences().renew(work, found(work, before), {"shop": None}, ("", ""), "client:office")
    assert raised.value.violations[0].field == "data.shop"
    assert history(database, before.licence_id) == [(1, Act.ISSUED, Status.VALID)]


def test_a_licence_is_held_released_and_ended(database: Database) -> None:
    made = issued(database)
    with database.begin() as work:
        licences().change(work, found(work, made), Act.HELD, "client:office", "整改")
        licences().change(work, found(work, made), Act.RELEASED, "client:office", "整改合格")
        licences().end(work, found(work, made), Status.WITHDRAWN, "client:office", "严重违法")
    assert history(database, made.licence_id) == [
        (1, Act.ISSUED, Status.VALID),
        (2, Act.HELD, Status.HELD),
        (3, Act.RELEASED, Status.VALID),
        (4, Act.WITHDRAWN, Status.WITHDRAWN),
    ]


@pytest.mark.parametrize(("last", "woken"), [("2026-06-01", True), ("2026-06-02", False), ("", False)])
def test_what_lasts_beyond_today_wakes_nobody(database: Database, last: str, *, woken: bool) -> None:
    with database.begin() as work:
        issue(work, valid_until=last)
        assert (EXPIRY in work.topics) is woken


def test_licences_expire_after_their_last_day_in_beijing(database: Database, clock: ManualClock) -> None:
    made, endless = issued(database, valid_until="2026-06-02"), issued(database, valid_until="2026-07-01")
    assert licences().expire_due(database) == datetime(2026, 6, 2, 16, 0, tzinfo=UTC)
    clock.advance(hours=35, minutes=59)
    licences().expire_due(database)
    assert history(database, made.licence_id) == [(1, Act.ISSUED, Status.VALID)]
    clock.advance(minutes=1)
    assert licences().expire_due(database) == datetime(2026, 7, 1, 16, 0, tzinfo=UTC)
    assert history(database, made.licence_id)[-1] == (2, Act.EXPIRED, Status.EXPIRED)
    assert history(database, endless.licence_id) == [(1, Act.ISSUED, Status.VALID)]


def test_a_newer_organ_is_never_overwritten_by_an_older_one(database: Database) -> None:
    with database.begin() as work:
        directory.keep_organs(work, [organ_registered(name="新名局", version=3)])
        directory.keep_organs(work, [organ_registered(name="旧名局", version=2)])
    assert issued(database).issuer_name == "新名局"


def test_a_newer_person_is_never_overwritten_by_an_older_one(database: Database) -> None:
    with database.begin() as work:
        directory.keep_persons(work, [person_registered(name="李蕾", version=3)])
        directory.keep_persons(work, [person_registered(name="李雷", version=2)])
    assert issued(database).holder_name == "李蕾"


def test_a_name_that_scenarios_use_stands_for_one_type(database: Database) -> None:
    with pytest.raises(Exists) as raised, database.begin() as work:
        types.define(work, a_type(type_code=f"{MINISTRY}002"))
    assert raised.value.reason == "KIND_TAKEN"


def test_of_two_who_define_a_type_at_once_neither_overwrites_the_other_unseen(database: Database) -> None:
    """The edge has the one that came late try again, and it is held to what is there then."""
    ready, done = Barrier(2), list[int]()

    def define(months: int) -> None:
        ready.wait()
        with contextlib.suppress(IntegrityError), database.begin() as work:
            wanted = a_type(type_code=f"{MINISTRY}007", kind="sign-permit", valid_months=months)
            done.append(types.define(work, wanted).version)

    for number in range(10):
        with database.begin() as work:
            work.connection.execute(type_table.delete().where(type_table.c.kind == "sign-permit"))
        done.clear()
        threads = [Thread(target=define, args=(number * 2 + each,)) for each in (1, 2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with database.read() as work:
            assert types.type_of(work, "sign-permit").version == len(done)


def test_a_type_that_is_said_again_is_the_same_version(database: Database) -> None:
    with database.begin() as work:
        assert types.define(work, a_type()).version == 1
        assert types.define(work, a_type(name="食品经营许可")).version == 2
        assert types.type_of(work, FOOD) == types.type_of(work, "food-licence")
        assert types.type_of(work, FOOD).name == "食品经营许可"
