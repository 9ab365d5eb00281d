"""What the platform's own certificates look like, of authorities and of seals.

Three levels: a root that people trust, an issuing authority under it, and one certificate per seal. All keys are P-256.
Profiles follow RFC 5280; seal certificates carry the document signing purpose of RFC 9336.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from services.eseal.keys import Credential, SigningKey
from services.eseal.keys.builders import builder_key

ROOT_YEARS = 20
ISSUING_YEARS = 10
SEAL_YEARS = 5
YEAR = timedelta(days=365)
# Machines' clocks differ a little; a certificate must not be "not yet valid" on the machine next door.
CLOCK_SKEW = timedelta(minutes=5)
DOCUMENT_SIGNING = ObjectIdentifier("1.3.6.1.5.5.7.3.36")
# Adobe's and Microsoft's purposes of signing documents, older than that of RFC 9336.
_OLDER_PURPOSES = (ObjectIdentifier("1.2.840.113583.1.1.5"), ObjectIdentifier("1.3.6.1.4.1.311.10.3.12"))
SIGNING_PURPOSES = frozenset({
    DOCUMENT_SIGNING,
    *_OLDER_PURPOSES,
    ExtendedKeyUsageOID.EMAIL_PROTECTION,
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
})  # fmt: skip
"""One of these has a certificate that may sign documents, where it names purposes at all."""
_LARGEST_NAME = 64
OWN = "平台自建，非依法设立的电子认证服务机构"
"""In the subject of every authority that the platform made itself: nobody shall take it for a lawful one."""


def make_root(key: SigningKey, now: datetime) -> Credential:
    """The certificate of a new root authority, which signs it itself."""
    return Credential(key, _authority("多跨平台根证书", key, (now, now + ROOT_YEARS * YEAR), issuer=None))


def make_issuing(root: Credential, key: SigningKey, now: datetime, published: str = "") -> Credential:
    """The certificate of a new issuing authority, which may sign certificates of seals but no further authority.

    `published`: where the issuer's certificate (with `.crt` behind it) and revocation list (`.crl`) are to be had by
    HTTP, beside `ocsp`; empty for nowhere.
    """
    until = min(now + ISSUING_YEARS * YEAR, root.certificate.not_valid_after_utc)
    certificate = _authority("多跨平台电子印章签发证书", key, (now, until), issuer=root, published=published)
    return Credential(key, certificate)


def make_seal(
    issuing: Credential,
    key: SigningKey,
    *,
    organ_id: str,
    organ_name: str,
    name: str,
    validity: tuple[datetime, datetime],
    published: str = "",
) -> Credential:
    """The certificate of a new seal of an organ, with the seal's name; it never outlives its issuer.

    `published`: as `make_issuing` has it.
    """
    start, until = validity
    until = min(until, issuing.certificate.not_valid_after_utc)
    builder = (
        _builder(subject_name(name, organ_name, organ_id), key, (start, until), issuer=issuing, published=published)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(digital_signature=True, content_commitment=True), critical=True)
        # Readers of PDF built on NSS (Okular, Evince, pdfsig) trust whoever may sign electronic mail, and nobody else.
        .add_extension(x509.ExtendedKeyUsage([DOCUMENT_SIGNING, ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    )
    certificate = builder.sign(builder_key(issuing.key), hashes.SHA256())
    return Credential(key, certificate, (issuing.certificate, *issuing.chain))


def make_timestamping(issuing: Credential, key: SigningKey, now: datetime) -> Credential:
    """The certificate of the platform's own timestamps (RFC 3161, 2.3), which may do nothing else."""
    until = min(now + ISSUING_YEARS * YEAR, issuing.certificate.not_valid_after_utc)
    builder = (
        _builder(subject_name("平台自建时间戳，非第三方", "多跨", ""), key, (now, until), issuer=issuing)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
    )
    certificate = builder.sign(builder_key(issuing.key), hashes.SHA256())
    return Credential(key, certificate, (issuing.certificate, *issuing.chain))


def _authority(
    common_name: str,
    key: SigningKey,
    validity: tuple[datetime, datetime],
    *,
    issuer: Credential | None,
    published: str = "",
) -> x509.Certificate:
    # An authority that follows another has a name of its own, by which its revocation list is told from the other's.
    own = x509.SubjectKeyIdentifier.from_public_key(builder_key(key).public_key()).digest.hex()[:16]
    subject = subject_name(common_name, "多跨", own, unit=OWN)
    builder = (
        _builder(subject, key, validity, issuer=issuer, published=published)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0 if issuer else 1), critical=True)
        .add_extension(key_usage(digital_signature=True, key_cert_sign=True, crl_sign=True), critical=True)
    )
    return builder.sign(builder_key(issuer.key if issuer else key), hashes.SHA256())


def _builder(
    subject: x509.Name,
    key: SigningKey,
    validity: tuple[datetime, datetime],
    *,
    issuer: Credential | None,
    published: str = "",
) -> x509.CertificateBuilder:
    public = builder_key(key).public_key()
    issuer_key = builder_key(issuer.key).public_key() if issuer else public
    start, end = validity
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - CLOCK_SKEW)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )
    for extension in places(published):
        builder = builder.add_extension(extension, critical=False)
    return builder


def places(published: str) -> Sequence[x509.ExtensionType]:
    """Where to ask whether a certificate was revoked, and by whom it was issued (RFC 5280, 4.2.1.13 and 4.2.2.1)."""
    if not published:
        return ()
    list_at = x509.DistributionPoint([x509.UniformResourceIdentifier(f"{published}.crl")], None, None, None)
    issuer_at = x509.UniformResourceIdentifier(f"{published}.crt")
    answers_at = x509.UniformResourceIdentifier(f"{published.rpartition('/')[0]}/ocsp")
    access = [
        x509.AccessDescription(AuthorityInformationAccessOID.OCSP, answers_at),
        x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, issuer_at),
    ]
    return x509.CRLDistributionPoints([list_at]), x509.AuthorityInformationAccess(access)


def subject_name(common_name: str, organisation: str, serial_number: str, *, unit: str = "") -> x509.Name:
    """Whom a certificate names; `serial_number` is an organ's code or an authority's, `unit` what an authority is."""
    # X.520 bounds names to 64 characters. For the common name some software counts bytes, which is 21 Chinese
    # characters: less than many an organ's name. So the organisation is the name that counts.
    short = common_name.encode()[:_LARGEST_NAME].decode(errors="ignore")
    attributes = [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation[:_LARGEST_NAME]),
        x509.NameAttribute(NameOID.COMMON_NAME, short),
    ]
    if unit:
        attributes.insert(2, x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit))
    if serial_number:
        attributes.append(x509.NameAttribute(NameOID.SERIAL_NUMBER, serial_number[:_LARGEST_NAME]))
    return x509.Name(attributes)


def key_usage(
    *,
    digital_signature: bool = False,
    content_commitment: bool = False,
    key_cert_sign: bool = False,
    crl_sign: bool = False,
) -> x509.KeyUsage:
    """What the key of a certificate may be used for, and nothing else."""
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=content_commitment,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )
