"""An organ whose seals are of the national suite: its seal is made, its notices are OFD, and they are verified."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from chassis.database import Database
from chassis.testing import ManualClock
from duokua.eseal.v1 import events_pb2
from services.eseal.certificates.authorities import Authorities
from services.eseal.domain.answers import Code, Verdict
from services.eseal.domain.findings import Format
from services.eseal.domain.records import Document
from services.eseal.domain.seal import Seal, State, Suite
from services.eseal.domain.trust import read_trust
from services.eseal.levels import Levels
from services.eseal.national.libcrypto import NationalAlgorithmsMissingError, _version
from services.eseal.national.ofd.package import read, write
from services.eseal.national.ofd.verification import inspect
from services.eseal.national.seals import read_seal
from services.eseal.notices import Notices
from services.eseal.seals import national
from services.eseal.seals.application import Application
from services.eseal.seals.desk import SealDesk
from tests.eseal.builders import (
    NOON,
    OFFICE,
    applied,
    documents,
    handle,
    keys,
    made,
    notice_requested,
    notice_withdrawn,
    organ,
    organ_with_seal,
    register,
    revoked,
    sealed_document,
)


def national_organ(database: Database, organ_id: str = "o1") -> Seal:
    """An office with a seal of the national suite."""
    organ(database, organ_id)
    with database.begin() as work:
        register().set_suite(work, organ_id, Suite.NATIONAL)
    return made(database, Application(organ_id, "启用"))


def test_the_suite_that_an_organ_has_chosen_decides_between_its_seals(database: Database) -> None:
    first = organ_with_seal(database)
    with database.begin() as work:
        register().set_suite(work, "o1", Suite.NATIONAL)
    assert sealed_document(database, "n1")[0].media_type == "application/pdf", "there is no other seal yet"
    second = made(database, Application("o1", "换用国密"))
    document, _ = sealed_document(database, "n2")
    assert (document.media_type, document.seal_id) == ("application/ofd", second.seal_id)
    with database.begin() as work:
        register().set_suite(work, "o1", Suite.INTERNATIONAL)
    assert sealed_document(database, "n3")[0].seal_id == first.seal_id


def test_a_seal_of_the_national_suite_is_made_with_all_that_belongs_to_it(database: Database) -> None:
    seal = national_organ(database)
    assert (seal.suite, seal.state) == (Suite.NATIONAL, State.ACTIVE)
    certificate = x509.load_pem_x509_certificate(seal.certificate_pem.encode())
    assert certificate.signature_algorithm_oid.dotted_string == "1.2.156.10197.1.501"
    with database.read() as work:
        encoded = read_seal(national.load(work, seal.seal_id))
    assert (encoded.version, encoded.name, encoded.valid_until) == (4, OFFICE, seal.valid_until)
    assert re.fullmatch(r"000000\d{8}", encoded.es_id)
    assert list(encoded.certificates) == [certificate.public_bytes(Encoding.DER)]


def test_the_number_of_a_seal_begins_with_the_region_of_its_organ(database: Database) -> None:
    seal = national_organ(database, "11330106MB1A00001G")
    with database.read() as work:
        assert re.fullmatch(r"330106\d{8}", read_seal(national.load(work, seal.seal_id)).es_id)


def test_the_suite_counts_from_the_next_seal_on(database: Database) -> None:
    before = organ_with_seal(database)
    with database.begin() as work:
        register().set_suite(work, "o1", Suite.NATIONAL)
    assert before.suite is Suite.INTERNATIONAL
    assert applied(database).suite is Suite.NATIONAL


def sealed_ofd(database: Database) -> tuple[Document, bytes]:
    national_organ(database)
    return sealed_document(database)


def test_a_notice_becomes_a_sealed_ofd_that_is_genuine(database: Database) -> None:
    document, content = sealed_ofd(database)
    assert document.media_type == "application/ofd"
    assert document.size == len(content)
    with database.read() as work:
        finding, record = documents().verify(work, content)
    assert (finding.format, finding.verdict) == (Format.OFD, Verdict.GENUINE)
    assert record == document
    assert (finding.sealed_by, finding.sealed_at) == (OFFICE, NOON)
    codes = {answer.code for answer in (*finding.seals[0].answers, *finding.remarks)}
    assert {Code.TIME_REGISTERED, Code.SEAL_VALID, Code.REGISTERED_DOCUMENT} <= codes


@pytest.mark.parametrize(
    ("level", "told"), [("B-B", Code.TIME_CLAIMED), ("B-T", Code.TIME_STAMPED), ("B-LT", Code.TIME_STAMPED)]
)
def test_an_ofd_has_a_timestamp_where_the_level_wants_one(
    database: Database, clock: ManualClock, level: str, told: Code
) -> None:
    national_organ(database)
    by = Notices(SealDesk(keys()), Levels(Authorities(keys()), level=level, clock=clock))
    answer: Any = handle(database, notice_requested(), by=by)[-1]
    with database.read() as work:
        content = documents().content(work, documents().document(work, answer.document.document_id))
        anchors = "".join(documents().trust_anchors(work))
    found = inspect(content, read_trust(anchors, anchors), lambda _: None, NOON)
    assert found.verdict is Verdict.GENUINE
    assert told in {each.code for each in found.seals[0].answers}


def test_what_is_announced_names_the_format(database: Database) -> None:
    national_organ(database)
    answer: Any = handle(database, notice_requested())[-1]
    assert isinstance(answer, events_pb2.DocumentSealed)
    assert answer.document.media_type == "application/ofd"


def test_both_suites_live_side_by_side(database: Database) -> None:
    national_organ(database, "o1")
    organ_with_seal(database, "o2", "税务局")
    found = {}
    for organ_id in ("o1", "o2"):
        answer: Any = handle(database, notice_requested(f"n-{organ_id}", organ_id=organ_id))[-1]
        with database.read() as work:
            document = documents().document(work, answer.document.document_id)
            finding, record = documents().verify(work, documents().content(work, document))
        assert record == document
        found[organ_id] = (finding.format, finding.verdict)
    assert found == {"o1": (Format.OFD, Verdict.GENUINE), "o2": (Format.PDF, Verdict.GENUINE)}


def test_a_changed_ofd_is_altered(database: Database) -> None:
    _, content = sealed_ofd(database)
    files = read(content)
    page = "Doc_0/Pages/Page_0/Content.xml"
    files[page] = files[page].replace("准予".encode(), "不予".encode())
    with database.read() as work:
        finding, record = documents().verify(work, write(files))
    assert finding.verdict is Verdict.ALTERED
    assert record is None


def test_an_ofd_that_was_packed_anew_is_not_the_original(database: Database) -> None:
    document, content = sealed_ofd(database)
    files = read(content)
    with database.read() as work:
        finding, record = documents().verify(work, write(dict(reversed(files.items()))))
    assert finding.verdict is Verdict.ALTERED
    assert Code.CONTAINER_REWRITTEN in {remark.code for remark in finding.remarks}
    assert record == document


def test_a_withdrawn_notice_is_revoked(database: Database) -> None:
    _, content = sealed_ofd(database)
    handle(database, notice_withdrawn())
    with database.read() as work:
        finding, _ = documents().verify(work, content)
    assert finding.verdict is Verdict.REVOKED


def test_what_a_seal_sealed_before_it_was_revoked_stays_genuine(database: Database, clock: ManualClock) -> None:
    seal = national_organ(database)
    _, content = sealed_document(database)
    for expected in (Code.NOT_REVOKED, Code.REVOKED_LATER):
        with database.read() as work:
            finding, _ = documents().verify(work, content)
        assert finding.verdict is Verdict.GENUINE
        assert expected in {answer.code for answer in finding.seals[0].answers}
        if expected is Code.NOT_REVOKED:
            clock.advance(hours=1)
            revoked(database, seal)


def test_the_seal_lies_in_the_document_as_it_was_made(database: Database) -> None:
    seal = national_organ(database)
    _, content = sealed_document(database)
    with database.read() as work:
        assert read(content)["Doc_0/Signs/Sign_0/Seal.esl"] == national.load(work, seal.seal_id)


def test_the_trust_anchors_are_all_that_an_outsider_needs(database: Database) -> None:
    _, content = sealed_ofd(database)
    with database.read() as work:
        anchors = documents().trust_anchors(work)
    assert inspect(content, read_trust("".join(anchors)), lambda _: None, NOON).verdict is Verdict.GENUINE


class OldLibrary:
    """OpenSSL 1.1, as ctypes shows it."""

    class OpenSSL_version:  # noqa: N801 (the library's name)
        restype: object = None

        def __new__(cls, _: int) -> Any:
            return b"OpenSSL 1.1.1w"

    class OpenSSL_version_num:  # noqa: N801 (the same)
        restype: object = None

        def __new__(cls) -> Any:
            return 0x1010117F


@pytest.mark.parametrize("library", [OldLibrary, object()])
def test_a_system_without_sm2_says_what_is_missing(library: Any) -> None:
    with pytest.raises(NationalAlgorithmsMissingError, match="built with SM2 and SM3"):
        _version(library)


_UNDER_EVENTLET = """
import eventlet
eventlet.monkey_patch()
import sys
from services.eseal.domain.records import Picture
from services.eseal.papers import ofd_press
from tests.eseal.builders import NOON, notice
from tests.eseal.national.builders import authority, picture, seal
shown = Picture(picture().data, 42, 42)
press = ofd_press(authority().seal, shown, seal())
pool = eventlet.GreenPool(3)
papers = list(pool.imap(lambda shop: press(notice(shop=shop), NOON), ["一馆", "二馆", "三馆"]))
for number, paper in enumerate(papers):
    open(f"{sys.argv[1]}/{number}.ofd", "wb").write(paper.content)
open(f"{sys.argv[1]}/trust.pem", "w").write(
    authority().root.certificate_pem() + authority().issuing.certificate_pem()
)
print(len(papers))
"""


def test_a_worker_under_eventlet_seals_with_the_national_suite(tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _UNDER_EVENTLET, str(tmp_path)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert said.stdout == "3\n", said.stderr
    trusted = read_trust((tmp_path / "trust.pem").read_text())
    for number in range(3):
        content = (tmp_path / f"{number}.ofd").read_bytes()
        assert inspect(content, trusted, lambda _: None, NOON).verdict is Verdict.GENUINE
