"""What each event has to bring about in each service that consumes it."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Select, Table, select

from chassis.bus.events import event_type
from chassis.database import service_metadata
from duokua.cases.v1 import events_pb2 as cases
from duokua.eseal.v1 import events_pb2 as eseal
from duokua.identity.v1 import events_pb2 as identity
from duokua.licences.v1 import events_pb2 as licences
from duokua.licences.v1 import licence_pb2
from duokua.matters.v1 import events_pb2 as matters
from duokua.routing.v1 import events_pb2 as routing
from services.cases import store as cases_store
from services.cases.domain.case import Case, NoticeStatus, StepStatus
from services.cases.domain.snapshot import from_json
from services.eseal import store as eseal_store
from services.eseal.domain.records import NoticeStatus as Sealing
from services.licences import tables as licences_tables
from services.licences.domain.life import Status as LicenceStatus
from services.matters import store as matters_store
from services.notify import store as notify_store
from services.notify.domain.messages import OPERATORS, organ, person
from services.routing import store as routing_store
from tests.contracts.replay import Checks
from tests.contracts.services import Service

_outbox = service_metadata().tables["outbox"]


def region_is_known(service: Service, event: identity.RegionRegistered) -> None:
    row = only(service, select(routing_store.regions).where(routing_store.regions.c.code == event.region.code))
    assert (row.name, row.parent_code) == (event.region.name, event.region.parent_code)


def organ_is_known_to(table: Table) -> Callable[[Service, identity.OrganRegistered], None]:
    def check(service: Service, event: identity.OrganRegistered) -> None:
        row = only(service, select(table).where(table.c.organ_id == event.organ.organ_id))
        assert (row.name, row.version) == (event.organ.name, event.version)

    return check


def person_is_known(service: Service, event: identity.PersonRegistered) -> None:
    persons = licences_tables.persons
    row = only(service, select(persons).where(persons.c.person_id == event.person.person_id))
    assert (row.name, row.version) == (event.person.name, event.version)
    assert row.number_fingerprint == event.number_fingerprint


def licence_is_issued(service: Service, event: cases.LicenceRequested) -> None:
    licence = licence_of(service, event)
    assert (licence.holder_person_id, licence.issuer_organ_id) == (event.case.applicant_id, event.step.organ_id)
    assert licence.status == LicenceStatus.VALID


def licence_is_revoked(service: Service, event: cases.LicenceWithdrawn) -> None:
    assert licence_of(service, event).status == LicenceStatus.REVOKED


def standing_is_known(service: Service, event: licences.LicenceIssued | licences.LicenceStatusChanged) -> None:
    held, standing = cases_store.held_licences, event.standing
    row = only(service, select(held).where(held.c.licence_id == standing.licence_id))
    assert (row.holder_person_id, row.kind, row.revision) == (
        standing.holder_person_id,
        standing.kind,
        standing.revision,
    )
    assert row.valid == (standing.status == licence_pb2.LICENCE_STATUS_VALID)


def look_is_kept(service: Service, event: cases.LicenceShown) -> None:
    accesses = licences_tables.accesses
    row = only(service, select(accesses).where(accesses.c.request_id == event.task_id))
    assert (row.licence_id, row.organ_id) == (event.licence_id, event.step.organ_id)


def licence_document_is_sealed_or_said_why_not(service: Service, event: licences.LicenceDocumentRequested) -> None:
    notices = eseal_store.notices
    row = only(service, select(notices).where(notices.c.notice_id == event.request_id))
    if row.status == Sealing.SEALED:
        sealed = said(service, eseal.LicenceDocumentSealed)
        assert (sealed.request_id, sealed.document.organ_id) == (event.request_id, event.reader_organ_id)
    else:
        failed = said(service, eseal.LicenceDocumentFailed)
        assert (failed.request_id, failed.reason) == (event.request_id, "NO_SEAL")


def licence_document_is_void(service: Service, event: licences.LicenceDocumentWithdrawn) -> None:
    documents = eseal_store.documents
    row = only(service, select(documents).where(documents.c.notice_id == event.request_id))
    assert row.revocation_reason == event.reason


def licence_document_is_noted(
    service: Service, event: eseal.LicenceDocumentSealed | eseal.LicenceDocumentFailed
) -> None:
    documents = licences_tables.documents
    row = only(service, select(documents).where(documents.c.request_id == event.request_id))
    if isinstance(event, eseal.LicenceDocumentSealed):
        assert (row.status, row.document_id) == ("sealed", event.document.document_id)
    else:
        assert (row.status, row.reason) == ("failed", f"{event.reason}: {event.description}")


def licence_of(service: Service, event: cases.LicenceRequested | cases.LicenceWithdrawn) -> Any:
    orders, licences = licences_tables.orders, licences_tables.licences
    order = only(service, select(orders).where(orders.c.order_id == event.order_id))
    return only(service, select(licences).where(licences.c.licence_id == order.licence_id))


def steps_are_routed(service: Service, event: cases.RoutingRequested) -> None:
    answer = said(service, routing.StepsRouted)
    assert (answer.case_id, answer.request_no) == (event.case.case_id, event.request_no)
    assert {each.step_id for each in answer.decisions if each.organ_id} == {each.step_id for each in event.steps}


def case_is_no_load(service: Service, event: cases.CaseCompleted | cases.CaseUndone) -> None:
    decisions = routing_store.decisions
    rows = all_of(service, select(decisions).where(decisions.c.case_id == event.case.case_id))
    assert rows
    assert not any(row.open for row in rows)


def notice_is_sealed_or_said_why_not(service: Service, event: cases.NoticeRequested) -> None:
    notices = eseal_store.notices
    row = only(service, select(notices).where(notices.c.notice_id == event.notice_id))
    if row.status == Sealing.SEALED:
        document = said(service, eseal.DocumentSealed).document
        assert (document.case_id, document.title) == (event.case.case_id, event.title)
    else:
        failed = said(service, eseal.SealingFailed)
        assert (failed.notice_id, failed.reason) == (event.notice_id, "NO_SEAL")


def notice_is_void(service: Service, event: cases.NoticeWithdrawn) -> None:
    revoked = said(service, eseal.NoticeRevoked)
    assert revoked.notice_id == event.notice_id
    documents = eseal_store.documents
    row = only(service, select(documents).where(documents.c.document_id == revoked.document_id))
    assert row.revocation_reason == event.reason


def bundle_is_learnt(service: Service, event: matters.BundlePublished) -> None:
    bundles = cases_store.bundles
    row = only(service, select(bundles).where(bundles.c.bundle_id == event.bundle.bundle_id))
    assert row.version == event.bundle.version


def tasks_are_open(service: Service, event: routing.StepsRouted) -> None:
    case = case_of(service, event.case_id)
    for decision in event.decisions:
        step = case.steps[decision.step_id]
        assert (step.organ_id, step.routing_reason) == (decision.organ_id, decision.reason)
    assert StepStatus.OFFERED in {step.status for step in case.steps.values()}
    assert all_of(service, select(cases_store.tasks).where(cases_store.tasks.c.case_id == event.case_id))


def document_is_noted(service: Service, event: eseal.DocumentSealed) -> None:
    step = case_of(service, event.document.case_id).steps[event.document.step_id]
    assert (step.document_id, step.notice_status) == (event.document.document_id, NoticeStatus.SEALED)


def incident_is_open(service: Service, event: eseal.SealingFailed) -> None:
    incidents = cases_store.incidents
    row = only(service, select(incidents).where(incidents.c.case_id == event.case_id))
    assert (row.step_id, row.reason) == (event.step_id, "NOTICE_FAILED")
    assert event.description in row.description


def notice_counts_as_revoked(service: Service, event: eseal.NoticeRevoked) -> None:
    assert case_of(service, event.case_id).steps[event.step_id].notice_status is NoticeStatus.REVOKED


def message_is_there(service: Service, event: Any) -> None:
    name, messages = event.DESCRIPTOR.full_name, notify_store.messages
    recipients = {person(event.case.applicant_id)}
    if isinstance(event, cases.IncidentOpened):
        recipients = {OPERATORS}
    elif isinstance(event, cases.FollowUpOpened):
        recipients = {organ(event.superior_id)}
    elif isinstance(event, cases.StepUrged):
        recipients = {organ(event.step.organ_id), organ(event.superior_id)}
    told = select(messages).where(messages.c.event_type == name, messages.c.case_id == event.case.case_id)
    rows = [row for row in all_of(service, told) if row.case_version == event.case.version]
    assert sorted(row.recipient for row in rows) == sorted(recipients)
    assert event.case.case_number in rows[0].body


def all_of(service: Service, query: Select[Any]) -> list[Any]:
    with service.database.read() as work:
        return list(work.connection.execute(query).all())


def only(service: Service, query: Select[Any]) -> Any:
    (row,) = all_of(service, query)
    return row


def said(service: Service, event: type[Any]) -> Any:
    """The one event of a type that the service has just emitted."""
    row = only(service, select(_outbox).where(_outbox.c.type == event_type(event)))
    return event.FromString(row.body)


def case_of(service: Service, case_id: str) -> Case:
    row = only(service, select(cases_store.cases).where(cases_store.cases.c.case_id == case_id))
    return from_json(row.snapshot)


_EFFECTS: dict[str, dict[type[Any], Callable[[Service, Any], None]]] = {
    "cases": {
        matters.BundlePublished: bundle_is_learnt,
        routing.StepsRouted: tasks_are_open,
        eseal.DocumentSealed: document_is_noted,
        eseal.SealingFailed: incident_is_open,
        eseal.NoticeRevoked: notice_counts_as_revoked,
        licences.LicenceIssued: standing_is_known,
        licences.LicenceStatusChanged: standing_is_known,
    },
    "eseal": {
        identity.OrganRegistered: organ_is_known_to(eseal_store.organs),
        cases.NoticeRequested: notice_is_sealed_or_said_why_not,
        cases.NoticeWithdrawn: notice_is_void,
        licences.LicenceDocumentRequested: licence_document_is_sealed_or_said_why_not,
        licences.LicenceDocumentWithdrawn: licence_document_is_void,
    },
    "licences": {
        identity.OrganRegistered: organ_is_known_to(licences_tables.organs),
        identity.PersonRegistered: person_is_known,
        cases.LicenceRequested: licence_is_issued,
        cases.LicenceWithdrawn: licence_is_revoked,
        cases.LicenceShown: look_is_kept,
        eseal.LicenceDocumentSealed: licence_document_is_noted,
        eseal.LicenceDocumentFailed: licence_document_is_noted,
    },
    "matters": {identity.OrganRegistered: organ_is_known_to(matters_store.organs)},
    "notify": dict.fromkeys(
        (
            cases.CaseSubmitted,
            cases.StepAccepted,
            cases.LimitExtended,
            cases.StepCompleted,
            cases.StepRefused,
            cases.StepPassedUp,
            cases.StepUrged,
            cases.StepUndone,
            cases.CorrectionRequested,
            cases.CorrectionSupplied,
            cases.ProcedureBegan,
            cases.ProcedureEnded,
            cases.VisitScheduled,
            cases.VisitHeld,
            cases.CaseCompleted,
            cases.CaseUndone,
            cases.CaseDelivered,
            cases.FollowUpOpened,
            cases.FollowUpClosed,
            cases.IncidentOpened,
        ),
        message_is_there,
    ),
    "routing": {
        identity.RegionRegistered: region_is_known,
        identity.OrganRegistered: organ_is_known_to(routing_store.organs),
        cases.RoutingRequested: steps_are_routed,
        cases.CaseCompleted: case_is_no_load,
        cases.CaseUndone: case_is_no_load,
    },
}
CHECKS: Checks = {
    (service, event_type(event)): check for service, effects in _EFFECTS.items() for event, check in effects.items()
}
"""By service and event type."""
