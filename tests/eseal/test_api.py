"""The gRPC face of eseal: who may read what, and the shape of the answers."""

import pytest

from chassis.api import ANONYMOUS, Call, Caller
from chassis.database import Database
from chassis.problems import NotFound
from duokua.eseal.v1 import finding_pb2
from duokua.eseal.v1 import seal_service_pb2 as pb
from services.eseal.api import SealApi
from tests.eseal.builders import (
    OFFICE,
    documents,
    handle,
    notice_withdrawn,
    officials,
    organ_with_seal,
    sealed_document,
)

API = SealApi(documents(), officials())
OPERATOR = Caller("client:ops", permissions=frozenset({"documents.read", "documents.read_all"}))
READER = frozenset({"documents.read"})


@pytest.mark.parametrize(
    ("caller", "allowed"),
    [
        (OPERATOR, True),
        (Caller("client:portal", person_id="p1", permissions=READER), True),
        (Caller("client:portal", person_id="p2", permissions=READER), False),
        (Caller("client:portal", permissions=READER), False),
        (Caller("client:office", organ_id="o1", permissions=READER), True),
        (Caller("client:office", organ_id="o2", permissions=READER), False),
    ],
)
def test_a_document_is_there_only_for_those_whom_it_concerns(
    database: Database, caller: Caller, *, allowed: bool
) -> None:
    organ_with_seal(database)
    document, content = sealed_document(database)
    request = pb.GetDocumentRequest(document_id=document.document_id)
    with database.read() as work:
        if allowed:
            answer = API.get_document(Call(work, caller), request)
            assert (answer.content, answer.document.sha256) == (content, document.sha256)
        else:
            with pytest.raises(NotFound) as raised:
                API.get_document(Call(work, caller), request)
            assert raised.value.reason == "DOCUMENT_NOT_FOUND"


def test_a_document_of_nobody_is_not_for_a_caller_who_is_nobody(database: Database) -> None:
    organ_with_seal(database)
    document, _ = sealed_document(database, applicant_id="")
    with database.read() as work, pytest.raises(NotFound):
        API.get_document(
            Call(work, Caller("client:portal", permissions=READER)),
            pb.GetDocumentRequest(document_id=document.document_id),
        )


def test_a_document_that_does_not_exist_is_not_found(database: Database) -> None:
    with database.read() as work, pytest.raises(NotFound):
        API.get_document(Call(work, OPERATOR), pb.GetDocumentRequest(document_id="nothing"))


def test_anybody_gets_the_trust_anchors(database: Database) -> None:
    with database.read() as work:
        request = pb.GetTrustAnchorsRequest()
        assert list(API.get_trust_anchors(Call(work, ANONYMOUS), request).certificates_pem) == []
    organ_with_seal(database)
    with database.read() as work:
        (anchor,) = API.get_trust_anchors(Call(work, ANONYMOUS), request).certificates_pem
    assert anchor.startswith("-----BEGIN CERTIFICATE-----")


def test_a_verification_says_who_when_and_which_record(database: Database) -> None:
    organ_with_seal(database)
    document, content = sealed_document(database)
    with database.read() as work:
        answer = API.verify_document(Call(work, OPERATOR), pb.VerifyDocumentRequest(content=content))
        assert (answer.verdict, answer.sealed_by) == (finding_pb2.VERDICT_GENUINE, OFFICE)
        assert answer.document.document_id == document.document_id
        assert answer.sealed_at == answer.document.sealed_at
    handle(database, notice_withdrawn())
    with database.read() as work:
        answer = API.verify_document(Call(work, OPERATOR), pb.VerifyDocumentRequest(content=content))
    assert answer.verdict == finding_pb2.VERDICT_REVOKED
    assert answer.document.revocation_reason == "办件已撤销"
