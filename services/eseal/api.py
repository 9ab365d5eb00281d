"""The gRPC face of eseal: contract to use cases and back."""

from chassis.api import Call, Caller, Servicer
from chassis.paging import page
from chassis.settings import Settings
from duokua.eseal.v1 import seal_service_pb2 as pb
from services.eseal.domain.records import Document
from services.eseal.finding_messages import verification_message
from services.eseal.messages import document_message, seal_message
from services.eseal.service import Seals, document_not_found


class SealApi:
    """duokua.eseal.v1.SealService."""

    service = pb.DESCRIPTOR.services_by_name["SealService"]

    def __init__(self, seals: Seals) -> None:
        self._seals = seals

    def create_seal(self, call: Call, request: pb.CreateSealRequest) -> pb.CreateSealResponse:
        """Makes a seal for an organ."""
        return pb.CreateSealResponse(seal=seal_message(self._seals.create(call.work, request.organ_id)))

    def list_seals(self, call: Call, request: pb.ListSealsRequest) -> pb.ListSealsResponse:
        """Lists seals, the oldest first."""
        wanted = page(request.page_size, request.page_token)
        after = str(wanted.after[0]) if wanted.after else ""
        seals, token = wanted.cut(
            self._seals.list_seals(call.work, after, wanted.fetch), key=lambda seal: [seal.seal_id]
        )
        return pb.ListSealsResponse(seals=[seal_message(seal) for seal in seals], next_page_token=token)

    def revoke_seal(self, call: Call, request: pb.RevokeSealRequest) -> pb.RevokeSealResponse:
        """Ends the use of a seal."""
        return pb.RevokeSealResponse(seal=seal_message(self._seals.revoke(call.work, request.seal_id)))

    def get_document(self, call: Call, request: pb.GetDocumentRequest) -> pb.GetDocumentResponse:
        """Gives a document with its content to those who may have it."""
        document = self._seals.document(call.work, request.document_id)
        if not _may_read(call.caller, document):
            raise document_not_found(request.document_id)
        return pb.GetDocumentResponse(
            document=document_message(document), content=self._seals.content(call.work, document)
        )

    def verify_document(self, call: Call, request: pb.VerifyDocumentRequest) -> pb.VerifyDocumentResponse:
        """Judges a file."""
        finding, record = self._seals.verify(call.work, request.content, request.signature)
        return verification_message(finding, record)

    def get_trust_anchors(self, call: Call, request: pb.GetTrustAnchorsRequest) -> pb.GetTrustAnchorsResponse:
        """Gives the root certificates."""
        del request
        return pb.GetTrustAnchorsResponse(certificates_pem=self._seals.trust_anchors(call.work))


def _may_read(caller: Caller, document: Document) -> bool:
    """An operator reads all, a department's system its organ's documents, an applicant those of own cases."""
    return (
        caller.may("documents.read_all")
        or (bool(caller.organ_id) and caller.organ_id == document.organ_id)
        or (bool(caller.person_id) and caller.person_id == document.applicant_id)
    )


def build(settings: Settings) -> list[Servicer]:
    """The servicers of this service."""
    return [SealApi(Seals.from_settings(settings))]
