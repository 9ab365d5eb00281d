"""Exchange records as the contract has them."""

from duokua.cases.v1 import record_pb2
from services.cases.domain.records import Accept, Material, Process, Record, RecordKind, Result, Special
from services.cases.records import CaseRecords
from services.cases.timestamps import stamp

_KINDS = {kind: record_pb2.RecordKind.Value(f"RECORD_KIND_{kind.name}") for kind in RecordKind}


def record_message(of: CaseRecords, record: Record) -> record_pb2.ExchangeRecord:
    """A record of a case."""
    fact, planned = record.fact, of.plan.by_id.get(record.fact.step_id)
    message = record_pb2.ExchangeRecord(
        kind=_KINDS[record.kind],
        key=record.key,
        version=record.version,
        case_id=of.case_id,
        case_number=of.case_number,
        sequence=record.sequence,
        reported_at=stamp(record.reported_at),
        step_id=fact.step_id,
        step_name=planned.name if planned else of.plan.name,
        catalog_code=planned.catalog_code if planned else of.plan.catalog_code,
        organ_id=fact.organ_id,
        organ_name=fact.organ_name,
    )
    _add_content(message, record)
    return message


def _add_content(message: record_pb2.ExchangeRecord, record: Record) -> None:
    match record.fact.content:
        case Accept() as accept:
            message.accept.CopyFrom(
                record_pb2.AcceptRecord(
                    applicant_id=accept.applicant_id,
                    region_code=accept.region_code,
                    bundle_id=accept.bundle_id,
                    bundle_version=accept.bundle_version,
                    received_at=stamp(accept.received_at),
                    accepted_at=stamp(accept.accepted_at),
                )
            )
        case Process() as process:
            message.process.CopyFrom(
                record_pb2.ProcessRecord(
                    node=process.node,
                    node_result=process.result,
                    opinion=process.opinion,
                    handler=process.handler,
                    handled_at=stamp(process.handled_at),
                )
            )
        case Result() as result:
            message.result.CopyFrom(
                record_pb2.ResultRecord(
                    final_result=result.result,
                    reason=result.reason,
                    ended_at=stamp(result.ended_at),
                    document_id=result.document_id,
                    delivered_at=stamp(result.delivered_at),
                    delivery_channel=result.delivery_channel,
                    receiver=result.receiver,
                )
            )
        case Special() as special:
            message.special.CopyFrom(
                record_pb2.SpecialRecord(
                    procedure=special.procedure,
                    reason=special.reason,
                    began_at=stamp(special.began_at),
                    ended_at=stamp(special.ended_at),
                )
            )
        case Material() as material:
            message.material.CopyFrom(
                record_pb2.MaterialRecord(
                    material_kind=material.material_kind,
                    name=material.name,
                    media_type=material.media_type,
                    sha256=material.sha256,
                    size=material.size,
                    received_at=stamp(material.received_at),
                    replaced_at=stamp(material.replaced_at),
                )
            )
