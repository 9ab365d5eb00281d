"""Electronic seals (电子印章) of GB/T 38540-2020: what a maker signs, so that a name and a picture become a seal.

Written in version 4. Read also in version 1 (GM/T 0031-2014) and version 5 (GM/T 0031-2025), because seals live for
years. What the maker signed is taken from the bytes received. Extensions stand in real seals without the tag [0] that
other structures of the standard have for them; both are read, none is written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.serialization import Encoding

from services.eseal.keys import Credential
from services.eseal.national import der
from services.eseal.national.der import DerError, Element
from services.eseal.national.oids import SM2_WITH_SM3
from services.eseal.national.sm3 import BYTES, sm3

VERSION = 4
ORGAN_SEAL = 1
_MAKER_ID = "DUOKUA"
_MOST_CERTIFICATES = 100
_LARGEST_SIDE_MM = 500
_CERTIFICATES, _DIGESTS = 1, 2


class BadSealError(Exception):
    """Not an electronic seal, or not one of the known versions."""


@dataclass(frozen=True, slots=True)
class Picture:
    """How a seal looks: an image in the format that `kind` names (PNG, GIF, BMP, JPG, SVG, OFD)."""

    kind: str
    data: bytes
    width_mm: int
    height_mm: int


@dataclass(frozen=True, slots=True)
class Seal:
    """A seal as it was received; nothing in it has been checked."""

    encoded: bytes
    version: int
    es_id: str
    name: str
    kind: int
    picture: Picture
    created_at: datetime
    valid_from: datetime
    valid_until: datetime
    maker: bytes
    """The certificate of who made it, DER."""
    signed: bytes
    signature: bytes
    algorithm: str
    certificates: Sequence[bytes]
    """Who may use it: certificates in DER, or their SM3 digests."""
    has_critical_extension: bool

    def is_held_by(self, certificate: bytes) -> bool:
        """Whether the holder of the certificate (DER) may use the seal."""
        return certificate in self.certificates or sm3(certificate) in self.certificates


def make_seal(
    *,
    es_id: str,
    name: str,
    picture: Picture,
    holders: Sequence[bytes],
    maker: Credential,
    now: datetime,
    valid_until: datetime,
    kind: int = ORGAN_SEAL,
) -> bytes:
    """A seal of version 4, DER, for the holders of these certificates (DER)."""
    details = der.sequence(
        der.integer(kind),
        der.utf8(name),
        der.integer(_CERTIFICATES),
        der.sequence(*map(der.octets, holders)),
        *map(der.generalized_time, (now, now, valid_until)),
    )
    shown = der.sequence(
        der.ia5(picture.kind), der.octets(picture.data), der.integer(picture.width_mm), der.integer(picture.height_mm)
    )
    header = der.sequence(der.ia5("ES"), der.integer(VERSION), der.ia5(_MAKER_ID))
    signed = der.sequence(header, der.ia5(es_id), details, shown)
    return der.sequence(
        signed,
        der.octets(certificate_bytes(maker)),
        der.oid(SM2_WITH_SM3),
        der.bits(maker.key.sign(signed)),
    )


def read_seal(encoded: bytes) -> Seal:
    """A seal of version 1, 4 or 5, DER. Raises BadSealError."""
    try:
        return _seal(der.read(encoded, der.SEQUENCE))
    except DerError as fault:
        raise BadSealError(f"not an electronic seal: {fault}") from fault


def _seal(outer: Element) -> Seal:
    parts = der.read_all(outer.content, most=5)
    if len(parts) == 2:
        parts = outer.children(der.SEQUENCE, der.SEQUENCE)
        certificate, algorithm, signature = parts[1].children(der.OCTET_STRING, der.OID, der.BIT_STRING)
        signed, first = der.sequence(parts[0].whole, certificate.whole, algorithm.whole), True
    else:
        parts = outer.children(der.SEQUENCE, der.OCTET_STRING, der.OID, der.BIT_STRING, optional=[der.EXPLICIT_0])
        (_, certificate, algorithm, signature), signed, first = parts[:4], parts[0].whole, False
    header, es_id, details, shown, *extensions = parts[0].children(
        der.SEQUENCE, der.IA5_STRING, der.SEQUENCE, der.SEQUENCE,
        optional=[der.EXPLICIT_0] if first else [der.SEQUENCE, der.EXPLICIT_0],
    )  # fmt: skip
    held = _details(details, first=first)
    return Seal(
        encoded=outer.whole,
        version=_version(header, first=first),
        es_id=der.as_text(es_id, 100),
        name=held.name,
        kind=held.kind,
        picture=_picture(shown),
        created_at=held.created_at,
        valid_from=held.valid_from,
        valid_until=held.valid_until,
        maker=certificate.content,
        signed=signed,
        signature=der.as_bits(signature),
        algorithm=der.as_oid(algorithm),
        certificates=held.certificates,
        has_critical_extension=any(has_critical(each) for each in extensions),
    )


def _version(header: Element, *, first: bool) -> int:
    name, version, _ = header.children(der.IA5_STRING, der.INTEGER, der.IA5_STRING)
    number = der.as_integer(version)
    if der.as_text(name) != "ES" or number not in ((1,) if first else (4, 5)):
        raise BadSealError(f"seals of version {number} with this structure are not known")
    return number


@dataclass(frozen=True, slots=True)
class _Details:
    kind: int
    name: str
    certificates: Sequence[bytes]
    created_at: datetime
    valid_from: datetime
    valid_until: datetime


def _details(details: Element, *, first: bool) -> _Details:
    if first:
        moment = der.UTC_TIME
        kind, name, held, *moments = details.children(der.INTEGER, der.UTF8_STRING, der.SEQUENCE, *[moment] * 3)
        listed = _CERTIFICATES
    else:
        moment = der.GENERALIZED_TIME
        kind, name, by, held, *moments = details.children(
            der.INTEGER, der.UTF8_STRING, der.INTEGER, der.SEQUENCE, *[moment] * 3
        )
        listed = der.as_integer(by)
    created_at, valid_from, valid_until = map(der.as_time, moments)
    return _Details(
        der.as_integer(kind), der.as_text(name, 1_000), _holders(held, listed), created_at, valid_from, valid_until
    )


def _holders(held: Element, listed: int) -> Sequence[bytes]:
    every = der.read_all(held.content, _MOST_CERTIFICATES)
    if listed == _DIGESTS:
        every = [each.children(der.PRINTABLE_STRING, der.OCTET_STRING)[1] for each in every]
    elif listed != _CERTIFICATES:
        raise BadSealError(f"a list of certificates of kind {listed} is not known")
    elif any(len(each.content) <= BYTES for each in every):
        raise BadSealError("a list of certificates holds something else, such as their digests")
    if any(each.tag != der.OCTET_STRING for each in every):
        raise DerError("the list of certificates holds something else")
    return [each.content for each in every]


def _picture(shown: Element) -> Picture:
    kind, data, width, height = shown.children(der.IA5_STRING, der.OCTET_STRING, der.INTEGER, der.INTEGER)
    picture = Picture(der.as_text(kind, 20), data.content, der.as_integer(width), der.as_integer(height))
    if not (0 < picture.width_mm <= _LARGEST_SIDE_MM and 0 < picture.height_mm <= _LARGEST_SIDE_MM):
        raise BadSealError("the picture of the seal has no size, or a monstrous one")
    return picture


def has_critical(extensions: Element) -> bool:
    """Whether one of these extensions is critical: none is known here, so such a seal is not understood."""
    if extensions.tag == der.EXPLICIT_0:
        extensions = der.read(extensions.content, der.SEQUENCE)
    critical = False
    for each in der.read_all(extensions.content):
        if each.tag != der.SEQUENCE:
            raise DerError("the list of extensions holds something else")
        # Whether it is critical is left out where it is not; some write it all the same, against DER.
        fields = der.read_all(each.content, most=3)
        flag = fields[1] if len(fields) == 3 else None
        if [fields[0].tag, fields[-1].tag] != [der.OID, der.OCTET_STRING] or len(fields) < 2:
            raise DerError("an extension is something else")
        if flag and (flag.tag != der.BOOLEAN or flag.content not in (b"\x00", b"\xff")):
            raise DerError("an extension is neither critical nor not")
        critical = critical or (flag is not None and flag.content == b"\xff")
    return critical


def certificate_bytes(credential: Credential) -> bytes:
    """The certificate of a credential, DER."""
    return credential.certificate.public_bytes(Encoding.DER)
