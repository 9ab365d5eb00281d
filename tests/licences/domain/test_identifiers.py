"""Identifiers of licences: their form, their check character, and what is told of a wrong one."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.iso7064 import mod_37_36

from chassis.problems import Conflict, Invalid
from services.licences.domain.identifiers import LAST_VERSION, Identifier, read_identifier, type_code_fault
from tests.edge import a_uscc

CAPITALS = string.digits + string.ascii_uppercase
usccs = st.integers(0, 10**9 - 1).map(a_uscc)
identifiers = st.builds(
    Identifier,
    type_code=st.builds(str.__add__, usccs, st.text(CAPITALS, min_size=3, max_size=3)),
    issuer_uscc=usccs,
    serial=st.text(CAPITALS, min_size=1, max_size=32),
    version=st.integers(1, LAST_VERSION),
)
ONE = Identifier(f"{a_uscc(9)}001", a_uscc(1), "JY23301060012345", 1)


@given(identifiers)
def test_what_is_written_is_read_back_in_whatever_case(identifier: Identifier) -> None:
    assert read_identifier(str(identifier)) == identifier
    assert read_identifier(f" {str(identifier).lower()} ") == identifier


@given(identifiers)
def test_the_check_character_makes_the_parts_in_the_middle_right_by_iso_7064(identifier: Identifier) -> None:
    assert mod_37_36.is_valid(str(identifier).removeprefix("1.2.156.3005.2.").replace(".", ""))


@given(identifiers, st.data())
def test_a_changed_character_of_the_serial_is_found(identifier: Identifier, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(identifier.serial) - 1))
    other = data.draw(st.sampled_from(CAPITALS).filter(lambda each: each != identifier.serial[place]))
    serial = identifier.serial[:place] + other + identifier.serial[place + 1 :]
    with pytest.raises(Invalid, match="check character"):
        read_identifier(str(identifier).replace(f".{identifier.serial}.", f".{serial}."))


@given(identifiers.filter(lambda each: each.version < LAST_VERSION))
def test_a_renewal_differs_in_its_version_and_check_character_alone(identifier: Identifier) -> None:
    before, following = str(identifier).split("."), str(identifier.following()).split(".")
    assert before[:8] == following[:8]
    assert int(following[8]) == int(before[8]) + 1


def test_the_standard_s_layout_is_kept() -> None:
    assert str(ONE) == f"1.2.156.3005.2.{a_uscc(9)}001.{a_uscc(1)}.JY23301060012345.001.{ONE.check_character}"
    assert len(ONE.check_character) == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "must be 1.2.156.3005.2"),
        ("1.2.156.3005.2", "must be 1.2.156.3005.2"),
        (str(ONE).replace("3005", "3006"), "must be 1.2.156.3005.2"),
        (f"{ONE}.1", "five parts"),
        (str(ONE).replace(".001.", ".000."), "001 to 999"),
        (str(ONE).replace(".001.", ".1.", 1), "001 to 999"),
        (str(ONE).replace("JY2", "JY-"), "digits and capitals"),
        (str(ONE).replace(a_uscc(1), "113301060000000010"), "check character of 113301060000000010"),
        (str(ONE).replace(f"{a_uscc(9)}001", f"{a_uscc(9)}1"), "a type's code"),
    ],
)
def test_a_wrong_identifier_is_told_what_is_wrong(text: str, told: str) -> None:
    with pytest.raises(Invalid) as raised:
        read_identifier(text)
    assert raised.value.reason == "BAD_IDENTIFIER"
    assert told in raised.value.message
    assert raised.value.violations[0].field == "identifier"


def test_the_last_version_has_no_next() -> None:
    with pytest.raises(Conflict) as raised:
        Identifier(ONE.type_code, ONE.issuer_uscc, ONE.serial, LAST_VERSION).following()
    assert raised.value.reason == "VERSIONS_EXHAUSTED"


def test_a_type_s_code_begins_with_an_organ_s() -> None:
    assert type_code_fault(ONE.type_code) == ""
    assert "check character" in type_code_fault("113301060000000010001")
