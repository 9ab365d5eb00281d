"""Seals put on files by officials: asked for by an office's own system, apart from any case.

Which format a seal goes on, and how, is known to `files.py`, and what a file may hold to the process that reads it. A
stranger's file may take seconds to read, and a refusal has to stay in the record of uses although the call fails. So
this use case opens its transactions itself: one that asks whether the seal may be used, none while a process of its own
prepares the file, and one that asks again, signs, and keeps what was sealed.
"""

import hashlib
from typing import Self

from sqlalchemy.exc import IntegrityError

from chassis.api import Caller
from chassis.clock import new_id
from chassis.database import Database, UnitOfWork
from chassis.problems import Problem
from chassis.requests import fingerprint, first_answer, remember
from chassis.settings import Settings
from chassis.vault import Vault
from duokua.eseal.v1 import seal_service_pb2 as pb
from services.eseal import store
from services.eseal.domain.findings import LARGEST_FILE, UnreadableError, too_large
from services.eseal.domain.orders import Order, SealingError
from services.eseal.domain.records import Document
from services.eseal.domain.seal import Seal
from services.eseal.domain.trust import Trust
from services.eseal.domain.use import Purpose, Refusal
from services.eseal.files import files_of
from services.eseal.keys.keystore import KeyStore
from services.eseal.levels import Levels
from services.eseal.messages import document_message
from services.eseal.official_messages import order_of, purpose_of, refused_file, refused_seal
from services.eseal.papers import Paper
from services.eseal.preparation.preparers import Addition, Preparers, Wanted
from services.eseal.seals.desk import SealDesk, record
from services.eseal.service import Documents

_METHOD = pb.DESCRIPTOR.services_by_name["SealService"].methods_by_name["SealDocument"].full_name


class Officials:
    """Puts an office's seals on files that its officials hand in."""

    def __init__(
        self,
        desk: SealDesk,
        documents: Documents,
        vault: Vault,
        levels: Levels | None = None,
        preparers: Preparers | None = None,
    ) -> None:
        """`documents` says whom to believe about seals that are on a file already; without `levels` it is B-B."""
        self._desk = desk
        self._documents = documents
        self._vault = vault
        self._files = files_of(desk, levels or Levels())
        self._preparers = preparers or Preparers()

    @classmethod
    def from_settings(cls, settings: Settings, documents: Documents) -> Self:
        """With the keys and the level of this installation."""
        vault, levels = Vault.from_settings(settings), Levels.from_settings(settings)
        return cls(SealDesk(KeyStore.from_settings(settings)), documents, vault, levels)

    def seal(self, database: Database, caller: Caller, request: pb.SealDocumentRequest) -> pb.SealDocumentResponse:
        """Seals a file once; a repeat gets the same bytes.

        Raises Invalid BAD_REQUEST, REQUEST_ID_REUSED, and with what is wrong with the file or the place; NotFound
        SEAL_NOT_FOUND; Conflict with why the seal may not be used; Exhausted SEALING_BUSY; Unavailable SEALING_LOST,
        TIMESTAMP_UNAVAILABLE. Each refusal of a seal or a file is recorded.
        """
        print_ = fingerprint(self._vault, caller, request)
        order, purpose = order_of(request), purpose_of(caller, request)
        with database.begin() as work:
            if (answered := self._answered(work, caller, request, print_)) is not None:
                return answered
            begun = self._begin(work, request, order, purpose)
        if isinstance(begun, Problem):
            raise begun
        try:
            prepared = self._preparers.prepare(request.content, *begun)
            try:
                return self._finished(database, caller, request, print_, purpose, prepared)
            except IntegrityError:
                # This request's own repeat was faster: its answer is the one.
                return self._finished(database, caller, request, print_, purpose, prepared)
        except (SealingError, UnreadableError) as fault:
            with database.begin() as work:
                purpose, _ = self._desk.named(work, request.seal_id, purpose)
                record(work, purpose, seal_id=request.seal_id, refusal=fault.reason)
            raise refused_file(fault) from fault

    def _begin(
        self, work: UnitOfWork, request: pb.SealDocumentRequest, order: Order, purpose: Purpose
    ) -> tuple[Wanted, Trust] | Problem:
        """What it takes to prepare the file; or why the seal may not be used, which is recorded."""
        purpose, seal = self._desk.named(work, request.seal_id, purpose)
        if isinstance(seal, Refusal):
            record(work, purpose, seal_id=seal.seal_id, refusal=seal.reason)
            return refused_seal(seal, request.seal_id)
        return self._files[seal.suite].wanted(work, seal, order), self._documents.trust(work)

    def _finished(
        self,
        database: Database,
        caller: Caller,
        request: pb.SealDocumentRequest,
        print_: str,
        purpose: Purpose,
        prepared: Addition,
    ) -> pb.SealDocumentResponse:
        with database.begin() as work:
            if (answered := self._answered(work, caller, request, print_)) is not None:
                return answered
            purpose, seal = self._desk.named(work, request.seal_id, purpose)
            if isinstance(seal, Refusal):
                record(work, purpose, seal_id=seal.seal_id, refusal=seal.reason)
                refused = refused_seal(seal, request.seal_id)
            else:
                response = self._sign(work, request, purpose, seal, prepared)
                remember(work, caller, _METHOD, request, print_, pb.SealDocumentResponse(document=response.document))
                return response
        raise refused

    def _sign(
        self, work: UnitOfWork, request: pb.SealDocumentRequest, purpose: Purpose, seal: Seal, prepared: Addition
    ) -> pb.SealDocumentResponse:
        paper = self._files[seal.suite].sealed(work, seal, request.content, prepared)
        if len(paper.content) > LARGEST_FILE:
            raise too_large(len(paper.content))
        document = _document(work, request, seal, paper)
        store.add_document(work.connection, document, paper.content)
        record(work, purpose, seal_id=seal.seal_id, document_id=document.document_id)
        return pb.SealDocumentResponse(document=document_message(document), content=paper.content)

    def _answered(
        self, work: UnitOfWork, caller: Caller, request: pb.SealDocumentRequest, print_: str
    ) -> pb.SealDocumentResponse | None:
        """What this request got before, the bytes out of the register of documents."""
        kept = first_answer(work, caller, _METHOD, request, print_)
        if kept is None:
            return None
        response = pb.SealDocumentResponse.FromString(kept)
        response.content = store.content_of(work.connection, response.document.document_id)
        return response


def _document(work: UnitOfWork, request: pb.SealDocumentRequest, seal: Seal, paper: Paper) -> Document:
    document_id = new_id()
    return Document(
        document_id=document_id,
        # No notice: its own id keeps it apart from those of notices.
        notice_id=document_id,
        case_id="",
        case_number="",
        step_id="",
        organ_id=seal.organ_id,
        applicant_id="",
        seal_id=seal.seal_id,
        title=request.title,
        sha256=hashlib.sha256(paper.content).hexdigest(),
        signed_digest=paper.signed_digest,
        size=len(paper.content),
        media_type=paper.media_type,
        sealed_at=work.now,
    )
