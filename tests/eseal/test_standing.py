"""The register's word on seals that were found on a file."""

from datetime import timedelta

import pytest

from chassis.database import Database
from chassis.testing import ManualClock
from services.eseal.domain.answers import Code, Verdict
from services.eseal.domain.findings import Finding
from services.eseal.domain.orders import Order
from services.eseal.domain.seal import Act, Entry, Seal
from services.eseal.pdf.sealing import Sealer
from services.eseal.seals.desk import SealDesk
from services.eseal.seals.standing import standing_at
from tests.eseal.builders import (
    APPROVER,
    NOON,
    OFFICE,
    documents,
    keys,
    organ_with_seal,
    register,
    sealed_document,
)
from tests.eseal.pdf.builders import PLACE, codes, pages, sealed

HOUR = timedelta(hours=1)


def verified(database: Database, content: bytes) -> Finding:
    with database.read() as work:
        return documents().verify(work, content)[0]


def outside(database: Database, seal: Seal) -> bytes:
    """A file sealed with the seal's key past the register, by whoever got hold of it."""
    with database.read() as work:
        credential, picture = SealDesk(keys()).equip(work, seal)
    return Sealer(credential, picture.png).seal(pages(), Order(PLACE), NOON).content


def do(database: Database, seal: Seal, act: str) -> None:
    with database.begin() as work:
        getattr(register(), act)(work, APPROVER, seal.seal_id, "because")


def test_a_document_of_the_register_is_told_with_its_seal(database: Database) -> None:
    seal = organ_with_seal(database)
    found = verified(database, sealed_document(database)[1])
    assert (found.seals[0].seal_id, found.seals[0].seal_name) == (seal.seal_id, OFFICE)
    assert {"SEAL_VALID", "TIME_REGISTERED", "NOT_REVOKED"} <= codes(found)[0]


@pytest.mark.parametrize("act", ["suspend", "revoke"])
def test_what_was_sealed_before_the_seal_was_stopped_stays_valid(
    database: Database, clock: ManualClock, act: str
) -> None:
    seal = organ_with_seal(database)
    _, content = sealed_document(database)
    clock.advance(hours=1)
    do(database, seal, act)
    found = verified(database, content)
    assert (found.verdict, "SEAL_VALID" in codes(found)[0]) == (Verdict.GENUINE, True)


@pytest.mark.parametrize(
    ("act", "verdict", "code"),
    [("suspend", Verdict.INVALID, "SEAL_SUSPENDED"), ("revoke", Verdict.REVOKED, "SEAL_REVOKED")],
)
def test_a_time_that_only_the_signer_says_does_not_go_before_the_stop(
    database: Database, clock: ManualClock, act: str, verdict: Verdict, code: str
) -> None:
    seal = organ_with_seal(database)
    content = outside(database, seal)
    assert verified(database, content).verdict is Verdict.GENUINE
    clock.advance(hours=1)
    do(database, seal, act)
    found = verified(database, content)
    assert (found.verdict, code in codes(found)[0]) == (verdict, True)


def test_a_seal_that_the_register_does_not_know_is_told_so(database: Database) -> None:
    organ_with_seal(database)
    assert "SEAL_UNKNOWN" in codes(verified(database, sealed()))[0]


def test_a_seal_stands_as_the_last_act_before_left_it() -> None:
    acts = [Act.APPLIED, Act.APPROVED, Act.MADE, Act.ACTIVATED, Act.SUSPENDED, Act.RESUMED, Act.REPLACED]
    history = [Entry("s1", number, act, "", NOON + number * HOUR, "") for number, act in enumerate(acts)]
    stood = [standing_at(history, NOON + number * HOUR) for number in range(-1, len(acts) + 1)]
    # The moment of activating and resuming counts to what follows it, that of stopping to what was before.
    assert stood == [
        *[Code.SEAL_NOT_YET_VALID] * 4,
        *[Code.SEAL_VALID] * 4,
        Code.SEAL_REVOKED,
    ]
    minute = timedelta(minutes=1)
    assert standing_at(history, NOON + 4 * HOUR + minute) is Code.SEAL_SUSPENDED
    assert standing_at(history, NOON + 6 * HOUR + minute) is Code.SEAL_REVOKED
