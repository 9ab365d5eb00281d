"""What other services are told of licences: whose they are and whether they are good, and nothing of what they say."""

from collections.abc import Sequence

from chassis.database import UnitOfWork
from duokua.cases.v1 import events_pb2 as cases_events
from duokua.licences.v1 import events_pb2, licence_pb2
from services.licences.accesses import note_shown
from services.licences.domain.licence import Licence
from services.licences.domain.life import Act
from services.licences.domain.types import LicenceType


def tell(work: UnitOfWork, licence: Licence, of: LicenceType, act: Act) -> None:
    """Tell where a licence stands after an act; nothing while nobody knows who holds it.

    In whatever order standings come, the one of the highest revision is the newest.
    """
    if not licence.holder_person_id:
        return
    standing = events_pb2.Standing(
        licence_id=licence.licence_id,
        identifier=licence.identifier,
        kind=of.kind,
        name=of.name,
        holder_person_id=licence.holder_person_id,
        issuer_organ_id=licence.issuer_organ_id,
        issuer_name=licence.issuer_name,
        valid_from=licence.valid_from.isoformat(),
        valid_until=licence.valid_until.isoformat() if licence.valid_until else "",
        status=licence_pb2.LicenceStatus.ValueType(int(licence.status.value)),
        revision=licence.revision,
    )
    if act is Act.ISSUED:
        work.emit(events_pb2.LicenceIssued(standing=standing), subject=licence.licence_id)
    else:
        work.emit(events_pb2.LicenceStatusChanged(standing=standing), subject=licence.licence_id)


def take_shown(work: UnitOfWork, events: Sequence[cases_events.LicenceShown]) -> None:
    """Keep which offices were shown licences in the place of materials; a task shows each once."""
    for event in events:
        purpose = f"{event.case.case_number} {event.case.bundle_name}：{event.step.step_name}（{event.material_name}）"
        note_shown(work, event.licence_id, event.step.organ_id, purpose, event.task_id)
