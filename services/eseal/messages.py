"""The contract's messages and the register's records, one into the other."""

from datetime import datetime

from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp

from duokua.eseal.v1 import document_pb2, seal_pb2
from services.eseal.certificates.authorities import Authority
from services.eseal.domain.records import Document
from services.eseal.domain.seal import Entry, Seal
from services.eseal.seals.store import Use


def seal_message(seal: Seal) -> seal_pb2.Seal:
    """A seal as the contract has it."""
    return seal_pb2.Seal(
        seal_id=seal.seal_id,
        organ_id=seal.organ_id,
        name=seal.name,
        kind=seal_pb2.SealCategory.Value(f"SEAL_CATEGORY_{seal.kind}"),
        suite=seal_pb2.Suite.Value(f"SUITE_{seal.suite}"),
        state=seal_pb2.SealState.Value(f"SEAL_STATE_{seal.state}"),
        organ_name=seal.organ_name,
        matters=seal.matters,
        served_organ_ids=seal.served_organs,
        years=seal.years,
        outside=seal.outside,
        replaces_seal_id=seal.replaces,
        applied_by=seal.applied_by,
        applied_at=timestamp(seal.applied_at),
        certificate_pem=seal.certificate_pem,
        valid_from=timestamp(seal.valid_from),
        valid_until=timestamp(seal.valid_until),
        picture_uploaded=seal.uploaded,
    )


def act_message(entry: Entry) -> seal_pb2.SealAct:
    """An entry of a seal's history as the contract has it."""
    return seal_pb2.SealAct(
        number=entry.number, act=entry.act.value, actor=entry.actor, at=timestamp(entry.at), reason=entry.reason
    )


def authority_message(authority: Authority) -> seal_pb2.Authority:
    """An authority as the contract has it."""
    return seal_pb2.Authority(
        authority_id=authority.authority_id,
        role=authority.role,
        suite=seal_pb2.Suite.Value(f"SUITE_{authority.suite}"),
        certificate_pem=authority.certificate_pem,
        created_at=timestamp(authority.created_at),
        retired_at=timestamp(authority.retired_at),
    )


def use_message(use: Use) -> seal_pb2.SealUse:
    """A use of a seal as the contract has it."""
    return seal_pb2.SealUse(
        use_id=use.use_id,
        seal_id=use.seal_id,
        organ_id=use.organ_id,
        for_organ_id=use.for_organ_id,
        catalog_code=use.catalog_code,
        case_id=use.case_id,
        step_id=use.step_id,
        title=use.title,
        actor=use.actor,
        at=timestamp(use.at),
        refused=bool(use.refusal),
        reason=use.refusal,
        document_id=use.document_id,
        official=use.official,
    )


def document_message(document: Document) -> document_pb2.Document:
    """A document as the contract has it."""
    revoked = document.revoked_at is not None
    return document_pb2.Document(
        document_id=document.document_id,
        case_id=document.case_id,
        case_number=document.case_number,
        step_id=document.step_id,
        organ_id=document.organ_id,
        seal_id=document.seal_id,
        title=document.title,
        sha256=document.sha256,
        size=document.size,
        media_type=document.media_type,
        status=document_pb2.DOCUMENT_STATUS_REVOKED if revoked else document_pb2.DOCUMENT_STATUS_VALID,
        sealed_at=timestamp(document.sealed_at),
        revoked_at=timestamp(document.revoked_at),
        revocation_reason=document.revocation_reason,
    )


def timestamp(moment: datetime | None) -> Timestamp | None:
    """A moment as the contract has it; None for none."""
    if moment is None:
        return None
    message = Timestamp()
    message.FromDatetime(moment)
    return message


def plain(struct: Struct) -> dict[str, object]:
    """Free-form data as Python has it; whole numbers, which a Struct keeps as 120.0, become 120 again."""
    return {key: _whole(value) for key, value in MessageToDict(struct).items()}


def _whole(value: object) -> object:
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
