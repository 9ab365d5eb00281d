"""The contract's messages and the register's records, one into the other."""

from datetime import datetime

from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp

from duokua.eseal.v1 import document_pb2
from services.eseal.domain.records import Document, Seal


def seal_message(seal: Seal) -> document_pb2.Seal:
    """A seal as the contract has it."""
    return document_pb2.Seal(
        seal_id=seal.seal_id,
        organ_id=seal.organ_id,
        name=seal.name,
        certificate_pem=seal.certificate_pem,
        valid_from=timestamp(seal.valid_from),
        valid_until=timestamp(seal.valid_until),
        revoked=seal.revoked_at is not None,
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
