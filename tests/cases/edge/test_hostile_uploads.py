"""Uploads that collide, that lose what they stored, and that are not what they say: nothing is damaged or left."""

import asyncio
import hashlib
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select

from chassis.api import ANONYMOUS, StreamCall
from chassis.clock import new_id
from duokua import errors
from duokua.cases.v1 import material_service_pb2
from services.cases import material_store
from services.cases.blobs import Blobs
from services.cases.inspection.inspectors import Inspectors
from services.cases.receiving import Reception, part_name
from services.cases.uploads import PART, Uploads
from tests.cases.builders import a_material
from tests.cases.edge.test_material_streams import downloaded, naming, start_of, stream, uploaded
from tests.cases.offices import Offices, application, refusal

pb = material_service_pb2
FINISHED = pb.UPLOAD_STATUS_FINISHED


def parts(town: Offices) -> list[Path]:
    """The files that uploads have left."""
    folder = town.edge.settings.data_dir / "blobs" / "uploads"
    return [path for path in folder.rglob("*") if path.is_file()]


def stored(town: Offices, content: bytes) -> Path:
    return next(town.edge.settings.data_dir.rglob(hashlib.sha256(content).hexdigest()))


def upload_reason(town: Offices, start: pb.UploadRequest, content: bytes) -> str:
    """What becomes of one stream of an upload: FINISHED, or why not."""
    try:
        upload = town.applicant.materials.Upload(stream(start, content), timeout=60).upload
    except errors.DuokuaError as error:
        return error.reason
    return pb.UploadStatus.Name(upload.status).removeprefix("UPLOAD_STATUS_")


def test_streams_of_one_upload_at_once_finish_it_once_and_damage_nothing(town: Offices) -> None:
    for _ in range(5):
        content = os.urandom(2 * PART + 5)
        start = start_of(content)
        with ThreadPoolExecutor(4) as threads:
            told = Counter(threads.map(lambda _, s=start, c=content: upload_reason(town, s, c), range(4)))
        assert told["FINISHED"] >= 1
        assert set(told) <= {"FINISHED", "OFFSET_MISMATCH"}
        assert stored(town, content).read_bytes() == content


def all_received(town: Offices, content: bytes) -> pb.UploadRequest:
    """An upload of one part whose process ended after that part, and before all of it was put together."""
    start = start_of(content)
    town.applicant.materials.Upload(iter([start]), timeout=20)
    uploads = material_store.uploads
    with town.database.begin() as work:
        of_this = uploads.c.upload_id == start.start.upload_id
        (key,) = work.connection.scalars(select(uploads.c.key).where(of_this))
        assert material_store.advance_upload(work.connection, key, 0, len(content), work.now)
    asyncio.run(Blobs.from_settings(town.edge.settings).put(part_name(key, 0), content))
    start.start.offset = len(content)
    return start


def test_streams_that_end_an_upload_at_once_all_learn_that_it_is_finished(town: Offices) -> None:
    for _ in range(10):
        content = os.urandom(PART)
        start = all_received(town, content)
        with ThreadPoolExecutor(4) as threads:
            told = set(threads.map(lambda _, s=start: upload_reason(town, s, b""), range(4)))
        assert told == {"FINISHED"}
        assert stored(town, content).read_bytes() == content


def test_a_stream_that_finds_its_parts_gone_since_another_has_finished_is_told_so(town: Offices) -> None:
    start = all_received(town, os.urandom(1000))
    with town.database.read() as work:
        of_this = material_store.uploads.c.upload_id == start.start.upload_id
        unfinished = work.connection.execute(select(material_store.uploads).where(of_this)).one()
    blobs, inspectors = Blobs.from_settings(town.edge.settings), Inspectors()

    async def twice() -> list[bool]:
        with ThreadPoolExecutor(1) as threads:
            call = StreamCall(town.database, ANONYMOUS, threads, asyncio.Event())
            reception = Reception(call, Uploads(PART), blobs, inspectors)
            return [(await reception._finish(unfinished)).finished for _ in range(2)]

    try:
        assert asyncio.run(twice()) == [True, True]
    finally:
        inspectors.close()


def test_a_refused_upload_leaves_no_parts(town: Offices) -> None:
    before = parts(town)
    content = os.urandom(PART + 5)
    for start in (start_of(content, sha256="0" * 64), start_of(content, media_type="application/pdf")):
        assert upload_reason(town, start, content) == "CONTENT_INVALID"
        assert parts(town) == before


def test_an_upload_whose_parts_are_lost_is_begun_anew(town: Offices) -> None:
    content = os.urandom(2 * PART + 5)
    start = start_of(content)
    upload = town.applicant.materials.Upload(stream(start, content[: 2 * PART]), timeout=60).upload
    assert upload.received == 2 * PART
    for path in parts(town):
        path.unlink()
    start.start.offset = 2 * PART
    call = town.applicant.materials.Upload
    assert refusal(call, stream(start, content, 2 * PART))[:2] == ("FAILED_PRECONDITION", "UPLOAD_LOST")
    start.start.offset = 0
    assert refusal(call, stream(start, content))[1] == "UPLOAD_ID_REUSED"
    start.start.upload_id = new_id()
    assert call(stream(start, content), timeout=60).upload.status == FINISHED


def test_a_content_that_the_store_has_lost_is_mended_by_who_brings_it_again(town: Offices) -> None:
    content = os.urandom(1000)
    upload = uploaded(town.applicant, content)
    case = town.applicant.cases.SubmitCase(naming(content)).case
    stored(town, content).unlink()
    assert uploaded(town.stranger, content).status == FINISHED
    assert downloaded(town.applicant, case_id=case.case_id, sha256=upload.sha256)[1] == content


def test_knowing_a_hash_gives_nobody_its_content(town: Offices) -> None:
    content = os.urandom(1000)
    upload = uploaded(town.applicant, content)
    start = start_of(content)
    told = refusal(town.stranger.materials.Upload, stream(start, os.urandom(1000)))
    assert told == ("INVALID_ARGUMENT", "CONTENT_INVALID", ["start.sha256"])
    assert stored(town, content).read_bytes() == content
    same = start_of(content, upload_id=upload.upload_id)  # an id is unique among a person's uploads only
    assert town.stranger.materials.Upload(iter([same]), timeout=20).upload.received == 0


@pytest.mark.parametrize("name", ["../../etc/passwd", "..\\x.pdf", "a\n.pdf", "lease\u202efdp.exe"])
def test_a_name_that_leads_elsewhere_or_deceives_is_refused(town: Offices, name: str) -> None:
    lease = a_material()
    lease.name = name
    told = refusal(town.applicant.cases.SubmitCase, application(materials=[lease]))
    assert told == ("INVALID_ARGUMENT", "BAD_REQUEST", ["materials[0].name"])


@pytest.mark.parametrize("name", ["租赁合同（第2版）.pdf", "lease 1.pdf", "营业执照\U00020bb7.pdf", "..pdf"])
def test_a_name_of_any_writing_is_taken(town: Offices, name: str) -> None:
    lease = a_material()
    lease.name = name
    case = town.applicant.cases.SubmitCase(application(materials=[lease])).case
    assert [each["name"] for each in town.row(case.case_id).materials] == [name]
