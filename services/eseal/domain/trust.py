"""Whom a verification trusts: a trust list of certificates, and lists of revoked ones. Nothing is ever fetched.

A trust list is a text of PEM blocks: `CERTIFICATE` are roots, `X509 CRL` lists of revoked certificates; all else is
commentary. Roots of timestamp authorities are kept apart, so that who may tell the time may not seal.
"""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cryptography.x509 import load_der_x509_certificate, load_der_x509_crl

# As many as any country has authorities; a list of millions is a mistake or an attack.
_MOST_BLOCKS = 1_000
_LARGEST_LIST = 20_000_000
_BLOCK = re.compile(r"-----BEGIN (CERTIFICATE|X509 CRL)-----\s(.*?)-----END \1-----", re.DOTALL)

_READ: Mapping[str, Callable[[bytes], object]] = {
    "CERTIFICATE": load_der_x509_certificate,
    "X509 CRL": load_der_x509_crl,
}


class BadTrustListError(ValueError):
    """A text that is no trust list, with a sentence that says why."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom one trusts; everything as DER."""

    roots: tuple[bytes, ...] = ()
    timestamp_roots: tuple[bytes, ...] = ()
    revocation_lists: tuple[bytes, ...] = ()


def read_trust(seals: str, timestamps: str = "") -> Trust:
    """Reads one trust list for seals, and one for timestamps; raises BadTrustListError."""
    roots, lists = _blocks(seals)
    timestamp_roots, more_lists = _blocks(timestamps)
    return Trust(roots, timestamp_roots, lists + more_lists)


def _blocks(text: str) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    if len(text) > _LARGEST_LIST:
        raise BadTrustListError(f"the trust list has {len(text)} characters, the most is {_LARGEST_LIST}")
    found: dict[str, list[bytes]] = {"CERTIFICATE": [], "X509 CRL": []}
    for number, block in enumerate(_BLOCK.finditer(text), start=1):
        if number > _MOST_BLOCKS:
            raise BadTrustListError(f"the trust list has more than {_MOST_BLOCKS} entries")
        try:
            der = base64.b64decode("".join(block[2].split()), validate=True)
            _READ[block[1]](der)
        except ValueError as fault:
            message = f"entry {number} of the trust list is no {block[1]} that can be read"
            raise BadTrustListError(message) from fault
        found[block[1]].append(der)
    if text.strip() and not any(found.values()):
        raise BadTrustListError("the trust list has no PEM block CERTIFICATE or X509 CRL")
    return tuple(found["CERTIFICATE"]), tuple(found["X509 CRL"])
