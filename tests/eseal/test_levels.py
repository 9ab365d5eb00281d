"""The level that the settings name: what it puts into notices, and what happens while the authority is away."""

import io
from datetime import timedelta
from pathlib import Path

import pytest
from pyhanko.pdf_utils.reader import PdfFileReader

from chassis.database import Database
from chassis.problems import Unavailable
from chassis.settings import Settings
from chassis.testing import ManualClock
from duokua.eseal.v1 import events_pb2
from services.eseal.certificates.authorities import Authorities
from services.eseal.domain.findings import Finding
from services.eseal.domain.seal import Suite
from services.eseal.domain.trust import read_trust
from services.eseal.levels import Levels
from services.eseal.notices import Notices
from services.eseal.pdf.verification import inspect
from services.eseal.seals.desk import SealDesk
from tests.eseal.builders import (
    NOON,
    documents,
    handle,
    keys,
    notice_requested,
    organ_with_seal,
    root,
)
from tests.eseal.cms.authority import OpensslAuthority, serving
from tests.eseal.pdf.builders import codes


def sealed_by(database: Database, levels: Levels, notice_id: str = "n1") -> bytes:
    answer = handle(database, notice_requested(notice_id), by=Notices(SealDesk(keys()), levels))[-1]
    assert isinstance(answer, events_pb2.DocumentSealed)
    with database.read() as work:
        return documents().content(work, documents().document(work, answer.document.document_id))


def levels(level: str, clock: ManualClock, **how: str) -> Levels:
    return Levels(Authorities(keys()), level=level, clock=clock, **how)


def judged(database: Database, content: bytes) -> Finding:
    """By somebody who has the platform's roots and nothing else."""
    with database.read() as work:
        anchors = "\n".join(documents().trust_anchors(work))
    return inspect(content, read_trust(anchors, anchors), lambda _: None, NOON + timedelta(hours=1))


@pytest.mark.parametrize(
    ("level", "told"),
    [
        ("B-B", {"TIME_CLAIMED", "REVOCATION_UNKNOWN"}),
        ("B-T", {"TIME_STAMPED", "REVOCATION_UNKNOWN"}),
        ("B-LT", {"TIME_STAMPED", "NOT_REVOKED"}),
    ],
)
def test_notices_are_sealed_at_the_level_that_is_set(
    database: Database, clock: ManualClock, level: str, told: set[str]
) -> None:
    organ_with_seal(database)
    found = judged(database, sealed_by(database, levels(level, clock)))
    assert found.verdict.name == "GENUINE"
    assert told <= codes(found)[0]


def test_lists_are_as_of_the_batch(database: Database, clock: ManualClock) -> None:
    organ_with_seal(database)
    by, times = levels("B-LT", clock), []
    for number in range(2):
        content = sealed_by(database, by, f"n{number}")
        (signature,) = PdfFileReader(io.BytesIO(content)).embedded_signatures
        (attribute,) = signature.signer_info["unsigned_attrs"]
        times.append(attribute["values"][0]["content"]["encap_content_info"]["content"].parsed["gen_time"].native)
        clock.advance(minutes=5)
    assert times[1] - times[0] == timedelta(minutes=5)


def test_the_platforms_own_timestamps_are_made_once_and_are_no_authority(database: Database) -> None:
    organ_with_seal(database)
    own = Authorities(keys())
    with database.begin() as work:
        before = len(own.all(work))
        first, again = own.timestamping(work), own.timestamping(work)
        assert (first.certificate, len(first.chain)) == (again.certificate, 1)
        assert len(own.all(work)) == before


def test_timestamps_are_by_whoever_makes_them_now(database: Database, clock: ManualClock) -> None:
    organ_with_seal(database)
    level = levels("B-T", clock)
    sealed_by(database, level)
    with database.begin() as work:
        authorities = Authorities(keys())
        authorities.rotate(work, Suite.INTERNATIONAL, root=False)
        own = authorities.timestamping(work).certificate
    content = sealed_by(database, level, "n2")
    (signature,) = PdfFileReader(io.BytesIO(content)).embedded_signatures
    (stamp,) = signature.signer_info["unsigned_attrs"]
    by = stamp["values"][0]["content"]["certificates"]
    assert own.serial_number in [each.chosen.serial_number for each in by]


def test_a_notice_waits_while_the_timestamp_authority_is_away(database: Database, tmp_path: Path) -> None:
    organ_with_seal(database)
    authority, away = OpensslAuthority(tmp_path), [True]

    def answer(query: bytes) -> tuple[int, bytes]:
        return (503, b"") if away[0] else authority(query)

    with serving(answer) as url:
        how = Levels(Authorities(keys()), level="B-T", timestamp_url=url, timestamp_trust=root().certificate_pem())
        with pytest.raises(Unavailable, match="status 503") as raised:
            sealed_by(database, how)
        assert raised.value.reason == "TIMESTAMP_UNAVAILABLE"
        away[0] = False
        assert sealed_by(database, how).startswith(b"%PDF-")


@pytest.mark.parametrize(
    "wrong",
    [
        {"eseal_level": "B-LTA"},
        {"eseal_timestamp_url": "ftp://tsa"},
        {"eseal_timestamp_url": "https://tsa.example"},
        {"eseal_timestamp_trust": Path("tsa.pem")},
    ],
)
def test_settings_that_do_not_go_together_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="eseal_"):
        Settings(**wrong)  # type: ignore[arg-type]
