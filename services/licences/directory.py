"""Copies of the organs and persons that identity has: use cases in a transaction of the caller's."""

from collections.abc import Sequence

from chassis.database import UnitOfWork
from duokua.identity.v1 import directory_pb2
from duokua.identity.v1 import events_pb2 as identity_events
from services.licences import store
from services.licences.announcing import tell
from services.licences.domain.licence import Holder
from services.licences.domain.life import Act
from services.licences.domain.types import HolderKind
from services.licences.types import type_of

_KINDS = {
    directory_pb2.PERSON_KIND_NATURAL: HolderKind.NATURAL,
    directory_pb2.PERSON_KIND_LEGAL: HolderKind.LEGAL,
}


def keep_organs(work: UnitOfWork, events: Sequence[identity_events.OrganRegistered]) -> None:
    """Keeps organs as identity has them; an older version never overwrites a newer one."""
    newest = {event.organ.organ_id: event for event in sorted(events, key=lambda event: event.version)}
    rows = [
        {
            "organ_id": event.organ.organ_id,
            "name": event.organ.name,
            "uscc": event.organ.uscc,
            "version": event.version,
        }
        for event in newest.values()
    ]
    store.save_organs(work.connection, rows)


def keep_persons(work: UnitOfWork, events: Sequence[identity_events.PersonRegistered]) -> None:
    """Keeps persons as identity has them, and gives each what was issued to the number before."""
    newest = {event.person.person_id: event for event in sorted(events, key=lambda event: event.version)}
    holders = [_holder_of(event) for event in newest.values()]
    rows = [{**_person_row(holder), "version": newest[holder.person_id].version} for holder in holders]
    store.save_persons(work.connection, rows)
    for holder in holders:
        for licence in store.give_to(work.connection, holder):
            tell(work, licence, type_of(work, licence.type_code), Act.ISSUED)


def _holder_of(event: identity_events.PersonRegistered) -> Holder:
    person = event.person
    return Holder(person.person_id, _KINDS[person.kind], person.name, person.masked_number, event.number_fingerprint)


def _person_row(holder: Holder) -> dict[str, object]:
    return {
        "person_id": holder.person_id,
        "kind": holder.kind.value,
        "name": holder.name,
        "masked_number": holder.masked_number,
        "number_fingerprint": holder.number_fingerprint,
    }
