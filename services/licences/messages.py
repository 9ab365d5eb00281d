"""The contract's messages and the records of the domain, one into the other."""

from collections.abc import Mapping
from datetime import datetime

from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.problems import Invalid, Violation
from duokua.data import fill_struct, from_struct
from duokua.licences.v1 import licence_pb2
from services.licences.documents import LicenceDocument
from services.licences.domain.licence import Change, Licence
from services.licences.domain.life import ENDINGS, Status
from services.licences.domain.types import Audience, Field, FieldType, HolderKind, LicenceType, Sharing

_HOLDER_KINDS = {
    HolderKind.ANY: licence_pb2.HOLDER_KIND_UNSPECIFIED,
    HolderKind.NATURAL: licence_pb2.HOLDER_KIND_NATURAL,
    HolderKind.LEGAL: licence_pb2.HOLDER_KIND_LEGAL,
}


def type_of(message: licence_pb2.LicenceType) -> LicenceType:
    """A type as it was asked for; raises Invalid BAD_TYPE for an enum value that this version does not know."""
    faults = [
        Violation(f"type.{name}", "is none of the values of the contract")
        for name, known in _enums_of(message)
        if not known
    ]
    if faults:
        raise Invalid("BAD_TYPE", "the type has values that nobody knows", faults)
    return LicenceType(
        type_code=message.type_code,
        kind=message.kind,
        name=message.name,
        holder_kind=next(kind for kind, number in _HOLDER_KINDS.items() if number == message.holder_kind),
        fields=tuple(_field(each) for each in message.fields),
        template=message.template,
        valid_months=message.valid_months,
        sharing=Sharing[licence_pb2.Sharing.Name(message.sharing).removeprefix("SHARING_")],
        issuers=tuple(message.issuers),
        catalog_code=message.catalog_code,
    )


def type_message(of: LicenceType) -> licence_pb2.LicenceType:
    """A type as the contract has it."""
    return licence_pb2.LicenceType(
        type_code=of.type_code,
        kind=of.kind,
        name=of.name,
        holder_kind=_HOLDER_KINDS[of.holder_kind],
        fields=[
            licence_pb2.LicenceField(
                name=field.name,
                label=field.label,
                type=licence_pb2.FieldType.Value(f"FIELD_TYPE_{field.type.name}"),
                required=field.required,
                audience=licence_pb2.Audience.Value(f"AUDIENCE_{field.audience.name}"),
            )
            for field in of.fields
        ],
        template=of.template,
        valid_months=of.valid_months,
        sharing=licence_pb2.Sharing.Value(f"SHARING_{of.sharing.name}"),
        version=of.version,
        issuers=of.issuers,
        catalog_code=of.catalog_code,
    )


def verified_message(licence: Licence, of: LicenceType, data: Mapping[str, object] | None) -> licence_pb2.Licence:
    """A licence as it is told to whoever verifies it: without ids of the platform, and no holder without data."""
    message = licence_message(licence, of, data)
    for name in ("licence_id", "previous_licence_id", "next_licence_id", "case_id"):
        message.ClearField(name)
    if data is None:
        message.ClearField("holder")
    else:
        message.holder.ClearField("person_id")
    return message


def licence_message(licence: Licence, of: LicenceType, data: Mapping[str, object] | None = None) -> licence_pb2.Licence:
    """A licence as the contract has it, with as much of its data as is given."""
    message = licence_pb2.Licence(
        licence_id=licence.licence_id,
        identifier=licence.identifier,
        type_code=licence.type_code,
        kind=of.kind,
        name=of.name,
        issuer_organ_id=licence.issuer_organ_id,
        issuer_name=licence.issuer_name,
        valid_from=licence.valid_from.isoformat(),
        valid_until=licence.valid_until.isoformat() if licence.valid_until else "",
        status=status_message(licence.status),
        issued_at=timestamp(licence.issued_at),
        version=licence.version,
        previous_licence_id=licence.previous_licence_id,
        next_licence_id=licence.next_licence_id,
        case_id=licence.case_id,
        revision=licence.revision,
    )
    message.holder.person_id = licence.holder_person_id
    message.holder.name = licence.holder_name
    message.holder.masked_number = licence.masked_number
    if data is not None:
        fill_struct(message.data, data, "data")
    return message


def change_message(change: Change) -> licence_pb2.LicenceChange:
    """Something that happened, as the contract has it."""
    return licence_pb2.LicenceChange(
        revision=change.revision,
        at=timestamp(change.at),
        act=change.act.value,
        status=status_message(change.status),
        actor=change.actor,
        reason=change.reason,
    )


def holder_kind_of(number: licence_pb2.HolderKind.ValueType) -> HolderKind:
    """Whether somebody is a natural or a legal person; ANY for what nobody said."""
    return next((kind for kind, each in _HOLDER_KINDS.items() if each == number), HolderKind.ANY)


def document_message(document: LicenceDocument) -> licence_pb2.LicenceDocument:
    """A document of a licence as the contract has it."""
    return licence_pb2.LicenceDocument(
        document_id=document.document_id,
        status=licence_pb2.LicenceDocumentStatus.Value(f"LICENCE_DOCUMENT_STATUS_{document.status.name}"),
        reason=document.reason,
        annotation=document.annotation,
        requested_at=timestamp(document.requested_at),
    )


def ending_of(number: licence_pb2.LicenceStatus.ValueType) -> Status:
    """How a licence is to end; raises Invalid BAD_ENDING for what is no end."""
    for status in ENDINGS:
        if int(status.value) == number:
            return status
    fault = Violation("ending", "must be revoked, cancelled, moved out, withdrawn or other")
    raise Invalid("BAD_ENDING", "a licence does not end like that", [fault])


def status_message(status: Status) -> licence_pb2.LicenceStatus.ValueType:
    """A status as the contract has it: the numbers are those of the codes."""
    return licence_pb2.LicenceStatus.ValueType(int(status.value))


def timestamp(moment: datetime) -> Timestamp:
    """A moment as the contract has it."""
    message = Timestamp()
    message.FromDatetime(moment)
    return message


def plain(struct: Struct) -> dict[str, object]:
    """Free-form data as Python has it."""
    return from_struct(struct)


def _field(message: licence_pb2.LicenceField) -> Field:
    return Field(
        message.name,
        message.label,
        FieldType[licence_pb2.FieldType.Name(message.type).removeprefix("FIELD_TYPE_")],
        message.required,
        Audience[licence_pb2.Audience.Name(message.audience).removeprefix("AUDIENCE_")],
    )


def _enums_of(message: licence_pb2.LicenceType) -> list[tuple[str, bool]]:
    """The enum fields of a type, and whether their values are known."""
    found = [
        ("holder_kind", message.holder_kind in licence_pb2.HolderKind.values()),
        ("sharing", message.sharing in licence_pb2.Sharing.values()[1:]),
    ]
    for index, field in enumerate(message.fields):
        found.append((f"fields[{index}].type", field.type in licence_pb2.FieldType.values()[1:]))
        found.append((f"fields[{index}].audience", field.audience in licence_pb2.Audience.values()[1:]))
    return found
