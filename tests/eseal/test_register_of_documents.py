"""What the register of documents adds to a verification."""

import pytest

from chassis.database import Database
from chassis.problems import Invalid
from services.eseal.domain.answers import Verdict
from services.eseal.domain.findings import Finding
from tests.eseal.builders import documents, handle, notice_withdrawn, organ_with_seal, revoked, sealed_document


def verified(database: Database, content: bytes) -> Finding:
    with database.read() as work:
        return documents().verify(work, content)[0]


def test_a_sealed_document_is_genuine_and_known(database: Database) -> None:
    organ_with_seal(database)
    document, content = sealed_document(database)
    with database.read() as work:
        finding, record = documents().verify(work, content)
    assert (finding.verdict, record) == (Verdict.GENUINE, document)


def test_a_seal_revoked_later_leaves_its_documents_genuine(database: Database) -> None:
    seal = organ_with_seal(database)
    _, content = sealed_document(database)
    revoked(database, seal)
    assert verified(database, content).verdict is Verdict.GENUINE


def test_a_withdrawn_document_is_revoked(database: Database) -> None:
    organ_with_seal(database)
    _, content = sealed_document(database)
    handle(database, notice_withdrawn())
    assert verified(database, content).verdict is Verdict.REVOKED


@pytest.mark.parametrize("change", ["padding", "case"])
def test_rewriting_the_signature_s_container_does_not_hide_a_revocation(database: Database, change: str) -> None:
    organ_with_seal(database)
    _, content = sealed_document(database)
    handle(database, notice_withdrawn())
    start = content.index(b"/Contents <") + 11
    end = content.index(b">", start)
    container = content[start:end]
    rewritten = container.swapcase() if change == "case" else container[:-2] + b"01"
    assert rewritten != container
    finding = verified(database, content[:start] + rewritten + content[end:])
    assert finding.verdict is Verdict.ALTERED


def test_a_file_that_is_no_pdf_is_invalid_input(database: Database) -> None:
    with pytest.raises(Invalid) as raised:
        verified(database, b"hello")
    assert (raised.value.reason, raised.value.violations[0].field) == ("UNKNOWN_FORMAT", "content")
