"""What types may say, how they may change, and what data fits them."""

from dataclasses import replace
from typing import Any

import pytest

from services.licences.domain.contents import faults_of_data, faults_of_days, holder_fault, tidy
from services.licences.domain.types import Audience, Field, FieldType, HolderKind, LicenceType, faults_of, visible
from tests.licences.builders import DATA, FIELDS, OFFICE, a_type


def fields(wanted: LicenceType, before: LicenceType | None = None) -> list[str]:
    return [fault.field for fault in faults_of(wanted, before)]


def test_a_good_type_has_no_fault() -> None:
    assert fields(a_type()) == []
    assert fields(a_type(), a_type()) == []


def test_every_fault_of_a_type_is_told_at_once() -> None:
    twice = (
        FIELDS[0],
        replace(FIELDS[0], label="again"),
        Field("No", "x", FieldType.TEXT, required=True, audience=Audience.HOLDER),
    )
    wanted = a_type(
        type_code="1" * 21, kind="Food Licence", name="\n", valid_months=1201, fields=twice, issuers=(OFFICE, "1")
    )
    assert fields(wanted) == [
        "type.type_code",
        "type.kind",
        "type.name",
        "type.valid_months",
        "type.issuers[1]",
        "type.fields[1].name",
        "type.fields[2].name",
    ]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"fields": FIELDS[1:]}, "the field shop must stay"),
        ({"fields": (replace(FIELDS[0], type=FieldType.DATE), *FIELDS[1:])}, "must stay a text"),
        ({"fields": (FIELDS[0], replace(FIELDS[1], audience=Audience.EVERYONE), *FIELDS[2:])}, "shown to more"),
        ({"kind": "restaurant-licence"}, "must stay food-licence"),
    ],
)
def test_licences_that_are_out_lose_nothing_when_their_type_changes(changes: dict[str, Any], told: str) -> None:
    (fault,) = faults_of(a_type(**changes), a_type())
    assert told in fault.description


def test_a_type_may_get_a_field_and_show_one_to_fewer() -> None:
    more = Field("note", "备注", FieldType.TEXT, required=False, audience=Audience.HOLDER)
    assert fields(a_type(fields=(replace(FIELDS[0], audience=Audience.HOLDER), *FIELDS[1:], more)), a_type()) == []


def test_each_audience_sees_what_those_before_it_may_not() -> None:
    assert visible(DATA, a_type(), Audience.HOLDER) == DATA
    assert list(visible(DATA, a_type(), Audience.ORGANS)) == ["shop", "address", "area", "granted_on"]
    assert list(visible(DATA, a_type(), Audience.EVERYONE)) == ["shop", "granted_on"]


@pytest.mark.parametrize("text", [" ", "\n", "\u200b", "\u202e \ufeff"])
def test_text_that_nobody_can_see_is_not_there(text: str) -> None:
    (fault,) = faults_of_data({**DATA, "shop": text}, a_type())
    assert (fault.field, fault.description) == ("data.shop", "must be there (经营者名称)")


def test_text_is_kept_as_one_line_of_what_can_be_seen() -> None:
    said = {"shop": " 西湖\x1b面馆\n有效期：\u202e长期\u2028 ", "address": "\u200b", "area": 0, "open": False}
    assert tidy(said) == {"shop": "西湖面馆 有效期：长期", "area": 0, "open": False}


def test_data_that_fits_has_no_fault() -> None:
    assert list(faults_of_data(DATA, a_type())) == []
    assert list(faults_of_data({"shop": "甲", "address": "乙", "area": None}, a_type())) == []


def test_every_fault_of_data_is_told_at_once() -> None:
    wrong = {"shop": "", "address": 5, "area": "wide", "granted_on": "30.5.2026", "colour": "red"}
    assert [fault.field for fault in faults_of_data(wrong, a_type())] == [
        "data.colour",
        "data.shop",
        "data.address",
        "data.area",
        "data.granted_on",
    ]


@pytest.mark.parametrize("value", ["2026-02-30", "20260201", "2026-2-1", 20260201, True])
def test_a_day_is_written_in_full(value: object) -> None:
    assert [fault.field for fault in faults_of_data({**DATA, "granted_on": value}, a_type())] == ["data.granted_on"]


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (FieldType.INTEGER, [0, -3], [1.5, True, "1", 2**60]),
        (FieldType.NUMBER, [0, 1.5], [True, "1", float("nan"), float("inf")]),
        (FieldType.BOOLEAN, [True, False], [0, "true"]),
        (FieldType.TEXT, ["x", "x" * 1000], ["x" * 1001, 1, ["x"]]),
    ],
)
def test_a_field_holds_its_type_and_nothing_else(kind: FieldType, good: list[object], bad: list[object]) -> None:
    of = a_type(fields=(Field("value", "值", kind, required=True, audience=Audience.HOLDER),))
    for value in good:
        assert list(faults_of_data({"value": value}, of)) == []
    for value in bad:
        assert len(list(faults_of_data({"value": value}, of))) == 1, value


def test_days_are_days_and_in_order() -> None:
    assert list(faults_of_days("2026-06-01", "2026-06-01")) == []
    assert [fault.field for fault in faults_of_days("2026-06-31", "soon")] == ["valid_from", "valid_until"]
    assert [fault.field for fault in faults_of_days("2026-06-01", "2026-05-31")] == ["valid_until"]


def test_a_licence_for_firms_is_not_for_people() -> None:
    assert holder_fault(HolderKind.NATURAL, a_type()) == ""
    assert "for legal persons" in holder_fault(HolderKind.NATURAL, a_type(holder_kind=HolderKind.LEGAL))
