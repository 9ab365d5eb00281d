"""Strict DER: read back what was written, and nothing that is written in another way."""

from datetime import UTC, datetime

import pytest
from asn1crypto import core  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from services.eseal.national import der
from services.eseal.national.der import DerError, read, read_all


@given(st.integers(0, 2**63 - 1))
def test_numbers_come_back(value: int) -> None:
    assert der.integer(value) == core.Integer(value).dump()
    assert der.as_integer(read(der.integer(value), der.INTEGER)) == value


@given(st.binary(max_size=70_000))
def test_lengths_are_the_shortest_ones(value: bytes) -> None:
    assert der.octets(value) == core.OctetString(value).dump()
    assert read(der.octets(value), der.OCTET_STRING).content == value
    assert der.as_bits(read(der.bits(value), der.BIT_STRING)) == value


@given(st.integers(0, 2), st.integers(0, 39), st.lists(st.integers(0, 2**40), max_size=6))
def test_object_identifiers_come_back(first: int, second: int, rest: list[int]) -> None:
    dotted = ".".join(map(str, (first, second, *rest)))
    assert der.oid(dotted) == core.ObjectIdentifier(dotted).dump()
    assert der.as_oid(read(der.oid(dotted), der.OID)) == dotted


@given(st.integers(-631_152_000, 2_524_607_999))
def test_moments_come_back_in_whole_seconds(seconds: int) -> None:
    moment = datetime.fromtimestamp(seconds + 0.5, tz=UTC)
    whole = moment.replace(microsecond=0)
    assert der.as_time(read(der.generalized_time(moment), der.GENERALIZED_TIME)) == whole
    assert der.as_time(read(der.x509_time(moment), der.UTC_TIME)) == whole


def test_certificates_write_late_moments_in_full() -> None:
    assert der.x509_time(datetime(2050, 1, 1, tzinfo=UTC))[0] == der.GENERALIZED_TIME


@pytest.mark.parametrize(
    "encoded",
    [
        b"",
        b"\x30",
        b"\x30\x80\x00\x00",  # indefinite length
        b"\x30\x81\x01\x00",  # a longer length than need be
        b"\x30\x82\x00\x80" + bytes(128),
        b"\x30\x85\x00\x00\x00\x00\x00",
        b"\x30\x84\xff\xff\xff\xff",
        b"\x30\x02\x05",  # cut off
        b"\x30\x00\x00",  # something follows
        b"\x31\x00",
        b"\x3f\x81\x01\x00",
    ],
)
def test_what_is_not_der_is_refused(encoded: bytes) -> None:
    with pytest.raises(DerError):
        read(encoded, der.SEQUENCE)


def test_a_structure_has_a_largest_size_and_a_largest_number_of_elements() -> None:
    with pytest.raises(DerError, match="the most is"):
        read(der.octets(bytes(der.LARGEST)), der.OCTET_STRING)
    with pytest.raises(DerError, match="more than 1000"):
        read_all(b"\x05\x00" * 1001)


@pytest.mark.parametrize("content", [b"\x00\x01", b"\x80", b"", bytes(9), b"\xff"])
def test_loose_and_negative_numbers_are_refused(content: bytes) -> None:
    with pytest.raises(DerError):
        der.as_integer(read(der.encode(der.INTEGER, content), der.INTEGER))


@pytest.mark.parametrize(
    ("tag", "content"),
    [
        (der.GENERALIZED_TIME, b"20260601040000+0800"),
        (der.GENERALIZED_TIME, b"20260601040000.1Z"),
        (der.GENERALIZED_TIME, b"20261301040000Z"),
        (der.GENERALIZED_TIME, b"2026060104000 Z"),
        (der.GENERALIZED_TIME, "２０２60601040000".encode()[:15]),
        (der.UTC_TIME, b"2606010400Z"),
        (der.INTEGER, b"20260601040000Z"),
    ],
)
def test_other_ways_to_write_a_moment_are_refused(tag: int, content: bytes) -> None:
    with pytest.raises(DerError):
        der.as_time(read(der.encode(tag, content), tag))


def test_a_sequence_has_the_elements_that_it_is_to_have() -> None:
    element = read(der.sequence(der.integer(1), der.ia5("a"), der.octets(b"")), der.SEQUENCE)
    assert len(element.children(der.INTEGER, der.IA5_STRING, optional=[der.SEQUENCE, der.OCTET_STRING])) == 3
    for tags, optional in (
        ((der.INTEGER,), []),
        ((der.INTEGER, der.OCTET_STRING), [der.IA5_STRING]),
        ((der.INTEGER, der.IA5_STRING, der.OCTET_STRING, der.SEQUENCE), []),
        ((der.INTEGER, der.IA5_STRING), [der.SEQUENCE]),
    ):
        with pytest.raises(DerError):
            element.children(*tags, optional=optional)


@pytest.mark.parametrize(
    ("tag", "content"), [(der.UTF8_STRING, b"\xff"), (der.IA5_STRING, b"\xe4"), (der.OCTET_STRING, b"a")]
)
def test_texts_are_in_their_encoding(tag: int, content: bytes) -> None:
    with pytest.raises(DerError):
        der.as_text(read(der.encode(tag, content), tag))


@pytest.mark.parametrize("content", [b"\x80\x01", b"\x2a\x80\x01", b"\x2a\x86", b"", bytes(65)])
def test_loose_object_identifiers_are_refused(content: bytes) -> None:
    with pytest.raises(DerError):
        der.as_oid(read(der.encode(der.OID, content), der.OID))


@given(st.binary(max_size=60))
def test_what_is_read_is_exactly_what_was_there(junk: bytes) -> None:
    try:
        found = read_all(junk)
    except DerError:
        return
    assert b"".join(each.whole for each in found) == junk
    assert all(der.encode(each.tag, each.content) == each.whole for each in found)
