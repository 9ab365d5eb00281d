"""Fetches sealed notices and has them judged: by the platform, and by others who have nothing but the file."""

import asyncio
import hashlib
import io
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from cli.demo.report import DocumentReport, Report
from duokua.cases.v1 import case_pb2
from duokua.client import Session
from duokua.eseal.v1 import document_pb2, finding_pb2, seal_service_pb2

GENUINE, REVOKED, ALTERED = "genuine", "revoked", "altered"
_OFD = "application/ofd"


def verdict_on(session: Session, content: bytes) -> seal_service_pb2.VerifyDocumentResponse:
    """What the platform says of a file."""
    return session.seals.VerifyDocument(seal_service_pb2.VerifyDocumentRequest(content=content))


def word(verdict: finding_pb2.Verdict.ValueType) -> str:
    """A verdict in one word."""
    return finding_pb2.Verdict.Name(verdict).removeprefix("VERDICT_").lower()


def collect(session: Session, case: case_pb2.Case, folder: Path, report: Report) -> list[DocumentReport]:
    """Fetch every sealed notice of a case into `folder`, and have each judged by all verifiers."""
    folder.mkdir(exist_ok=True)
    anchors = session.seals.GetTrustAnchors(seal_service_pb2.GetTrustAnchorsRequest()).certificates_pem
    found = []
    for step in case.steps:
        if step.notice_status == case_pb2.NOTICE_STATUS_SEALED:
            answer = session.seals.GetDocument(seal_service_pb2.GetDocumentRequest(document_id=step.document_id))
            # The number's end tells cases of a day apart: its first 39 characters are the bundle and the date.
            suffix = "ofd" if answer.document.media_type == _OFD else "pdf"
            path = folder / f"{case.case_number[31:]}-{step.step_id}.{suffix}"
            path.write_bytes(answer.content)
            found.append(judge(session, answer, path, anchors))
    for document in found:
        name = f"notice {document.step_id} of {document.case_number[31:]} is genuine"
        verdicts = {document.verdict, document.offline, document.pdfsig or GENUINE}
        report.check(name, verdicts == {GENUINE}, f"{document.verdict}, {document.offline}, {document.pdfsig}")
    return found


def judge(
    session: Session, answer: seal_service_pb2.GetDocumentResponse, path: Path, anchors: Sequence[str]
) -> DocumentReport:
    """What each verifier says of a sealed document that has been written to a file."""
    document: document_pb2.Document = answer.document
    found = verdict_on(session, answer.content)
    digest = hashlib.sha256(answer.content).hexdigest()
    is_ofd = document.media_type == _OFD
    return DocumentReport(
        path=str(path),
        title=document.title,
        case_number=document.case_number,
        step_id=document.step_id,
        document_id=document.document_id,
        sealed_by=found.sealed_by,
        sha256=digest,
        verdict=word(found.verdict) if digest == document.sha256 else "not the file of the register",
        offline=_offline_ofd(answer.content, anchors) if is_ofd else offline_verdict(answer.content, anchors),
        pdfsig="" if is_ofd else pdfsig_verdict(path),
    )


def offline_verdict(content: bytes, anchors: Sequence[str]) -> str:
    """What pyHanko says of a file, given the platform's root certificates and nothing else."""
    from pyhanko.keys import load_certs_from_pemder_data  # noqa: PLC0415 - half a second that starting need not take
    from pyhanko.pdf_utils.reader import PdfFileReader  # noqa: PLC0415 - the same
    from pyhanko.sign.validation import async_validate_pdf_signature  # noqa: PLC0415 - the same
    from pyhanko_certvalidator import ValidationContext  # noqa: PLC0415 - the same

    roots = [root for anchor in anchors for root in load_certs_from_pemder_data(anchor.encode())]
    signatures = list(PdfFileReader(io.BytesIO(content)).embedded_signatures)
    if len(signatures) != 1:
        return f"{len(signatures)} signatures"
    context = ValidationContext(trust_roots=roots, allow_fetching=False, revocation_mode="soft-fail")
    status = asyncio.run(async_validate_pdf_signature(signatures[0], context))
    return GENUINE if status.bottom_line else str(status.summary())


def _offline_ofd(content: bytes, anchors: Sequence[str]) -> str:
    """What our verifier says of an OFD without the platform: no other program judges one."""
    from services.eseal.domain.trust import read_trust  # noqa: PLC0415 - the same
    from services.eseal.national.ofd.verification import inspect  # noqa: PLC0415 - the same

    return inspect(content, read_trust("".join(anchors)), lambda _: None).verdict.name.lower()


def pdfsig_verdict(path: Path) -> str:
    """What Poppler's `pdfsig` says of a file's signature; empty when it is not installed."""
    program = shutil.which("pdfsig")
    if program is None:
        return ""
    # Its own store of certificates does not know our root: only the signature itself is asked about.
    done = subprocess.run([program, "-nocert", str(path)], capture_output=True, text=True, check=False, timeout=20)  # noqa: S603 - found above
    said = re.search(r"Signature Validation: (.*)", done.stdout)
    return GENUINE if said and said[1].strip() == "Signature is Valid." else (said[1] if said else done.stderr.strip())


def check_altered(session: Session, documents: Sequence[DocumentReport], report: Report) -> None:
    """Change one byte of a sealed text, of each kind of file that there is, and see that it is noticed."""
    for path in {Path(document.path).suffix: Path(document.path) for document in documents}.values():
        content = bytearray(path.read_bytes())
        # Within the first page's text in an OFD, within the first stream in a PDF.
        place = content.index(b"Content.xml" if path.suffix == ".ofd" else b"stream") + 40
        content[place] ^= 0x01
        name = f"a changed byte of {path.name} is noticed"
        report.same(name, word(verdict_on(session, bytes(content)).verdict), ALTERED)
