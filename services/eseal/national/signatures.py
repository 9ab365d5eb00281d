"""Signatures with an electronic seal (电子签章) of GB/T 38540-2020: a seal, a document's digest, and who says when.

Written in version 4; read also in version 1 (GM/T 0031-2014) and version 5 (GM/T 0031-2025), as in `seals.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from services.eseal.keys import Credential
from services.eseal.national import der
from services.eseal.national.der import DerError, Element
from services.eseal.national.oids import SM2_WITH_SM3
from services.eseal.national.seals import VERSION, BadSealError, Seal, certificate_bytes, has_critical, read_seal
from services.eseal.national.sm3 import BYTES


class BadSignatureError(Exception):
    """Not a signature with an electronic seal, or not one of the known versions."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature with a seal as it was received; nothing in it has been checked."""

    version: int
    seal: Seal
    signed: bytes
    signature: bytes
    algorithm: str
    signer: bytes
    """The certificate of who used the seal, DER."""
    claimed_at: datetime | None
    """When it was sealed, by the signer's own word; None where version 1 has no readable moment."""
    data_hash: bytes
    property_info: str
    timestamp: bytes | None
    """A timestamp authority's token over `signature`."""
    has_critical_extension: bool


Timestamp = Callable[[bytes], bytes]


def sign(
    seal: bytes,
    signer: Credential,
    *,
    data_hash: bytes,
    property_info: str,
    now: datetime,
    timestamp: Timestamp | None = None,
) -> tuple[bytes, bytes]:
    """A signature of version 4, DER, and the part of it that is signed.

    `data_hash`: SM3 of what is sealed. `property_info`: where in the document that lies. `timestamp`: gives a token of
    a timestamp authority for a signature's value.
    """
    signed = der.sequence(
        der.integer(VERSION), seal, der.generalized_time(now), der.bits(data_hash), der.ia5(property_info)
    )
    value = signer.key.sign(signed)
    token = [der.encode(der.EXPLICIT_0, der.bits(timestamp(value)))] if timestamp else []
    encoded = der.sequence(
        signed, der.octets(certificate_bytes(signer)), der.oid(SM2_WITH_SM3), der.bits(value), *token
    )
    return encoded, signed


def read_signature(encoded: bytes) -> Signature:
    """A signature of version 1, 4 or 5, DER. Raises BadSignatureError."""
    try:
        outer = der.read(encoded, der.SEQUENCE)
        return _first(outer) if len(der.read_all(outer.content, most=5)) == 2 else _current(outer)
    except (DerError, BadSealError) as fault:
        raise BadSignatureError(f"not a signature with an electronic seal: {fault}") from fault


def _current(outer: Element) -> Signature:
    signed, signer, algorithm, value, *tokens = outer.children(
        der.SEQUENCE, der.OCTET_STRING, der.OID, der.BIT_STRING, optional=[der.EXPLICIT_0]
    )
    version, seal, moment, digest, info, *extensions = signed.children(
        der.INTEGER, der.SEQUENCE, der.GENERALIZED_TIME, der.BIT_STRING, der.IA5_STRING, optional=[der.EXPLICIT_0]
    )
    if der.as_integer(version) not in (4, 5):
        raise BadSignatureError(f"signatures of version {der.as_integer(version)} with this structure are not known")
    return Signature(
        version=der.as_integer(version),
        seal=read_seal(seal.whole),
        signed=signed.whole,
        signature=der.as_bits(value),
        algorithm=der.as_oid(algorithm),
        signer=signer.content,
        claimed_at=der.as_time(moment),
        data_hash=_digest(digest),
        property_info=der.as_text(info),
        timestamp=der.as_bits(der.read(tokens[0].content, der.BIT_STRING)) if tokens else None,
        has_critical_extension=any(has_critical(each) for each in extensions),
    )


def _first(outer: Element) -> Signature:
    signed, value = outer.children(der.SEQUENCE, der.BIT_STRING)
    version, seal, moment, digest, info, signer, algorithm = signed.children(
        der.INTEGER, der.SEQUENCE, der.BIT_STRING, der.BIT_STRING, der.IA5_STRING, der.OCTET_STRING, der.OID
    )
    if der.as_integer(version) != 1:
        raise BadSignatureError(f"signatures of version {der.as_integer(version)} with this structure are not known")
    return Signature(
        version=1,
        seal=read_seal(seal.whole),
        signed=signed.whole,
        signature=der.as_bits(value),
        algorithm=der.as_oid(algorithm),
        signer=signer.content,
        claimed_at=_moment(der.as_bits(moment)),
        data_hash=_digest(digest),
        property_info=der.as_text(info),
        timestamp=None,
        has_critical_extension=False,
    )


def _moment(content: bytes) -> datetime | None:
    """The moment of version 1, which is a time in ASN.1, its bare text, or a timestamp token."""
    for encoded in (content, der.encode(der.UTC_TIME, content), der.encode(der.GENERALIZED_TIME, content)):
        try:
            return der.as_time(der.read(encoded, encoded[0]))
        except (DerError, IndexError):
            continue
    return None


def _digest(element: Element) -> bytes:
    digest = der.as_bits(element)
    if len(digest) != BYTES:
        raise DerError("the document's digest is not one of SM3")
    return digest
