"""Judging files: genuine ones, and whatever somebody may upload instead."""

import io
import json
import re
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import copy_into_new_writer

from services.eseal.domain.answers import Verdict
from services.eseal.domain.finding_json import to_json
from services.eseal.domain.findings import Finding, UnreadableError
from services.eseal.domain.notice import render
from services.eseal.domain.orders import At, Order
from services.eseal.domain.trust import Trust
from services.eseal.pdf.picture import SealPicture
from services.eseal.pdf.preparing import prepare
from services.eseal.pdf.verification import inspect
from tests.eseal.builders import NOON, OFFICE, notice, seal_picture, sealed_file, sealer, trust
from tests.eseal.pdf.builders import PLACE, pages

FOREIGN = NOON + timedelta(days=1)
LATER = NOON + timedelta(days=2)


def judged(content: bytes) -> Finding:
    return inspect(content, trust(), lambda _: NOON, LATER)


def codes(found: Finding) -> list[set[str]]:
    return [{answer.code.value for answer in seal.answers} for seal in found.seals]


def with_update(content: bytes) -> bytes:
    """The file with something written after its end, as a PDF allows."""
    writer = IncrementalPdfFileWriter(io.BytesIO(content))
    writer.root["/Remark"] = generic.TextStringObject("added later")
    writer.update_root()
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def sealed_again(content: bytes) -> bytes:
    """The sealed file with the seal of somebody else on top."""
    return sealer(FOREIGN).seal(content, Order(At(-1, 200, 200)), NOON).content


def encrypted(content: bytes) -> bytes:
    writer = copy_into_new_writer(PdfFileReader(io.BytesIO(content)))
    writer.encrypt("owner", "user")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_a_sealed_file_is_genuine_and_says_who_sealed_it_and_when() -> None:
    found = judged(sealed_file().content)
    assert (found.verdict, found.sealed_by, found.sealed_at) == (Verdict.GENUINE, OFFICE, NOON)
    assert found.signed_digest == sealed_file().signed_digest


def test_a_file_without_a_signature_is_not_sealed() -> None:
    assert judged(render(notice()).content).verdict is Verdict.NOT_SEALED


def test_a_seal_of_another_platform_is_not_trusted() -> None:
    found = judged(sealed_file(FOREIGN).content)
    assert (found.verdict, found.signed_digest) == (Verdict.UNTRUSTED, "")


def test_without_an_authority_nothing_is_trusted() -> None:
    assert inspect(sealed_file().content, Trust(), lambda _: None, LATER).verdict is Verdict.UNTRUSTED


def test_a_changed_byte_of_the_text_shows() -> None:
    content = sealed_file().content
    at = content.index(b"stream") + 200
    changed = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
    assert judged(changed).verdict is Verdict.ALTERED


def test_what_is_written_after_the_seal_shows() -> None:
    assert judged(with_update(sealed_file().content)).verdict is Verdict.ALTERED
    assert judged(sealed_file().content + b"\n%%EOF\n").verdict is not Verdict.GENUINE


def test_a_foreign_seal_on_top_does_not_make_it_genuine() -> None:
    assert judged(sealed_again(sealed_file().content)).verdict is Verdict.ALTERED


def test_a_document_outlives_the_certificate_of_its_seal() -> None:
    long_ago = datetime(2001, 1, 1, tzinfo=UTC)
    content, anchors = sealed_file(long_ago).content, trust(long_ago)
    assert inspect(content, anchors, lambda _: long_ago).verdict is Verdict.GENUINE
    found = inspect(content, anchors, lambda _: None)
    assert (found.verdict, codes(found)) == (
        Verdict.INVALID,
        [{"UNCHANGED", "COVERS_ALL", "TRUSTED_ISSUER", "CERTIFICATE_EXPIRED_SINCE", "TIME_CLAIMED"}],
    )


def dated(date: bytes) -> bytes:
    """A sealed file that says so of the time."""
    made = prepare(pages(), SealPicture(seal_picture()), Order(PLACE), NOON)
    said = b"/M (%s)" % date
    content = re.sub(rb"/M \([^)]*\)", lambda found: said.ljust(len(found[0])), made.content)
    assert len(content) == len(made.content)
    digest = sha256(content[: made.start] + content[made.end :]).digest()
    return sealer().sign(replace(made, content=content, digest=digest)).content


@pytest.mark.parametrize(
    ("date", "answer"),
    [
        (b"D:20260601040000Z", "TIME_CLAIMED"),
        (b"D:20260601040000", "TIME_CLAIMED"),
        (b"D:20260604040000Z", "TIME_AHEAD"),
        (b"D:99991231235959Z", "TIME_AHEAD"),
        (b"yesterday", "TIME_UNKNOWN"),
        (b"D:2026060104+99'99'", "TIME_UNKNOWN"),
    ],
)
def test_what_a_signer_says_of_the_time_is_told_as_that(date: bytes, answer: str) -> None:
    found = inspect(dated(date), trust(), lambda _: None, LATER)
    assert found.verdict is Verdict.GENUINE
    assert answer in codes(found)[0]
    assert json.dumps(to_json(found))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"%PDF-1.7\n", "BROKEN_PDF"),
        (b"%PDF-1.7\n" + b"[" * 200_000, "BROKEN_PDF"),
        (b"%PDF-1.7\nxref\n0 1\ntrailer\n<</Size 1/Prev 9>>\nstartxref\n9\n%%EOF", "BROKEN_PDF"),
    ],
)
def test_what_is_no_pdf_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(UnreadableError) as raised:
        judged(content)
    assert raised.value.reason == reason


def test_an_encrypted_file_is_refused() -> None:
    with pytest.raises(UnreadableError) as raised:
        judged(encrypted(render(notice()).content))
    assert raised.value.reason == "ENCRYPTED_PDF"


def never_genuine(content: bytes) -> None:
    try:
        assert judged(content).verdict is not Verdict.GENUINE
    except UnreadableError:
        return


def test_a_truncated_file_is_never_genuine() -> None:
    content = sealed_file().content
    for size in range(0, len(content), 2_499):
        never_genuine(content[:size])


def test_a_cyclic_or_bloated_file_ends_in_a_finding() -> None:
    bomb = zlib.compress(b"\x00" * 50_000_000, 9)
    cyclic = (
        b"%PDF-1.7\n1 0 obj<</Type/Catalog/AcroForm 2 0 R>>endobj\n2 0 obj<</Fields[3 0 R]>>endobj\n"
        b"3 0 obj<</Kids[3 0 R]/T(a)/FT/Sig>>endobj\n"
    )
    stream = b"4 0 obj<</Length %d/Filter/FlateDecode/Type/XRef/Size 5/W[1 2 1]/Root 1 0 R>>stream\n" % len(bomb)
    body = cyclic + stream + bomb + b"\nendstream endobj\n"
    never_genuine(body + b"startxref\n%d\n%%%%EOF" % len(cyclic))
    offsets = [cyclic.index(b"%d 0 obj" % number) for number in (1, 2, 3)]
    table = b"xref\n0 4\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    never_genuine(cyclic + table + b"trailer<</Size 4/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % len(cyclic))


@given(st.integers(0), st.integers(1, 255))
def test_any_changed_byte_that_the_signature_covers_shows(position: int, change: int) -> None:
    content = bytearray(sealed_file().content)
    gap = range(content.index(b"/Contents <") + 11, content.index(b">", content.index(b"/Contents <")))
    covered = position % (len(content) - len(gap))
    at = covered if covered < gap.start else covered + len(gap)
    content[at] ^= change
    never_genuine(bytes(content))


@given(st.binary(max_size=300))
def test_random_bytes_are_never_genuine(content: bytes) -> None:
    never_genuine(b"%PDF-1.7\n" + content)
