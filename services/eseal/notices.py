"""What happens to notices: each method is one use case in one transaction that the caller opens and commits.

pyHanko, reportlab and Pillow are imported where they are first needed: see `service.py`.
"""

import hashlib
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Self, TypeVar

from chassis.clock import new_id
from chassis.database import UnitOfWork
from chassis.settings import Settings
from duokua.cases.v1 import events_pb2 as cases_events
from duokua.eseal.v1 import events_pb2
from services.eseal import store
from services.eseal.domain.records import Document, NoticeStatus
from services.eseal.domain.seal import Seal
from services.eseal.domain.use import Purpose, Refusal
from services.eseal.keys.keystore import KeyStore
from services.eseal.levels import Levels
from services.eseal.messages import document_message, plain
from services.eseal.papers import Paper
from services.eseal.presses import Presses
from services.eseal.repeats import CHANGED, request_digest, sealed_otherwise, told
from services.eseal.seals.desk import SealDesk, record

if TYPE_CHECKING:
    from services.eseal.domain.wording import Notice


class Notices:
    """Seals notices when they are asked for, and makes them void when they are withdrawn."""

    def __init__(self, desk: SealDesk, levels: Levels | None = None) -> None:
        """Without `levels` PDFs are sealed at level B-B."""
        self._desk = desk
        self._presses = Presses(desk, levels)

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """With the keys and the level of this installation."""
        return cls(SealDesk(KeyStore.from_settings(settings)), Levels.from_settings(settings))

    def seal(self, work: UnitOfWork, events: Sequence[cases_events.NoticeRequested]) -> None:
        """Seals each notice once, and says so; a repeated request for what is sealed or withdrawn changes nothing.

        A request for something else under the id of what is sealed is refused, and written down.

        A repeat is not answered a second time: the first answer is in the outbox and cannot get lost, while a second
        one would notify the applicant twice. A request that failed is tried anew each time it is made.
        """
        self._presses.begin(work)
        for event in _in_order(events):
            # A batch may take seconds; the worker's other green threads get a turn between any two notices.
            time.sleep(0)
            status = _open(work, event)
            if status is NoticeStatus.FAILED:
                self._seal(work, event)
            elif status is NoticeStatus.SEALED:
                _refuse_another(work, event)

    def withdraw(self, work: UnitOfWork, events: Sequence[cases_events.NoticeWithdrawn]) -> None:
        """Makes each notice void, once: revokes its document, or sees to it that it is never sealed."""
        for event in _in_order(events):
            if _open(work, event) is NoticeStatus.WITHDRAWN:
                continue
            document_id = store.document_of_notice(work.connection, event.notice_id) or ""
            store.revoke_document(work.connection, document_id, event.reason, work.now)
            store.close_notice(work.connection, event.notice_id, NoticeStatus.WITHDRAWN, event.reason, work.now)
            revoked = events_pb2.NoticeRevoked(
                notice_id=event.notice_id,
                case_id=event.case.case_id,
                step_id=event.step.step_id,
                document_id=document_id,
            )
            work.emit(revoked, subject=event.case.case_id)

    def _seal(self, work: UnitOfWork, event: cases_events.NoticeRequested) -> None:
        from services.eseal.domain.wording import NoticeError  # noqa: PLC0415 (loads on first use)

        purpose = _purpose(event)
        seal = self._desk.choose(work, purpose)
        if isinstance(seal, Refusal):
            record(work, purpose, seal_id=seal.seal_id, refusal=seal.reason)
            _fail(work, event, seal.reason, seal.description)
            return
        try:
            paper = self._presses.of(work, seal)(_notice(event, seal), work.now)
        except NoticeError as fault:
            _fail(work, event, fault.reason, fault.description)
            return
        document = _document(work, event, seal, paper)
        store.add_document(work.connection, document, paper.content)
        record(work, purpose, seal_id=seal.seal_id, document_id=document.document_id)
        store.close_notice(work.connection, event.notice_id, NoticeStatus.SEALED, "", work.now)
        work.emit(
            events_pb2.DocumentSealed(document=document_message(document), notice_id=event.notice_id),
            subject=event.case.case_id,
        )


_Event = cases_events.NoticeRequested | cases_events.NoticeWithdrawn
_AnyEvent = TypeVar("_AnyEvent", cases_events.NoticeRequested, cases_events.NoticeWithdrawn)


def _in_order(events: Iterable[_AnyEvent]) -> list[_AnyEvent]:
    """By notice, so that two workers that hold the same notices never wait for each other."""
    return sorted(events, key=lambda event: event.notice_id)


def _open(work: UnitOfWork, event: _Event) -> NoticeStatus:
    row = {
        "notice_id": event.notice_id,
        "case_id": event.case.case_id,
        "step_id": event.step.step_id,
        "organ_id": event.step.organ_id,
        "updated_at": work.now,
    }
    return store.open_notice(work.connection, row)


def _purpose(event: cases_events.NoticeRequested) -> Purpose:
    return Purpose(
        organ_id=event.seal_organ_id or event.step.organ_id,
        for_organ_id=event.step.organ_id,
        catalog_code=event.catalog_code,
        case_id=event.case.case_id,
        step_id=event.step.step_id,
        title=event.title,
    )


def _refuse_another(work: UnitOfWork, event: cases_events.NoticeRequested) -> None:
    sealed = sealed_otherwise(work, event.notice_id, event)
    if sealed is not None:
        record(work, _purpose(event), seal_id=sealed.seal_id, refusal=CHANGED)
        _tell(work, event, CHANGED, told(sealed))


def _fail(work: UnitOfWork, event: cases_events.NoticeRequested, reason: str, description: str) -> None:
    store.close_notice(work.connection, event.notice_id, NoticeStatus.FAILED, reason, work.now)
    _tell(work, event, reason, description)


def _tell(work: UnitOfWork, event: cases_events.NoticeRequested, reason: str, description: str) -> None:
    failed = events_pb2.SealingFailed(
        notice_id=event.notice_id,
        case_id=event.case.case_id,
        step_id=event.step.step_id,
        reason=reason,
        description=description,
    )
    work.emit(failed, subject=event.case.case_id)


def _notice(event: cases_events.NoticeRequested, seal: Seal) -> "Notice":
    from services.eseal.domain.wording import Notice  # noqa: PLC0415 (loads on first use)

    return Notice(
        title=event.title,
        template=event.template,
        case_number=event.case.case_number,
        bundle_name=event.case.bundle_name,
        step_name=event.step.step_name,
        organ_name=event.step.organ_name,
        # The name that signs is the one on the seal, so that both agree even when the organ was renamed since.
        signed_by=seal.organ_name,
        form=plain(event.form),
        result=plain(event.result),
        inputs=plain(event.inputs),
        decided_at=event.decided_at,
    )


def _document(work: UnitOfWork, event: cases_events.NoticeRequested, seal: Seal, paper: Paper) -> Document:
    return Document(
        document_id=new_id(),
        notice_id=event.notice_id,
        case_id=event.case.case_id,
        case_number=event.case.case_number,
        step_id=event.step.step_id,
        organ_id=event.step.organ_id,
        applicant_id=event.case.applicant_id,
        seal_id=seal.seal_id,
        title=event.title,
        sha256=hashlib.sha256(paper.content).hexdigest(),
        signed_digest=paper.signed_digest,
        size=len(paper.content),
        media_type=paper.media_type,
        sealed_at=work.now,
        request_digest=request_digest(event),
    )
