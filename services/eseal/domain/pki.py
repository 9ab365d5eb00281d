"""The platform's own certification authority and the certificates of seals.

Three levels: a root that people trust, an issuing authority under it, and one certificate per seal. All keys are P-256.
Profiles follow RFC 5280; seal certificates carry the document signing purpose of RFC 9336.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID, ObjectIdentifier

ROOT_YEARS = 20
ISSUING_YEARS = 10
SEAL_YEARS = 5
_YEAR = timedelta(days=365)
# Machines' clocks differ a little; a certificate must not be "not yet valid" on the machine next door.
_CLOCK_SKEW = timedelta(minutes=5)
_DOCUMENT_SIGNING = ObjectIdentifier("1.3.6.1.5.5.7.3.36")
_LARGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate and the private key that belongs to it."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def certificate_pem(self) -> str:
        """The certificate as PEM text."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def key_der(self) -> bytes:
        """The private key as unencrypted PKCS#8 DER; for the vault only."""
        return self.key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def load_identity(certificate_pem: str, key_der: bytes) -> Identity:
    """Reads back what `certificate_pem` and `key_der` gave; ValueError when the key is not an elliptic curve key."""
    key = serialization.load_der_private_key(key_der, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("the stored key is not an elliptic curve key")
    return Identity(x509.load_pem_x509_certificate(certificate_pem.encode()), key)


def make_root(now: datetime) -> Identity:
    """A new root authority, which signs its own certificate."""
    return _issue_authority("多跨平台根证书", now, now + ROOT_YEARS * _YEAR, issuer=None)


def make_issuing(root: Identity, now: datetime) -> Identity:
    """A new issuing authority, which may sign certificates of seals but no further authority."""
    until = min(now + ISSUING_YEARS * _YEAR, root.certificate.not_valid_after_utc)
    return _issue_authority("多跨平台电子印章签发证书", now, until, issuer=root)


def make_seal(issuing: Identity, *, organ_id: str, organ_name: str, now: datetime) -> Identity:
    """A new key and certificate for the seal of an organ."""
    until = min(now + SEAL_YEARS * _YEAR, issuing.certificate.not_valid_after_utc)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(organ_name, organ_name, organ_id)
    builder = (
        _builder(subject, key.public_key(), issuing.certificate.subject, issuing.key.public_key(), (now, until))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(digital_signature=True, content_commitment=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([_DOCUMENT_SIGNING]), critical=False)
    )
    return Identity(builder.sign(issuing.key, hashes.SHA256()), key)


def _issue_authority(common_name: str, now: datetime, until: datetime, *, issuer: Identity | None) -> Identity:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(common_name, "多跨", "")
    issuer_name = issuer.certificate.subject if issuer else subject
    issuer_key = issuer.key if issuer else key
    builder = (
        _builder(subject, key.public_key(), issuer_name, issuer_key.public_key(), (now, until))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0 if issuer else 1), critical=True)
        .add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
    )
    return Identity(builder.sign(issuer_key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePublicKey,
    validity: tuple[datetime, datetime],
) -> x509.CertificateBuilder:
    start, end = validity
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - _CLOCK_SKEW)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _name(common_name: str, organisation: str, serial_number: str) -> x509.Name:
    # X.520 bounds names to 64 characters. For the common name some software counts bytes, which is 21 Chinese
    # characters: less than many an organ's name. So the organisation is the name that counts.
    short = common_name.encode()[:_LARGEST_NAME].decode(errors="ignore")
    attributes = [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation[:_LARGEST_NAME]),
        x509.NameAttribute(NameOID.COMMON_NAME, short),
    ]
    if serial_number:
        attributes.append(x509.NameAttribute(NameOID.SERIAL_NUMBER, serial_number[:_LARGEST_NAME]))
    return x509.Name(attributes)


def _key_usage(
    *,
    digital_signature: bool = False,
    content_commitment: bool = False,
    key_cert_sign: bool = False,
    crl_sign: bool = False,
) -> x509.KeyUsage:
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
