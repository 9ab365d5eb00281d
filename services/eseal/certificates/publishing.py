"""What everybody may have of the platform's authorities, by HTTP under `/pki/`.

`<id>.crt` is an authority's certificate, `<id>.crl` its revocation list, both DER; `ocsp` answers questions about
single certificates, posted or, in base64, behind a further slash (RFC 6960, appendix A).
"""

import base64
import binascii
import time
from collections.abc import Sequence
from urllib.parse import unquote

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate, load_pem_x509_certificate
from sqlalchemy import Select, and_, select

from chassis.database import Database, UnitOfWork
from chassis.health import Page
from services.eseal.certificates.authorities import Authorities, Authority
from services.eseal.certificates.ocsp import LARGEST_QUESTION, answer, malformed, not_ours, read_question
from services.eseal.certificates.revocation import Issued, make_list
from services.eseal.domain.seal import Act, Suite
from services.eseal.national import issuing as national
from services.eseal.tables import seal_acts, seals

PREFIX = "/pki/"
# So often a list is made anew at most; it is signed by an authority's key, which may lie in a slow token.
LIST_SECONDS = 60.0


def revocation_list(work: UnitOfWork, authorities: Authorities, authority: Authority) -> bytes:
    """An authority's revocation list as of now, DER. A root's is empty: no issuing authority is ever revoked."""
    credential = authorities.credential(work, authority)
    rows = work.connection.execute(_issued(authority)).all()
    if authority.suite is Suite.NATIONAL:
        revoked = [national.Revoked(int(row.serial_number), row.at) for row in rows if row.at]
        return national.make_revocation_list(credential, revoked, number=int(work.now.timestamp()), now=work.now)
    issued = [Issued(int(row.serial_number), row.at) for row in rows]
    return make_list(credential, issued, work.now).public_bytes(Encoding.DER)


class Publisher:
    """Answers for all authorities of the platform."""

    def __init__(self, database: Database, authorities: Authorities) -> None:
        self._database = database
        self._authorities = authorities
        self._lists: dict[str, tuple[float, bytes]] = {}

    def __call__(self, method: str, path: str, body: bytes) -> Page | None:
        """The page at a path; None where there is none."""
        name = path.removeprefix(PREFIX)
        if method == "POST":
            return self._answer(body) if name == "ocsp" else None
        if name.startswith("ocsp/"):
            return self._answer(_question_in(name.removeprefix("ocsp/")))
        authority_id, _, kind = name.rpartition(".")
        if kind == "crl":
            return self._list(authority_id)
        return self._certificate(authority_id) if kind == "crt" else None

    def _certificate(self, authority_id: str) -> Page | None:
        with self._database.read() as work:
            authority = _named(self._authorities.all(work), authority_id)
        if authority is None:
            return None
        return Page(200, _certificate(authority).public_bytes(Encoding.DER), "application/pkix-cert")

    def _list(self, authority_id: str) -> Page | None:
        made_at, content = self._lists.get(authority_id, (0.0, b""))
        if not content or time.monotonic() - made_at > LIST_SECONDS:
            with self._database.read() as work:
                authority = _named(self._authorities.all(work), authority_id)
                if authority is None:
                    return None
                content = revocation_list(work, self._authorities, authority)
            self._lists[authority_id] = (time.monotonic(), content)
        return Page(200, content, "application/pkix-crl")

    def _answer(self, body: bytes) -> Page:
        question = read_question(body)
        if question is None:
            return _ocsp(malformed())
        with self._database.read() as work:
            about = [each for each in self._authorities.all(work) if question.is_about(_certificate(each))]
            if not about:
                return _ocsp(not_ours())
            authority = self._authorities.credential(work, about[0])
            issued = self._issued_with(work, about[0], question.serial_number)
            return _ocsp(answer(question, authority, issued, work.now))

    def _issued_with(self, work: UnitOfWork, authority: Authority, serial_number: int) -> Issued | None:
        """What an authority issued under a number: to a seal, or to an authority below, which is never revoked."""
        query = _issued(authority).where(seals.c.serial_number == str(serial_number))
        row = work.connection.execute(query).one_or_none()
        if row is not None:
            return Issued(serial_number, row.at)
        below = self._authorities.issued_by(work, authority.authority_id)
        numbers = (load_pem_x509_certificate(each.encode()).serial_number for each in below)
        return Issued(serial_number) if serial_number in numbers else None


def _issued(authority: Authority) -> Select[str, object]:
    """The serial numbers of the seals' certificates that an authority issued, and when they were revoked."""
    ended = and_(seal_acts.c.seal_id == seals.c.seal_id, seal_acts.c.act == Act.REVOKED.value)
    query = select(seals.c.serial_number, seal_acts.c.at).select_from(seals.outerjoin(seal_acts, ended))
    return query.where(seals.c.issuer_id == authority.authority_id, seals.c.serial_number != "")


def _named(known: Sequence[Authority], authority_id: str) -> Authority | None:
    return next((each for each in known if each.authority_id == authority_id), None)


def _certificate(authority: Authority) -> Certificate:
    return load_pem_x509_certificate(authority.certificate_pem.encode())


def _question_in(text: str) -> bytes:
    if len(text) > 2 * LARGEST_QUESTION:
        return b""
    try:
        return base64.b64decode(unquote(text), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _ocsp(content: bytes) -> Page:
    return Page(200, content, "application/ocsp-response")
