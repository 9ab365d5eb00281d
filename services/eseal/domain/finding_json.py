"""Findings as JSON: for programs that ask, and for the process that judges files."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.eseal.domain.answers import Code
from services.eseal.domain.findings import Answer, Certificate, Finding, Format, Kind, SealFinding


def to_json(finding: Finding) -> dict[str, Any]:
    """The finding with all its words. Answers of a seal are by their question, in lower case."""
    return {
        "format": finding.format.value,
        "verdict": finding.verdict.name,
        "explanation": {"zh": finding.zh, "en": finding.en},
        "remarks": [_answer_json(remark) for remark in finding.remarks],
        "seals": [_seal_json(seal) for seal in finding.seals],
    }


def from_json(data: Mapping[str, Any]) -> Finding:
    """Reads back what `to_json` gave; words and verdicts follow from the codes."""
    return Finding(
        Format(data["format"]),
        tuple(_seal(seal) for seal in data["seals"]),
        tuple(_answer(remark) for remark in data["remarks"]),
    )


def _seal_json(seal: SealFinding) -> dict[str, Any]:
    return {
        "kind": seal.kind.value,
        "verdict": seal.verdict.name,
        "signer": seal.signer,
        "seal_id": seal.seal_id,
        "seal_name": seal.seal_name,
        "sealed_at": seal.sealed_at.isoformat() if seal.sealed_at else None,
        "timestamp_authority": seal.timestamp_authority,
        "signed_digest": seal.signed_digest,
        "certificate": _certificate_json(seal.certificate) if seal.certificate else None,
        "answers": {answer.question.value.lower(): _answer_json(answer) for answer in seal.answers},
    }


def _seal(data: Mapping[str, Any]) -> SealFinding:
    plain = ("signer", "seal_id", "seal_name", "timestamp_authority", "signed_digest")
    return SealFinding(
        kind=Kind(data["kind"]),
        answers=tuple(_answer(answer) for answer in data["answers"].values()),
        certificate=_certificate(data["certificate"]) if data["certificate"] else None,
        sealed_at=datetime.fromisoformat(data["sealed_at"]) if data["sealed_at"] else None,
        **{name: data[name] for name in plain},
    )


def _answer_json(answer: Answer) -> dict[str, str]:
    return {
        "code": answer.code.value,
        "standing": answer.standing.value,
        "detail": answer.detail,
        "zh": answer.zh,
        "en": answer.en,
    }


def _answer(data: Mapping[str, str]) -> Answer:
    return Answer(Code(data["code"]), data["detail"])


def _certificate_json(certificate: Certificate) -> dict[str, str]:
    return {
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "serial_number": certificate.serial_number,
        "sha256": certificate.sha256,
        "valid_from": certificate.valid_from.isoformat(),
        "valid_until": certificate.valid_until.isoformat(),
    }


def _certificate(data: Mapping[str, str]) -> Certificate:
    moments = {name: datetime.fromisoformat(data[name]) for name in ("valid_from", "valid_until")}
    return Certificate(
        subject=data["subject"],
        issuer=data["issuer"],
        serial_number=data["serial_number"],
        sha256=data["sha256"],
        **moments,
    )
