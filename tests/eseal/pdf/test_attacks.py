"""Every attack that is known on signed PDFs, on a file of ours: reported or refused, never believed."""

import pytest

from services.eseal.domain.answers import Verdict
from services.eseal.domain.findings import UnreadableError
from services.eseal.pdf.grades import Level
from tests.eseal.pdf import attacks
from tests.eseal.pdf.builders import codes, judged, sealed

ATTACKS = attacks.everything()


def test_what_is_attacked_is_genuine() -> None:
    assert judged(sealed()).verdict is Verdict.GENUINE


@pytest.mark.parametrize(("name", "content"), ATTACKS, ids=[name for name, _ in ATTACKS])
def test_no_attack_passes_for_genuine(name: str, content: bytes) -> None:
    try:
        found = judged(content)
    except UnreadableError as fault:
        outcome = fault.reason
    else:
        outcome = found.verdict.name
    assert outcome in ("ALTERED", "NOT_SEALED", "UNTRUSTED", "BROKEN_PDF"), name


def test_evidence_that_somebody_adds_afterwards_by_the_book_changes_nothing() -> None:
    found = judged(attacks._with_evidence(sealed(level=Level.B_T)))
    assert found.verdict is Verdict.GENUINE
    assert {"SEALED_AFTERWARDS", "COVERED_THEN", "NOT_REVOKED"} <= codes(found)[0]
