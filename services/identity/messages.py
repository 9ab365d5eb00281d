"""The directory's nouns as contracts have them: domain to protobuf for answers and events, and choices back."""

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from chassis.clock import to_milliseconds
from chassis.problems import Invalid, Violation
from duokua.identity.v1 import directory_pb2, events_pb2
from services.identity.domain.directory import Client, Level, Mandate, Organ, Person, PersonKind, Region
from services.identity.domain.permissions import Role

LEVELS = {
    directory_pb2.ORGAN_LEVEL_NATIONAL: Level.NATIONAL,
    directory_pb2.ORGAN_LEVEL_PROVINCE: Level.PROVINCE,
    directory_pb2.ORGAN_LEVEL_CITY: Level.CITY,
    directory_pb2.ORGAN_LEVEL_COUNTY: Level.COUNTY,
    directory_pb2.ORGAN_LEVEL_TOWN: Level.TOWN,
    directory_pb2.ORGAN_LEVEL_VILLAGE: Level.VILLAGE,
}
KINDS = {
    directory_pb2.PERSON_KIND_NATURAL: PersonKind.NATURAL,
    directory_pb2.PERSON_KIND_LEGAL: PersonKind.LEGAL,
}
ROLES = {
    directory_pb2.CLIENT_ROLE_DEPARTMENT: Role.DEPARTMENT,
    directory_pb2.CLIENT_ROLE_PORTAL: Role.PORTAL,
    directory_pb2.CLIENT_ROLE_OPERATOR: Role.OPERATOR,
}
_LEVEL_NUMBERS = {level: number for number, level in LEVELS.items()}
_KIND_NUMBERS = {kind: number for number, kind in KINDS.items()}
_ROLE_NUMBERS = {role: number for number, role in ROLES.items()}


def refused(field: str, expectation: str) -> Invalid:
    """Return the problem of a field whose value no rule of the contract has caught."""
    return Invalid("BAD_FIELD", f"{field}: {expectation}", violations=[Violation(field, expectation)], field=field)


def moment(message: Timestamp, field: str) -> datetime:
    """Return a protobuf time as an aware time; raise Invalid BAD_FIELD when it is none between the years 1 and 9999."""
    try:
        return to_milliseconds(message.ToDatetime(UTC))
    except (ValueError, OverflowError):
        raise refused(field, "should be a time between the years 1 and 9999") from None


def timestamp(moment: datetime) -> Timestamp:
    """Return an aware time as protobuf has it."""
    message = Timestamp()
    message.FromDatetime(moment)
    return message


def region(noun: Region) -> directory_pb2.Region:
    """Return a region as a message."""
    return directory_pb2.Region(code=noun.code, name=noun.name, parent_code=noun.parent_code)


def organ(noun: Organ) -> directory_pb2.Organ:
    """Return an organ as a message."""
    return directory_pb2.Organ(
        organ_id=noun.organ_id,
        name=noun.name,
        uscc=noun.uscc,
        region_code=noun.region_code,
        level=_LEVEL_NUMBERS[noun.level],
        parent_organ_id=noun.parent_organ_id,
    )


def person(noun: Person) -> directory_pb2.Person:
    """Return a person as a message; it has the masked number only."""
    return directory_pb2.Person(
        person_id=noun.person_id,
        kind=_KIND_NUMBERS[noun.kind],
        name=noun.name,
        masked_number=noun.masked_number,
        assurance=noun.assurance,
    )


def client(noun: Client) -> directory_pb2.Client:
    """Return a client as a message."""
    return directory_pb2.Client(
        client_id=noun.client_id,
        name=noun.name,
        role=_ROLE_NUMBERS[noun.role],
        organ_id=noun.organ_id,
        disabled=noun.disabled,
        created_at=timestamp(noun.created_at),
    )


def mandate(noun: Mandate) -> directory_pb2.Mandate:
    """Return a mandate as a message."""
    return directory_pb2.Mandate(
        mandate_id=noun.mandate_id,
        agent_person_id=noun.agent_person_id,
        principal_person_id=noun.principal_person_id,
        expires_at=timestamp(noun.expires_at),
        revoked=noun.revoked,
    )


def region_registered(noun: Region) -> events_pb2.RegionRegistered:
    """Return the event that a region was registered, renamed or moved."""
    return events_pb2.RegionRegistered(region=region(noun), version=noun.version)


def person_registered(noun: Person, number_fingerprint: str) -> events_pb2.PersonRegistered:
    """Return the event that a person was registered or changed."""
    return events_pb2.PersonRegistered(person=person(noun), version=noun.version, number_fingerprint=number_fingerprint)


def organ_registered(noun: Organ) -> events_pb2.OrganRegistered:
    """Return the event that an organ was registered or changed."""
    return events_pb2.OrganRegistered(organ=organ(noun), version=noun.version)
