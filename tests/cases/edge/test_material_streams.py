"""Materials in and out in chunks at the gRPC edge: resumed, refused, and shown to those who need them."""

import hashlib
import os
import threading
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from sqlalchemy import text

from chassis.clock import new_id
from duokua import errors
from duokua.cases.v1 import case_pb2, material_service_pb2, task_service_pb2
from duokua.client import Session
from services.cases.uploads import PART
from tests.cases.builders import a_bundle, a_material, a_pdf
from tests.cases.offices import Offices, application, pulled, refusal
from tests.servers.process import wait_until

pb = material_service_pb2
CHUNK = 128 * 1024


def start_of(content: bytes, **changes: Any) -> pb.UploadRequest:
    values = {
        "upload_id": new_id(),
        "media_type": "application/octet-stream",
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    return pb.UploadRequest(start=pb.UploadStart(**{**values, **changes}))


def chunks(content: bytes, offset: int = 0, size: int = CHUNK) -> Iterator[pb.UploadRequest]:
    for at in range(offset, len(content), size):
        yield pb.UploadRequest(chunk=pb.UploadChunk(offset=at, data=content[at : at + size]))


def stream(start: pb.UploadRequest, content: bytes, offset: int = 0, size: int = CHUNK) -> Iterator[pb.UploadRequest]:
    yield start
    yield from chunks(content, offset, size)


def uploaded(session: Session, content: bytes, **changes: Any) -> pb.Upload:
    return session.materials.Upload(stream(start_of(content, **changes), content), timeout=60).upload


def naming(photographed: bytes, **changes: Any) -> Any:
    values = {"kind": "photo", "name": "门头.png", "media_type": "application/octet-stream"}
    photo = case_pb2.Material(**{**values, "sha256": hashlib.sha256(photographed).hexdigest(), **changes})
    return application(materials=[application().materials[0], photo])


def downloaded(session: Session, offset: int = 0, **of: Any) -> tuple[pb.DownloadHeader, bytes]:
    responses = iter(session.materials.DownloadMaterial(pb.DownloadMaterialRequest(offset=offset, **of), timeout=60))
    return next(responses).header, b"".join(each.chunk for each in responses)


def test_an_upload_is_named_by_a_case_and_streams_out_to_its_applicant(town: Offices) -> None:
    content = os.urandom(2 * PART + 1000)
    upload = uploaded(town.applicant, content)
    assert (upload.status, upload.received) == (pb.UPLOAD_STATUS_FINISHED, len(content))
    case = town.applicant.cases.SubmitCase(naming(content)).case
    header, got = downloaded(town.applicant, case_id=case.case_number, sha256=upload.sha256)
    assert (header.size, header.sha256, header.media_type) == (len(content), upload.sha256, "application/octet-stream")
    assert got == content
    assert downloaded(town.applicant, len(content) - 5, case_id=case.case_id, sha256=upload.sha256)[1] == content[-5:]
    assert downloaded(town.applicant, len(content), case_id=case.case_id, sha256=upload.sha256)[1] == b""


def test_chunks_of_any_size_make_the_same_content(town: Offices) -> None:
    content = os.urandom(PART + 12_345)
    start = start_of(content)
    upload = town.applicant.materials.Upload(stream(start, content, size=77_777), timeout=60).upload
    assert upload.status == pb.UPLOAD_STATUS_FINISHED


def test_an_upload_whose_client_stops_early_goes_on_from_its_whole_parts(town: Offices) -> None:
    content = os.urandom(2 * PART + 5)
    start = start_of(content)
    upload_id = start.start.upload_id
    upload = town.applicant.materials.Upload(stream(start, content[: PART + CHUNK]), timeout=60).upload
    assert (upload.status, upload.received) == (pb.UPLOAD_STATUS_OPEN, PART)
    asked = town.applicant.materials.GetUpload(pb.GetUploadRequest(upload_id=upload_id)).upload
    assert asked == upload
    start.start.offset = PART
    upload = town.applicant.materials.Upload(stream(start, content, PART), timeout=60).upload
    assert upload.status == pb.UPLOAD_STATUS_FINISHED
    repeated = town.applicant.materials.Upload(iter([start]), timeout=60).upload
    assert repeated == upload


def test_an_upload_whose_connection_breaks_goes_on_in_another_process(town: Offices) -> None:
    content = os.urandom(2 * PART + 5)
    start = start_of(content)
    holding = threading.Event()

    def half() -> Iterator[pb.UploadRequest]:
        yield from stream(start, content[: PART + CHUNK])
        holding.wait(30)

    call = town.applicant.materials.Upload.future(half(), timeout=60)
    asking = pb.GetUploadRequest(upload_id=start.start.upload_id)

    def one_part_is_there() -> bool:
        try:
            return town.applicant.materials.GetUpload(asking).upload.received == PART
        except errors.NotFound:
            return False

    wait_until(one_part_is_there, seconds=20, what="the first part is not stored")
    call.cancel()
    holding.set()
    town.edge.stop()
    town.edge.start()
    start.start.offset = town.applicant.materials.GetUpload(asking).upload.received
    assert start.start.offset == PART
    upload = town.applicant.materials.Upload(stream(start, content, PART), timeout=60).upload
    assert upload.status == pb.UPLOAD_STATUS_FINISHED


def test_two_uploads_of_one_content_at_once_store_it_once(town: Offices) -> None:
    content = os.urandom(PART + 5)
    gate = threading.Barrier(2)

    def slowly(start: pb.UploadRequest) -> Iterator[pb.UploadRequest]:
        yield start
        *most, last = chunks(content)
        yield from most
        gate.wait(20)
        yield last

    calls = [town.applicant.materials.Upload.future(slowly(start_of(content)), timeout=60) for _ in range(2)]
    assert [call.result().upload.status for call in calls] == [pb.UPLOAD_STATUS_FINISHED] * 2
    digest = hashlib.sha256(content).hexdigest()
    assert [path.read_bytes() for path in town.edge.settings.data_dir.rglob(digest)] == [content]


def test_what_is_not_as_declared_is_refused_and_discarded(town: Offices) -> None:
    content = os.urandom(1000)
    start = start_of(content, sha256="0" * 64)
    call = town.applicant.materials.Upload
    assert refusal(call, stream(start, content)) == ("INVALID_ARGUMENT", "CONTENT_INVALID", ["start.sha256"])
    asking = pb.GetUploadRequest(upload_id=start.start.upload_id)
    assert refusal(town.applicant.materials.GetUpload, asking)[1] == "UPLOAD_NOT_FOUND"
    assert refusal(call, stream(start, content))[1:] == ("UPLOAD_ID_REUSED", ["start.upload_id"])
    assert refusal(town.applicant.cases.SubmitCase, naming(b"", sha256="0" * 64))[2] == ["materials[1].sha256"]


def test_what_is_not_of_its_media_type_is_refused_on_either_way_in(town: Offices) -> None:
    picture = b"\x89PNG\r\n\x1a\n" + os.urandom(1000)
    start = start_of(picture, media_type="application/pdf")
    told = refusal(town.applicant.materials.Upload, stream(start, picture))
    assert told == ("INVALID_ARGUMENT", "CONTENT_INVALID", ["start.media_type"])
    asking = pb.GetUploadRequest(upload_id=start.start.upload_id)
    assert refusal(town.applicant.materials.GetUpload, asking)[1] == "UPLOAD_NOT_FOUND"
    materials = [a_material(), a_material(content=picture)]
    told = refusal(town.applicant.cases.SubmitCase, application(materials=materials))
    assert told == ("INVALID_ARGUMENT", "CONTENT_INVALID", ["materials[1].content"])
    with pytest.raises(errors.InvalidArgument, match=r"not what they say they are: lease \(lease.pdf\)"):
        town.applicant.cases.SubmitCase(application(materials=materials))


def test_messages_that_do_not_follow_on_each_other_are_refused(town: Offices) -> None:
    content = os.urandom(1000)
    call = town.applicant.materials.Upload
    for messages, reason, fields in (
        ([], "BAD_REQUEST", ["start"]),
        (chunks(content), "BAD_REQUEST", ["start"]),
        ([start_of(content), start_of(content)], "BAD_REQUEST", ["start"]),
        ([start_of(content), *chunks(content, offset=10)], "BAD_REQUEST", ["chunk.offset"]),
        ([start_of(content[:-1]), *chunks(content)], "BAD_REQUEST", ["chunk.data"]),
        ([start_of(content, offset=500), *chunks(content, 500)], "OFFSET_MISMATCH", []),
        ([start_of(content, size=0)], "BAD_REQUEST", ["start.size"]),
        ([start_of(content, upload_id="a/../b")], "BAD_REQUEST", ["start.upload_id"]),
        ([start_of(content, size=200_000_001)], "BAD_REQUEST", ["start.size"]),
        ([start_of(content), *chunks(content + b"x" * CHUNK, size=CHUNK + 1)], "BAD_REQUEST", ["chunk.data"]),
    ):
        assert refusal(call, iter(messages), timeout=20)[1:] == (reason, fields)


def test_an_upload_belongs_to_its_person(town: Offices) -> None:
    content = os.urandom(1000)
    upload = uploaded(town.applicant, content)
    asking = pb.GetUploadRequest(upload_id=upload.upload_id)
    assert refusal(town.stranger.materials.GetUpload, asking)[:2] == ("NOT_FOUND", "UPLOAD_NOT_FOUND")
    assert refusal(town.stranger.cases.SubmitCase, naming(content))[2] == ["materials[1].sha256"]
    assert refusal(town.portal.materials.Upload, iter([start_of(content)]))[1] == "NO_APPLICANT"
    assert refusal(town.operator.materials.Upload, iter([start_of(content)]))[1] == "PERMISSION_MISSING"


def test_an_application_names_an_upload_as_it_was_checked(town: Offices) -> None:
    content = os.urandom(1000)
    uploaded(town.applicant, content)
    submit = town.applicant.cases.SubmitCase
    assert refusal(submit, naming(content, media_type="image/jpeg"))[2] == ["materials[1].media_type"]
    assert refusal(submit, naming(content, content=b"both"))[2] == ["materials[1].content"]
    assert refusal(submit, naming(content, sha256=""))[2] == ["materials[1].content"]
    large = a_pdf("x" * 1000)
    uploaded(town.applicant, large, media_type="application/pdf")
    digest = hashlib.sha256(large).hexdigest()
    lease = case_pb2.Material(kind="lease", name="x", media_type="application/pdf", sha256=digest)
    assert refusal(submit, application(materials=[lease]))[2] == ["materials[0].content"]


def test_a_material_is_for_the_office_that_declares_it_and_for_nobody_else(town: Offices) -> None:
    town.opened()
    (task,) = pulled(town.food)
    (lease,) = task.materials
    of: dict[str, Any] = {"task_id": task.task_id, "sha256": lease.sha256}
    _, content = downloaded(town.food, **of)
    assert hashlib.sha256(content).hexdigest() == lease.sha256
    for session, given, reason in (
        (town.sign, of, "TASK_NOT_FOUND"),
        (town.applicant, of, "TASK_NOT_FOUND"),
        (town.food, {**of, "sha256": "0" * 64}, "MATERIAL_NOT_FOUND"),
        (town.stranger, {"case_id": task.case_id, "sha256": lease.sha256}, "CASE_NOT_FOUND"),
        (town.food, {"case_id": task.case_id, "sha256": lease.sha256}, "CASE_NOT_FOUND"),
        (town.operator, {"case_id": task.case_id, "sha256": lease.sha256}, "PERMISSION_MISSING"),
        (town.food, {"sha256": lease.sha256}, "CASE_NOT_FOUND"),
    ):
        assert refusal(lambda s=session, g=given: downloaded(s, **g))[1] == reason
    assert refusal(lambda: downloaded(town.food, lease.size + 1, **of))[1:] == ("BAD_REQUEST", ["offset"])


def test_one_message_holds_what_is_small_enough(town: Offices) -> None:
    bundle = a_bundle(bundle_id="photographed")
    bundle.steps[1].materials.append("photo")
    town.publish(bundle)
    for size, reason in ((1000, ""), (3_000_001, "MATERIAL_TOO_LARGE")):
        content = os.urandom(size)
        uploaded(town.applicant, content)
        request = naming(content)
        request.bundle_id = bundle.bundle_id
        case_id = town.applicant.cases.SubmitCase(request).case.case_id
        town.route(case_id, food=town.food_organ, sign=town.sign_organ)
        town.complete("check")
        (task,) = pulled(town.food)
        photo = next(each for each in task.materials if each.kind == "photo")
        asking = task_service_pb2.GetMaterialRequest(task_id=task.task_id, sha256=photo.sha256)
        if reason:
            assert refusal(town.food.tasks.GetMaterial, asking)[:2] == ("FAILED_PRECONDITION", reason)
        else:
            assert town.food.tasks.GetMaterial(asking).content == content
        assert downloaded(town.food, task_id=task.task_id, sha256=photo.sha256)[1] == content


def test_the_uploads_of_a_person_at_a_time_are_bounded(town: Offices) -> None:
    holding = threading.Event()
    content = os.urandom(1000)

    def held() -> Iterator[pb.UploadRequest]:
        yield start_of(content)
        holding.wait(30)

    calls = [town.applicant.materials.Upload.future(held(), timeout=60) for _ in range(5)]
    try:
        wait_until(lambda: any(call.done() for call in calls), seconds=20, what="none is refused")
        (refused,) = [call for call in calls if call.done()]
        assert refused.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert uploaded(town.stranger, content).status == pb.UPLOAD_STATUS_FINISHED
    finally:
        holding.set()
    for call in calls:
        if call is not refused:
            assert call.result().upload.status == pb.UPLOAD_STATUS_OPEN


def test_a_damaged_content_is_told_before_the_last_of_it_is_given_out(town: Offices) -> None:
    content = os.urandom(2_500_000)
    upload = uploaded(town.applicant, content)
    case = town.applicant.cases.SubmitCase(naming(content)).case
    (path,) = town.edge.settings.data_dir.rglob(upload.sha256)
    path.write_bytes(b"\0" + content[1:])
    came = bytearray()

    def download() -> None:
        asked = pb.DownloadMaterialRequest(case_id=case.case_id, sha256=upload.sha256)
        for response in town.applicant.materials.DownloadMaterial(asked):
            came.extend(response.chunk)

    assert refusal(download)[:2] == ("FAILED_PRECONDITION", "MATERIAL_DAMAGED")
    assert len(came) == 2 * 1024 * 1024
    _, rest = downloaded(town.applicant, offset=2_000_000, case_id=case.case_id, sha256=upload.sha256)
    assert rest == content[2_000_000:], "who goes on from an offset compares the whole"


def test_a_small_content_that_was_changed_in_the_database_reaches_no_office(town: Offices) -> None:
    town.opened()
    (task,) = pulled(town.food)
    asked = task_service_pb2.GetMaterialRequest(task_id=task.task_id, sha256=task.materials[0].sha256)
    assert town.food.tasks.GetMaterial(asked).content
    with town.database.begin() as work:
        work.connection.execute(text("UPDATE contents SET content = :f"), {"f": b"%PDF-1.7 other"})
    assert refusal(town.food.tasks.GetMaterial, asked)[:2] == ("FAILED_PRECONDITION", "MATERIAL_DAMAGED")


def test_a_lost_content_is_told_as_lost(town: Offices) -> None:
    content = os.urandom(1000)
    upload = uploaded(town.applicant, content)
    case = town.applicant.cases.SubmitCase(naming(content)).case
    (path,) = town.edge.settings.data_dir.rglob(upload.sha256)
    path.unlink()
    told = refusal(lambda: downloaded(town.applicant, case_id=case.case_id, sha256=upload.sha256))
    assert told[:2] == ("FAILED_PRECONDITION", "MATERIAL_LOST")
