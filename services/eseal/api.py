"""The gRPC face of eseal: contract to use cases and back."""

from chassis.api import Call, Caller, Servicer, StreamCall
from chassis.database import Database
from chassis.health import Pages
from chassis.requests import check_request_id
from chassis.settings import Settings
from duokua.eseal.v1 import seal_service_pb2 as pb
from services.eseal.certificates.authorities import Authorities
from services.eseal.certificates.publishing import PREFIX, Publisher
from services.eseal.domain.records import Document
from services.eseal.finding_messages import verification_message
from services.eseal.messages import document_message
from services.eseal.officials import Officials
from services.eseal.seals.api import RegisterApi
from services.eseal.seals.register import Register
from services.eseal.service import Documents, document_not_found


class SealApi:
    """duokua.eseal.v1.SealService."""

    service = pb.DESCRIPTOR.services_by_name["SealService"]

    def __init__(self, documents: Documents, officials: Officials) -> None:
        self._documents = documents
        self._officials = officials

    def get_document(self, call: Call, request: pb.GetDocumentRequest) -> pb.GetDocumentResponse:
        """Gives a document with its content to those who may have it."""
        document = self._documents.document(call.work, request.document_id)
        if not _may_read(call.caller, document):
            raise document_not_found(request.document_id)
        return pb.GetDocumentResponse(
            document=document_message(document), content=self._documents.content(call.work, document)
        )

    async def seal_document(self, call: StreamCall, request: pb.SealDocumentRequest) -> pb.SealDocumentResponse:
        """Puts a seal on a file for an official, in transactions of its own."""
        check_request_id(request.request_id)
        return await call.run(self._officials.seal, call.database, call.caller, request)

    def verify_document(self, call: Call, request: pb.VerifyDocumentRequest) -> pb.VerifyDocumentResponse:
        """Judges a file."""
        finding, record = self._documents.verify(call.work, request.content, request.signature)
        return verification_message(finding, record)

    def get_trust_anchors(self, call: Call, request: pb.GetTrustAnchorsRequest) -> pb.GetTrustAnchorsResponse:
        """Gives a trust list."""
        del request
        return pb.GetTrustAnchorsResponse(
            certificates_pem=self._documents.trust_anchors(call.work),
            revocation_lists_pem=self._documents.revocation_lists(call.work),
        )


def _may_read(caller: Caller, document: Document) -> bool:
    """An operator reads all, a department's system its organ's documents, an applicant those of own cases."""
    return (
        caller.may("documents.read_all")
        or (bool(caller.organ_id) and caller.organ_id == document.organ_id)
        or (bool(caller.person_id) and caller.person_id == document.applicant_id)
    )


def build(settings: Settings) -> list[Servicer]:
    """The servicers of this service."""
    documents = Documents.from_settings(settings)
    officials = Officials.from_settings(settings, documents)
    return [SealApi(documents, officials), RegisterApi(Register.from_settings(settings))]


def pages(settings: Settings, database: Database) -> dict[str, Pages]:
    """What the authorities publish for everybody."""
    return {PREFIX: Publisher(database, Authorities.from_settings(settings))}
