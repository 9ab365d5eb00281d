"""Licences that were issued before are taken in: all faults at once, or all of it."""

from dataclasses import replace
from typing import Any

import pytest

from chassis.clock import day_of
from chassis.database import Database
from chassis.problems import Forbidden
from chassis.testing.events import emitted
from duokua.licences.v1 import events_pb2
from services.licences import directory, store, types
from services.licences.domain.holders import masked, number_fault
from services.licences.domain.licence import Licence
from services.licences.domain.types import HolderKind
from services.licences.importing import Imported, Imports, Row
from tests.edge import a_uscc
from tests.licences.builders import DATA, NUMBER, OTHER_OFFICE, a_type, licences, person_registered, vault

NEWCOMER = "11010519491231002X"


def a_row(number: int = 2, **said: Any) -> Row:
    row = Row(number, f"JY{number}", 0, "李雷", HolderKind.NATURAL, NUMBER, "2025-01-01", "2029-12-31", DATA)
    return replace(row, **said)


def take(database: Database, *rows: Row, dry_run: bool = False) -> Imported:
    with database.begin() as work:
        done = Imports(vault()).take(work, "food-licence", "o1", rows, "client:office", dry_run=dry_run)
        # No document is asked for.
        assert all(isinstance(each, events_pb2.LicenceIssued) for each in emitted(work))
        return done


def counts(done: Imported) -> tuple[int, int, bool]:
    return done.created, done.unchanged, done.written


def held(database: Database, person_id: str) -> list[Licence]:
    with database.read() as work:
        return store.listed(work.connection, store.Wanted(holder_person_id=person_id), "", 100)


def test_rows_become_licences_of_those_who_are_registered(database: Database) -> None:
    assert counts(take(database, a_row(2), a_row(3, version=2))) == (2, 0, True)
    first, second = sorted(held(database, "p1"), key=lambda each: each.serial)
    assert (first.serial, first.version, second.version) == ("JY2", 1, 2)
    assert (first.masked_number, first.holder_name) == ("330***********1236", "李雷")
    with database.read() as work:
        assert licences().data(work, first) == DATA
        (change,) = store.changes_of(work.connection, first.licence_id)
    assert (change.actor, change.reason) == ("client:office", "导入")


def test_who_registers_later_finds_what_was_issued_to_the_number(database: Database) -> None:
    take(database, a_row(holder_number=NEWCOMER, holder_name="王芳"))
    assert held(database, "p9") == []
    with database.begin() as work:
        directory.keep_persons(work, [person_registered("p9", "王芳", NEWCOMER)])
    assert [each.holder_name for each in held(database, "p9")] == ["王芳"]


def test_a_number_under_another_name_is_somebody_else_s(database: Database) -> None:
    done = take(database, a_row(2, holder_name="韩梅梅"), a_row(3, holder_name=" 李 雷"))
    assert [(row, fault.field) for row, fault in done.faults] == [(2, "holder_name")]
    assert "李雷" not in done.faults[0][1].description
    take(database, a_row(holder_number=NEWCOMER, holder_name="王芳"))
    with database.begin() as work:
        directory.keep_persons(work, [person_registered("p9", "李明", NEWCOMER)])
    assert held(database, "p9") == []
    with database.begin() as work:
        directory.keep_persons(work, [person_registered("p9", "王 芳", NEWCOMER, version=2)])
    assert [each.holder_name for each in held(database, "p9")] == ["王芳"]


def test_the_same_rows_again_change_nothing_and_others_are_told(database: Database) -> None:
    take(database, a_row())
    assert counts(take(database, a_row())) == (0, 1, False)
    done = take(database, a_row(valid_until="2030-12-31"), a_row(3))
    assert [(row, fault.field) for row, fault in done.faults] == [(2, "serial")]
    assert len(held(database, "p1")) == 1


def test_the_day_of_issue_is_the_one_that_is_said_or_the_first(database: Database) -> None:
    take(database, a_row(2, issued_on="2024-12-30"), a_row(3), a_row(4, valid_from="2026-07-01"))
    days = {each.serial: day_of(each.issued_at).isoformat() for each in held(database, "p1")}
    assert days == {"JY2": "2024-12-30", "JY3": "2025-01-01", "JY4": "2026-06-01"}
    done = take(database, a_row(5, issued_on="2026-06-02"), a_row(6, issued_on="soon"))
    assert [(row, fault.field) for row, fault in done.faults] == [(5, "issued_on"), (6, "issued_on")]


def test_an_organ_that_issues_no_licences_of_a_type_brings_none(database: Database) -> None:
    with database.begin() as work:
        types.define(work, a_type(issuers=(OTHER_OFFICE,)))
    with pytest.raises(Forbidden) as raised:
        take(database, a_row())
    assert raised.value.reason == "NOT_AN_ISSUER"


def test_of_one_number_one_version_is_valid(database: Database) -> None:
    old, new = {"valid_until": "2026-05-31"}, {"version": 2}
    done = take(database, a_row(2, serial="A"), a_row(3, serial="A", **new))
    assert [(row, fault.field) for row, fault in done.faults] == [(3, "version")]
    assert counts(take(database, a_row(2, serial="A", **old), a_row(3, serial="A", **new))) == (2, 0, True)
    done = take(database, a_row(4, serial="A", version=3))
    assert "version 2 of this number is valid too" in done.faults[0][1].description


def test_a_last_day_that_stands_for_none_is_without_end(database: Database) -> None:
    take(database, a_row(valid_until="9999-12-31"))
    assert [each.valid_until for each in held(database, "p1")] == [None]
    assert counts(take(database, a_row(valid_until="9999-12-31"))) == (0, 1, False)


def test_every_fault_of_every_row_is_told_and_nothing_is_written(database: Database) -> None:
    done = take(
        database,
        a_row(2),
        a_row(3, serial="JY-3", version=1000, holder_name=" ", valid_from="", valid_until="later"),
        a_row(4, holder_number="330106199003071237", data={"shop": "x", "area": "wide"}),
        a_row(5, holder_kind=HolderKind.ANY),
        a_row(6, holder_kind=HolderKind.LEGAL),
        a_row(7, serial="JY2"),
    )
    assert [(row, fault.field) for row, fault in done.faults] == [
        (3, "serial"),
        (3, "version"),
        (3, "holder_name"),
        (3, "valid_from"),
        (3, "valid_until"),
        (4, "holder_number"),
        (4, "data.address"),
        (4, "data.area"),
        (5, "holder_kind"),
        (6, "holder_number"),
        (7, "serial"),
    ]
    assert not done.written
    assert held(database, "p1") == []
    assert all("330106" not in fault.description for _, fault in done.faults)


def test_a_dry_run_counts_and_writes_nothing(database: Database) -> None:
    assert counts(take(database, a_row(2), a_row(3), dry_run=True)) == (2, 0, False)
    assert held(database, "p1") == []


def test_numbers_are_held_to_their_standards_and_shown_masked() -> None:
    assert number_fault(HolderKind.NATURAL, NUMBER) == ""
    assert number_fault(HolderKind.LEGAL, a_uscc(1)) == ""
    assert "check character" in number_fault(HolderKind.NATURAL, "110105194912310021")
    assert "17 digits" in number_fault(HolderKind.NATURAL, "X")
    assert number_fault(HolderKind.LEGAL, NUMBER)
    assert masked(NUMBER) == "330***********1236"
