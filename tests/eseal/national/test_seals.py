"""Seals and signatures with them: what is written reads elsewhere, and all three versions are read."""

from typing import Any

import pytest
from asn1crypto import core  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from services.eseal.keys import Credential
from services.eseal.national import der
from services.eseal.national.oids import SM2_WITH_SM3
from services.eseal.national.seals import BadSealError, certificate_bytes, read_seal
from services.eseal.national.signatures import BadSignatureError, Signature, read_signature, sign
from services.eseal.national.sm3 import sm3
from tests.eseal.national import structures
from tests.eseal.national.builders import DAY, NOON, OFFICE, authority, certificate, picture, seal

HASH = sm3(b"document")
MAKER, SIGNER = authority().maker, authority().seal
SEAL = seal()


def made_by(credential: Credential, signed: bytes, signature: bytes) -> bool:
    return certificate(credential).public_key.verify(signed, signature)


def signed(**options: Any) -> bytes:
    return sign(SEAL, SIGNER, data_hash=HASH, property_info="/Doc_0/Signature.xml", now=NOON, **options)[0]


def test_a_seal_comes_back_as_it_was_made() -> None:
    found = read_seal(SEAL)
    assert (found.version, found.es_id, found.name, found.kind) == (4, "33010600000001", OFFICE, 1)
    assert (found.created_at, found.valid_from, found.valid_until) == (NOON, NOON, NOON + 365 * DAY)
    assert found.picture == picture()
    assert found.maker == certificate_bytes(MAKER)
    assert found.is_held_by(certificate_bytes(SIGNER))
    assert not found.is_held_by(certificate_bytes(MAKER))
    assert not found.has_critical_extension
    assert found.algorithm == SM2_WITH_SM3
    assert made_by(MAKER, found.signed, found.signature)


def test_another_library_reads_the_seal_by_the_standards_structure() -> None:
    found = structures.Seal.load(SEAL, strict=True)
    assert found["info"]["header"].native == {"id": "ES", "version": 4, "vid": "DUOKUA"}
    assert found["info"]["property"]["name"].native == OFFICE
    assert found["info"]["picture"]["data"].native == picture().data
    assert list(found["info"]["property"]["list"].parse(structures.Certificates).native) == [certificate_bytes(SIGNER)]
    assert found["info"]["property"]["end"].native == NOON + 365 * DAY
    assert "bare" not in {name for name, value in found["info"].native.items() if value is not None}
    assert made_by(MAKER, found["info"].dump(), found["signature"].native)


def test_a_signature_comes_back_as_it_was_made_and_another_library_reads_it() -> None:
    found, other = read_signature(signed()), structures.Signature.load(signed(), strict=True)
    assert (found.version, found.claimed_at, found.data_hash) == (4, NOON, HASH)
    assert (found.property_info, found.timestamp) == ("/Doc_0/Signature.xml", None)
    assert found.seal.encoded == SEAL
    assert found.signer == certificate_bytes(SIGNER)
    assert made_by(SIGNER, found.signed, found.signature)
    assert other["to_sign"]["hash"].native == HASH
    assert other["to_sign"]["time"].native == NOON
    assert made_by(SIGNER, other["to_sign"].dump(), other["signature"].native)


def test_a_timestamp_is_over_the_value_of_the_signature() -> None:
    asked: list[bytes] = []

    def stamp(value: bytes) -> bytes:
        asked.append(value)
        return b"token"

    found = read_signature(signed(timestamp=stamp))
    assert found.timestamp == b"token"
    assert asked == [found.signature]


EXTENSION = {"id": "1.2.156.1", "critical": False, "value": b"data"}


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("extensions", [{}, {"bare": [EXTENSION]}, {"tagged": [EXTENSION]}])
def test_seals_of_version_4_and_5_with_and_without_extensions_are_read(
    version: int, extensions: dict[str, Any]
) -> None:
    holders = structures.Certificates([certificate_bytes(SIGNER)])
    found = read_seal(structures.seal(MAKER, holders, version=version, extensions=extensions))
    assert (found.version, found.name, found.has_critical_extension) == (version, OFFICE, False)
    assert found.is_held_by(certificate_bytes(SIGNER))
    assert made_by(MAKER, found.signed, found.signature)


def test_a_seal_that_lists_digests_of_certificates_is_read() -> None:
    holders = structures.Digests([{"type": "SM3", "value": sm3(certificate_bytes(SIGNER))}])
    found = read_seal(structures.seal(MAKER, holders, listed=2))
    assert found.is_held_by(certificate_bytes(SIGNER))
    assert not found.is_held_by(certificate_bytes(MAKER))


def test_a_seal_of_version_5_with_a_timestamp_is_read() -> None:
    holders = structures.Certificates([certificate_bytes(SIGNER)])
    found = read_seal(structures.seal(MAKER, holders, version=5, timestamp=b"token"))
    assert made_by(MAKER, found.signed, found.signature)


def test_a_seal_of_version_1_is_read_with_what_its_maker_signed() -> None:
    found = read_seal(structures.first_seal(MAKER, [certificate_bytes(SIGNER)]))
    assert (found.version, found.name, found.valid_until) == (1, OFFICE, NOON + 365 * DAY)
    assert found.is_held_by(certificate_bytes(SIGNER))
    assert made_by(MAKER, found.signed, found.signature)


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (core.UTCTime(NOON).dump(), NOON),
        (core.GeneralizedTime(NOON).dump(), NOON),
        (b"20260601040000Z", NOON),
        (b"a timestamp token", None),
        (b"", None),
    ],
)
def test_a_signature_of_version_1_is_read(time: bytes, expected: object) -> None:
    first = structures.first_seal(MAKER, [certificate_bytes(SIGNER)])
    found = read_signature(structures.first_signature(first, SIGNER, HASH, time=time))
    assert (found.version, found.claimed_at, found.data_hash, found.timestamp) == (1, expected, HASH, None)
    assert made_by(SIGNER, found.signed, found.signature)


def test_a_signature_of_version_5_is_read() -> None:
    holders = structures.Certificates([certificate_bytes(SIGNER)])
    fifth = structures.seal(MAKER, holders, version=5, timestamp=b"token")
    found = read_signature(structures.signature(fifth, SIGNER, HASH))
    assert (found.version, found.seal.version) == (5, 5)
    assert made_by(SIGNER, found.signed, found.signature)


@pytest.mark.parametrize("place", ["bare", "tagged"])
def test_a_critical_extension_is_noticed(place: str) -> None:
    holders = structures.Certificates([certificate_bytes(SIGNER)])
    critical = structures.seal(MAKER, holders, extensions={place: [EXTENSION, {**EXTENSION, "critical": True}]})
    assert read_seal(critical).has_critical_extension


def remade(number: int, field: bytes, *, of: bytes = SEAL) -> bytes:
    """The structure with its field of this number replaced."""
    parts = [each.whole for each in der.read_all(der.read(of, der.SEQUENCE).content)]
    parts[number] = field
    return der.sequence(*parts)


@pytest.mark.parametrize(
    ("listed", "holders", "version"),
    [
        (1, structures.Certificates([bytes(32)]), 4),
        (1, structures.Certificates([b"x"]), 1),
        (1, structures.Certificates([b"x"]), 6),
        (3, structures.Certificates([b"x"]), 4),
        (2, structures.Certificates([b"x"]), 4),
        (1, structures.Digests([{"type": "SM3", "value": b""}]), 4),
        (1, structures.Certificates([b"x"] * 101), 4),
    ],
)
def test_seals_of_unknown_kinds_are_refused(listed: int, holders: Any, version: int) -> None:
    with pytest.raises(BadSealError):
        read_seal(structures.seal(MAKER, holders, listed=listed, version=version))


def test_structures_with_fields_missing_repeated_or_added_are_refused() -> None:
    outer = der.read(SEAL, der.SEQUENCE)
    parts = [each.whole for each in der.read_all(outer.content)]
    broken = [
        der.sequence(*parts[:3]),
        der.sequence(*parts, der.integer(1)),
        der.sequence(*parts, der.encode(der.EXPLICIT_0, der.bits(b"")), der.encode(der.EXPLICIT_0, der.bits(b""))),
        SEAL + b"\x00",
        SEAL[:-1],
        remade(2, der.octets(b"")),
        remade(3, der.encode(der.BIT_STRING, b"\x01\x02")),
        remade(0, der.sequence()),
        b"",
    ]
    for each in broken:
        with pytest.raises(BadSealError):
            read_seal(each)


def test_a_digest_of_another_length_is_refused() -> None:
    short, _ = sign(SEAL, SIGNER, data_hash=b"short", property_info="/", now=NOON)
    with pytest.raises(BadSignatureError, match="digest"):
        read_signature(short)


SIGNATURE = signed()


@given(st.integers(0), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_breaks_a_signature(position: int, change: int) -> None:
    content = bytearray(SIGNATURE)
    content[position % len(content)] ^= change
    try:
        found = read_signature(bytes(content))
    except BadSignatureError:
        return
    assert not genuine(found)


def genuine(found: Signature) -> bool:
    return (
        made_by(SIGNER, found.signed, found.signature)
        and made_by(MAKER, found.seal.signed, found.seal.signature)
        and found.signer == certificate_bytes(SIGNER)
        and found.algorithm == found.seal.algorithm == SM2_WITH_SM3
    )


def test_the_unchanged_one_is_genuine() -> None:
    assert genuine(read_signature(SIGNATURE))


@given(st.binary(max_size=300))
def test_random_bytes_are_neither(junk: bytes) -> None:
    with pytest.raises(BadSealError):
        read_seal(junk)
    with pytest.raises(BadSignatureError):
        read_signature(junk)


def test_deep_nesting_ends_in_a_refusal() -> None:
    nested = b""
    for _ in range(3_000):
        nested = der.sequence(nested)
    for read, error in ((read_seal, BadSealError), (read_signature, BadSignatureError)):
        with pytest.raises(error):
            read(nested)
