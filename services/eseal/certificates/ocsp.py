"""Questions about single certificates, and answers (OCSP, RFC 6960), signed by the authority that is asked about.

Both suites alike: `cryptography` signs no answer with SM2, so the structures are written here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha1

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import ocsp

from services.eseal.certificates.revocation import Issued
from services.eseal.keys import Algorithm, Credential
from services.eseal.national import der
from services.eseal.national.oids import SM2_WITH_SM3, SM3

ANSWER_LIFE = timedelta(hours=1)
LARGEST_QUESTION = 4_096
_LONGEST_NONCE = 32
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "1.3.14.3.2.26": hashes.SHA1(),  # noqa: S303 - it only tells which authority is meant
    "2.16.840.1.101.3.4.2.1": hashes.SHA256(),
    SM3: hashes.SM3(),
}
_SIGNED_WITH = {Algorithm.ECDSA_P256_SHA256: "1.2.840.10045.4.3.2", Algorithm.SM2_SM3: SM2_WITH_SM3}
_BASIC_ANSWER = "1.3.6.1.5.5.7.48.1.1"
_ENUMERATED = 0x0A
_SUCCESSFUL, _MALFORMED, _UNAUTHORIZED = b"\x00", b"\x01", b"\x06"
# The tags of RFC 6960, 4.2.1.
_BY_KEY, _EXTENSIONS = 0xA2, 0xA1
_GOOD, _REVOKED, _UNKNOWN = 0x80, 0xA1, 0x82
# What revocation lists give as the reason too (RFC 5280, 5.3.1).
_CESSATION_OF_OPERATION = b"\x05"


@dataclass(frozen=True, slots=True)
class Question:
    """A question about one certificate; `certificate_id` is how it was put, DER."""

    certificate_id: bytes
    algorithm: hashes.HashAlgorithm
    issuer_name_hash: bytes
    issuer_key_hash: bytes
    serial_number: int
    nonce: x509.OCSPNonce | None

    def is_about(self, authority: x509.Certificate) -> bool:
        """Tell whether it is about a certificate of this authority."""
        asked = self.issuer_name_hash, self.issuer_key_hash
        return asked == (self._digest(authority.subject.public_bytes()), self._digest(_key_bits(authority)))

    def _digest(self, data: bytes) -> bytes:
        digest = hashes.Hash(self.algorithm)
        digest.update(data)
        return digest.finalize()


def read_question(body: bytes) -> Question | None:
    """The question in a request; None for what is none, asks for several, or is too large."""
    if len(body) > LARGEST_QUESTION:
        return None
    try:
        request = ocsp.load_der_ocsp_request(body)
        certificate_id = _certificate_id(body)
        algorithm, *_ = der.read(certificate_id, der.SEQUENCE).children(
            der.SEQUENCE, der.OCTET_STRING, der.OCTET_STRING, der.INTEGER
        )
        return Question(
            certificate_id,
            _HASHES[der.as_oid(der.read_all(algorithm.content)[0])],
            request.issuer_name_hash,
            request.issuer_key_hash,
            request.serial_number,
            _nonce(request.extensions),
        )
    except (ValueError, NotImplementedError, KeyError, IndexError, x509.DuplicateExtension, der.DerError):
        return None


def answer(question: Question, authority: Credential, issued: Issued | None, now: datetime) -> bytes:
    """The authority's answer, DER; `issued` is None when it issued no such certificate."""
    single = der.sequence(
        question.certificate_id,
        _status(issued),
        der.generalized_time(now),
        der.encode(der.EXPLICIT_0, der.generalized_time(now + ANSWER_LIFE)),
    )
    # Whoever answers goes by the SHA-1 of the key, in either suite.
    key = sha1(_key_bits(authority.certificate), usedforsecurity=False).digest()
    extensions = [der.encode(_EXTENSIONS, der.sequence(_extension(question.nonce)))] if question.nonce else []
    content = der.sequence(
        der.encode(_BY_KEY, der.octets(key)), der.generalized_time(now), der.sequence(single), *extensions
    )
    algorithm = der.sequence(der.oid(_SIGNED_WITH[authority.key.algorithm]))
    basic = der.sequence(content, algorithm, der.bits(authority.key.sign(content)))
    given = der.sequence(der.oid(_BASIC_ANSWER), der.octets(basic))
    return der.sequence(der.encode(_ENUMERATED, _SUCCESSFUL), der.encode(der.EXPLICIT_0, given))


def malformed() -> bytes:
    """The answer to what is no question."""
    return der.sequence(der.encode(_ENUMERATED, _MALFORMED))


def not_ours() -> bytes:
    """The answer to a question about somebody else's certificates."""
    return der.sequence(der.encode(_ENUMERATED, _UNAUTHORIZED))


def _status(issued: Issued | None) -> bytes:
    if issued is None:
        return der.encode(_UNKNOWN)
    if issued.revoked_at is None:
        return der.encode(_GOOD)
    reason = der.encode(der.EXPLICIT_0, der.encode(_ENUMERATED, _CESSATION_OF_OPERATION))
    return der.encode(_REVOKED, der.generalized_time(issued.revoked_at), reason)


def _extension(nonce: x509.OCSPNonce) -> bytes:
    return der.sequence(der.oid(nonce.oid.dotted_string), der.octets(nonce.public_bytes()))


def _certificate_id(body: bytes) -> bytes:
    """Which certificate the request is about, as it stands there."""
    tbs = der.read_all(der.read(body, der.SEQUENCE).content)[0]
    (requests,) = (each for each in der.read_all(tbs.content) if each.tag == der.SEQUENCE)
    (request,) = der.read_all(requests.content)
    return der.read_all(request.content)[0].whole


def _nonce(extensions: Iterable[x509.Extension[x509.ExtensionType]]) -> x509.OCSPNonce | None:
    for extension in extensions:
        if isinstance(extension.value, x509.OCSPNonce) and len(extension.value.nonce) <= _LONGEST_NONCE:
            return extension.value
    return None


def _key_bits(certificate: x509.Certificate) -> bytes:
    """The bits of the public key without their wrapping, which is what OCSP digests; of a key of either suite."""
    fields = der.read_all(der.read(certificate.tbs_certificate_bytes, der.SEQUENCE).content)
    # Version, serial number, algorithm, issuer, validity, subject; then the key.
    return der.as_bits(der.read_all(fields[6].content)[1])
