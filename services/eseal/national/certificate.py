"""A certificate with an SM2 key, as it was received.

`cryptography` reads dates, names and extensions. What is signed is cut out of the bytes themselves, and the key is
taken only with the curve's name, never with parameters of its own.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TypeVar

from cryptography import x509
from cryptography.x509.oid import ExtensionOID, NameOID

from services.eseal.certificates.profiles import SIGNING_PURPOSES
from services.eseal.domain.findings import authority_name, shortened
from services.eseal.national import der
from services.eseal.national.oids import SEAL_MAKING, SM2_WITH_SM3
from services.eseal.national.sm2 import PublicKey

# With and without the parameters that it must not have and real ones do.
ALGORITHMS = (der.sequence(der.oid(SM2_WITH_SM3)), der.sequence(der.oid(SM2_WITH_SM3), b"\x05\x00"))
_KNOWN = frozenset({ExtensionOID.BASIC_CONSTRAINTS, ExtensionOID.KEY_USAGE, ExtensionOID.EXTENDED_KEY_USAGE})
_Kind = TypeVar("_Kind", bound=x509.ExtensionType)


class BadCertificateError(Exception):
    """The bytes are not a certificate, or not one that can be judged."""


@dataclass(frozen=True)
class Certificate:
    """A certificate as it was received, with the parts that are compared byte by byte."""

    encoded: bytes

    def __post_init__(self) -> None:
        """Raises BadCertificateError for what cannot be judged at all, at once rather than on first use."""
        try:
            algorithms = self._outer[1].whole, self._fields[2].whole
            _ = self.public_key, der.as_bits(self._outer[2])
            _ = self.parsed.extensions, self.parsed.not_valid_before_utc, self.parsed.not_valid_after_utc
        except BadCertificateError:
            raise
        except Exception as fault:
            # A hostile certificate can make a parser raise anything.
            raise BadCertificateError(f"not a certificate that can be judged: {fault}") from fault
        if algorithms[0] not in ALGORITHMS or algorithms[0] != algorithms[1]:
            raise BadCertificateError("the certificate is not signed with SM2 and SM3")

    @cached_property
    def parsed(self) -> x509.Certificate:
        """For dates, names and extensions."""
        # What is unusual about it the library warns of; whoever uploads a file shall not write into the log.
        with warnings.catch_warnings(action="ignore"):
            return x509.load_der_x509_certificate(self.encoded)

    @cached_property
    def _outer(self) -> list[der.Element]:
        return der.read(self.encoded, der.SEQUENCE).children(der.SEQUENCE, der.SEQUENCE, der.BIT_STRING)

    @cached_property
    def _fields(self) -> list[der.Element]:
        """Version, serial number, algorithm, issuer, validity, subject, key, and so on."""
        fields = der.read_all(self._outer[0].content, most=10)
        if len(fields) < 7 or fields[0].tag != der.EXPLICIT_0:
            raise BadCertificateError("a certificate of version 3 is wanted")
        serial = fields[1]
        if serial.tag != der.INTEGER or not serial.content.strip(b"\x00") or serial.content[0] & 0x80:
            raise BadCertificateError("a serial number is positive")
        return fields

    @property
    def issuer(self) -> bytes:
        """The issuer's name, DER."""
        return self._fields[3].whole

    @property
    def subject(self) -> bytes:
        """The subject's name, DER."""
        return self._fields[5].whole

    @cached_property
    def public_key(self) -> PublicKey:
        """The SM2 key that is certified."""
        return PublicKey(self._fields[6].whole)

    @property
    def name(self) -> str:
        """Who it is, for people: the organisation, or else the common name; empty when neither can be read."""
        organisation, _, common = _parts(lambda: self.parsed.subject)
        return shortened(organisation or common)

    @property
    def issuer_name(self) -> str:
        """Who issued it; empty when it cannot be read."""
        return authority_name(*_parts(lambda: self.parsed.issuer))

    @property
    def may_make_seals(self) -> bool:
        """Whether it says of its holder that seals are made there, as those of the platform's own maker do."""
        purposes = extension(self.parsed.extensions, x509.ExtendedKeyUsage)
        return purposes is not None and any(each.dotted_string == SEAL_MAKING for each in purposes)

    def is_valid_at(self, moment: datetime) -> bool:
        """Whether the moment lies between its dates."""
        return self.parsed.not_valid_before_utc <= moment <= self.parsed.not_valid_after_utc

    def is_signed_by(self, issuer: "Certificate") -> bool:
        """Whether the issuer's key signed this, over the bytes received."""
        return issuer.public_key.verify(self._outer[0].whole, der.as_bits(self._outer[2]))

    @property
    def has_known_extensions(self) -> bool:
        """Whether no critical extension is unknown here: one that is may forbid what we would allow."""
        return all(each.oid in _KNOWN for each in self.parsed.extensions if each.critical)

    @property
    def may_sign_documents(self) -> bool:
        """Whether its key may sign documents: no authority's, for signatures, and not for other purposes alone."""
        extensions = self.parsed.extensions
        usage = extension(extensions, x509.KeyUsage)
        purposes = extension(extensions, x509.ExtendedKeyUsage)
        constraints = extension(extensions, x509.BasicConstraints)
        return (
            (usage is None or usage.digital_signature or usage.content_commitment)
            and (purposes is None or not SIGNING_PURPOSES.isdisjoint(purposes))
            and not (constraints and constraints.ca)
        )


def _parts(name: Callable[[], x509.Name]) -> tuple[str, str, str]:
    """Organisation, unit and common name of a name; each empty where it is not there."""
    try:
        with warnings.catch_warnings(action="ignore"):
            found = name()
    except ValueError:
        # Real certificates hold names in wrong encodings; the verdict does not hang on the name.
        return "", "", ""
    kinds = (NameOID.ORGANIZATION_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME, NameOID.COMMON_NAME)
    organisation, unit, common = (
        next((str(each.value) for each in found.get_attributes_for_oid(kind)), "") for kind in kinds
    )
    return organisation, unit, common


def extension(extensions: x509.Extensions, kind: type[_Kind]) -> _Kind | None:
    """The extension of this kind, if there is one."""
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
