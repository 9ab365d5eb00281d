"""Making CMS signatures (RFC 5652) at CAdES baseline (ETSI EN 319 122-1), as PAdES and RFC 3161 want them.

Written element by element: a signature has a dozen of them, all but four the same each time, and a general ASN.1
library takes a hundred times longer over them than the key takes to sign.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate

from services.eseal.keys import Algorithm, Credential
from services.eseal.national.der import (
    EXPLICIT_0,
    SET,
    encode,
    integer,
    octets,
    oid,
    sequence,
    x509_time,
)

DATA, SIGNED_DATA, TST_INFO = "1.2.840.113549.1.7.1", "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.16.1.4"
_CONTENT_TYPE, _MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
_SIGNING_TIME, _SIGNING_CERTIFICATE = "1.2.840.113549.1.9.5", "1.2.840.113549.1.9.16.2.47"
_SIGNATURE_STAMP = "1.2.840.113549.1.9.16.2.14"
_SHA256 = sequence(oid("2.16.840.1.101.3.4.2.1"))
_ECDSA_SHA256 = sequence(oid("1.2.840.10045.4.3.2"))
_EXPLICIT_1, _IMPLICIT_0 = 0xA1, 0xA0

Stamp = Callable[[bytes], bytes]
"""Gives the timestamp token (DER, a ContentInfo) of a signature value."""


class CmsSigner:
    """A credential ready to sign, any number of times."""

    def __init__(self, credential: Credential) -> None:
        if credential.key.algorithm is not Algorithm.ECDSA_P256_SHA256:
            raise ValueError(f"CMS signatures are made with P-256 keys, not with {credential.key.algorithm}")
        self._key = credential.key
        chain = [_der(certificate) for certificate in (credential.certificate, *credential.chain)]
        self._certificates = encode(_IMPLICIT_0, *chain)
        issuer = credential.certificate.issuer.public_bytes()
        # ESSCertIDv2 of RFC 5035: SHA-256 is its default, and defaults are left out in DER.
        bound = sequence(sequence(sequence(octets(hashlib.sha256(chain[0]).digest()))))
        self._signing_certificate = _attribute(_SIGNING_CERTIFICATE, bound)
        self._signer = sequence(issuer, _serial_number(credential.certificate))

    def detached(self, digest: bytes, *, signed_at: datetime | None = None, stamp: Stamp | None = None) -> bytes:
        """The signature of content with this SHA-256, which it does not hold: DER.

        `signed_at` is left out in PDF, where the file says it (ETSI EN 319 142-1, 6.3); `stamp` makes it level B-T.
        """
        return self._signed_data(sequence(oid(DATA)), DATA, digest, signed_at=signed_at, stamp=stamp)

    def enclosing(self, content: bytes, content_type: str, *, signed_at: datetime) -> bytes:
        """The signature of content that it holds: DER. For timestamps."""
        enclosed = sequence(oid(content_type), encode(EXPLICIT_0, octets(content)))
        return self._signed_data(enclosed, content_type, hashlib.sha256(content).digest(), signed_at=signed_at)

    def _signed_data(
        self,
        enclosed: bytes,
        content_type: str,
        digest: bytes,
        *,
        signed_at: datetime | None = None,
        stamp: Stamp | None = None,
    ) -> bytes:
        attributes = [
            _attribute(_CONTENT_TYPE, oid(content_type)),
            _attribute(_MESSAGE_DIGEST, octets(digest)),
            self._signing_certificate,
        ]
        if signed_at:
            attributes.append(_attribute(_SIGNING_TIME, x509_time(signed_at)))
        # DER orders the elements of a set by their bytes.
        ordered = sorted(attributes)
        value = self._key.sign(encode(SET, *ordered))
        info = [integer(1), self._signer, _SHA256, encode(_IMPLICIT_0, *ordered), _ECDSA_SHA256, octets(value)]
        if stamp:
            info.append(encode(_EXPLICIT_1, _attribute(_SIGNATURE_STAMP, stamp(value))))
        version = integer(1 if content_type == DATA else 3)
        data = sequence(version, encode(SET, _SHA256), enclosed, self._certificates, encode(SET, sequence(*info)))
        return sequence(oid(SIGNED_DATA), encode(EXPLICIT_0, data))


def _attribute(of: str, value: bytes) -> bytes:
    return sequence(oid(of), encode(SET, value))


def _serial_number(certificate: Certificate) -> bytes:
    return integer(certificate.serial_number)


def _der(certificate: Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)
