"""Findings as the contract has them, and back."""

from datetime import UTC

from duokua.eseal.v1 import finding_pb2
from duokua.eseal.v1 import seal_service_pb2 as pb
from services.eseal.domain.answers import Code, Verdict
from services.eseal.domain.findings import Answer, Certificate, Finding, Format, Kind, SealFinding
from services.eseal.domain.records import Document
from services.eseal.messages import document_message, timestamp


def verification_message(finding: Finding, record: Document | None) -> pb.VerifyDocumentResponse:
    """The answer to a verification."""
    return pb.VerifyDocumentResponse(
        verdict=_verdict(finding.verdict),
        explanation=finding.zh,
        explanation_en=finding.en,
        sealed_by=finding.sealed_by,
        sealed_at=timestamp(finding.sealed_at),
        document=document_message(record) if record else None,
        format=finding_pb2.FileFormat.Value(f"FILE_FORMAT_{finding.format.name}"),
        seals=[_seal(seal) for seal in finding.seals],
        remarks=[_answer(remark) for remark in finding.remarks],
    )


def _seal(seal: SealFinding) -> finding_pb2.SealFinding:
    return finding_pb2.SealFinding(
        kind=finding_pb2.SealKind.Value(f"SEAL_KIND_{seal.kind.name}"),
        verdict=_verdict(seal.verdict),
        signer=seal.signer,
        certificate=_certificate(seal.certificate) if seal.certificate else None,
        seal_id=seal.seal_id,
        seal_name=seal.seal_name,
        sealed_at=timestamp(seal.sealed_at),
        timestamp_authority=seal.timestamp_authority,
        answers=[_answer(answer) for answer in seal.answers],
    )


def _answer(answer: Answer) -> finding_pb2.FindingAnswer:
    return finding_pb2.FindingAnswer(
        question=answer.question.value,
        code=answer.code.value,
        standing=finding_pb2.Standing.Value(f"STANDING_{answer.standing.name}"),
        detail=answer.detail,
        zh=answer.zh,
        en=answer.en,
    )


def _certificate(certificate: Certificate) -> finding_pb2.SignerCertificate:
    return finding_pb2.SignerCertificate(
        subject=certificate.subject,
        issuer=certificate.issuer,
        serial_number=certificate.serial_number,
        sha256=certificate.sha256,
        valid_from=timestamp(certificate.valid_from),
        valid_until=timestamp(certificate.valid_until),
    )


def _verdict(verdict: Verdict) -> finding_pb2.Verdict.ValueType:
    return finding_pb2.Verdict.Value(f"VERDICT_{verdict.name}")


def finding_of(answer: pb.VerifyDocumentResponse) -> Finding:
    """The finding that an answer tells of: for those who ask."""
    return Finding(
        Format[finding_pb2.FileFormat.Name(answer.format).removeprefix("FILE_FORMAT_")],
        tuple(_seal_of(seal) for seal in answer.seals),
        tuple(Answer(Code(remark.code), remark.detail) for remark in answer.remarks),
    )


def _seal_of(seal: finding_pb2.SealFinding) -> SealFinding:
    own = seal.certificate
    certificate = Certificate(
        subject=own.subject,
        issuer=own.issuer,
        serial_number=own.serial_number,
        sha256=own.sha256,
        valid_from=own.valid_from.ToDatetime(UTC),
        valid_until=own.valid_until.ToDatetime(UTC),
    )
    return SealFinding(
        kind=Kind[finding_pb2.SealKind.Name(seal.kind).removeprefix("SEAL_KIND_")],
        answers=tuple(Answer(Code(each.code), each.detail) for each in seal.answers),
        signer=seal.signer,
        certificate=certificate if seal.HasField("certificate") else None,
        seal_id=seal.seal_id,
        seal_name=seal.seal_name,
        sealed_at=seal.sealed_at.ToDatetime(UTC) if seal.HasField("sealed_at") else None,
        timestamp_authority=seal.timestamp_authority,
    )
