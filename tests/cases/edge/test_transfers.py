"""The SDK takes files in and out, whatever happens to the connection or to the process at its other end."""

import hashlib
import io
import os
import subprocess
import sys
from pathlib import Path

import grpc
import pytest

from duokua import errors
from duokua.cases.v1 import case_pb2, material_service_pb2, task_service_pb2
from duokua.task import Task
from duokua.transfer import CHUNK, ContentDamagedError, FileChangedError
from services.cases.uploads import PART
from tests.cases.builders import a_bundle, a_material
from tests.cases.offices import Offices, application, offices, pulled
from tests.servers import process


def submitted(town: Offices, content: bytes, bundle_id: str = "open-shop") -> case_pb2.Case:
    photo = case_pb2.Material(kind="photo", name="x", media_type="application/octet-stream")
    photo.sha256 = hashlib.sha256(content).hexdigest()
    request = application(bundle_id=bundle_id, materials=[a_material(), photo])
    return town.applicant.cases.SubmitCase(request).case


def test_a_file_goes_in_and_comes_out_as_it_was(town: Offices, tmp_path: Path) -> None:
    content = os.urandom(2 * PART + 77)
    source, target = tmp_path / "survey.bin", tmp_path / "copy.bin"
    source.write_bytes(content)
    told: list[tuple[int, int]] = []
    upload = town.applicant.upload(source, progress=lambda done, size: told.append((done, size)))
    assert (upload.sha256, upload.media_type) == (hashlib.sha256(content).hexdigest(), "application/octet-stream")
    assert told[0] == (CHUNK, len(content))
    assert told[-1] == (len(content), len(content))
    again = town.applicant.upload(io.BytesIO(content), progress=lambda done, size: told.append((done, size)))
    assert (again, told[-1]) == (upload, (len(content), len(content)))
    case = submitted(town, content)
    town.applicant.download(case.case_id, upload.sha256, target)
    assert target.read_bytes() == content
    with pytest.raises(errors.NotFound):
        town.stranger.download(case.case_id, upload.sha256, tmp_path / "none")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.bin", "survey.bin"]


def test_an_office_saves_what_is_too_large_for_a_message(town: Offices, tmp_path: Path) -> None:
    bundle = a_bundle(bundle_id="large-photo")
    bundle.steps[1].materials.append("photo")
    town.publish(bundle)
    content = os.urandom(3_000_001)
    town.applicant.upload(io.BytesIO(content))
    case = submitted(town, content, bundle.bundle_id)
    town.route(case.case_id, food=town.food_organ, sign=town.sign_organ)
    town.complete("check")
    (message,) = pulled(town.food)
    task = Task(message, lambda _task, _answer: None, town.food)
    lease, photo = task.materials
    task.save(photo, tmp_path / "photo.bin")
    assert (tmp_path / "photo.bin").read_bytes() == content == task.content(photo)
    assert hashlib.sha256(task.content(lease)).hexdigest() == lease.sha256
    asking = task_service_pb2.GetMaterialRequest(task_id=task.task_id, sha256=photo.sha256)
    with pytest.raises(errors.FailedPrecondition):
        town.food.tasks.GetMaterial(asking)


def test_what_is_damaged_in_the_store_never_becomes_a_file(town: Offices, tmp_path: Path) -> None:
    content = os.urandom(1000)
    upload = town.applicant.upload(io.BytesIO(content))
    case = submitted(town, content)
    (path,) = town.edge.settings.data_dir.rglob(upload.sha256)
    path.write_bytes(os.urandom(1000))
    with pytest.raises(ContentDamagedError, match=upload.sha256):
        town.applicant.download(case.case_id, upload.sha256, tmp_path / "damaged")
    assert list(tmp_path.iterdir()) == []


def test_a_refused_content_is_refused_again_under_another_id(town: Offices) -> None:
    for _ in range(2):
        with pytest.raises(errors.InvalidArgument) as refused:
            town.applicant.upload(io.BytesIO(b"no document"), "application/pdf")
        assert refused.value.reason == "CONTENT_INVALID"


def test_a_file_that_becomes_shorter_meanwhile_is_told_as_changed(town: Offices) -> None:
    content = os.urandom(PART)
    source = io.BytesIO(content)

    def shorten(done: int, size: int) -> None:
        del done, size
        source.truncate(CHUNK)

    with pytest.raises(FileChangedError, match=str(PART)):
        town.applicant.upload(source, progress=shorten)


def start(town: Offices) -> "subprocess.Popen[bytes]":
    settings = town.edge.settings
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "DUOKUA_DATA_DIR": str(settings.data_dir.absolute()),
        "DUOKUA_LISTEN": settings.listen,
        "DUOKUA_HEALTH_LISTEN": settings.health_listen,
    }
    command = [sys.executable, "-m", "chassis.api_process", "identity", "cases"]
    log = settings.data_dir.absolute() / "api.log"
    return process.spawn(command, environment=environment, log=log, stop_signal="KILL")


def test_an_upload_goes_on_by_itself_when_the_api_is_killed(tmp_path: Path) -> None:
    with offices(tmp_path) as town:
        town.edge.stop()
        content = os.urandom(3 * PART + 5)
        processes = [start(town)]
        with town.edge.channel() as channel:
            grpc.channel_ready_future(channel).result(timeout=60)
        kills = [PART + 5 * CHUNK, 2 * PART + 9 * CHUNK, len(content)]

        def kill(done: int, size: int) -> None:
            del size
            if kills and done == kills[0]:
                kills.pop(0)
                processes[-1].kill()
                processes[-1].wait()
                processes.append(start(town))

        try:
            upload = town.applicant.upload(io.BytesIO(content), progress=kill)
            assert (upload.status, len(processes)) == (material_service_pb2.UPLOAD_STATUS_FINISHED, 4)
            (stored,) = town.edge.settings.data_dir.rglob(upload.sha256)
            assert stored.read_bytes() == content
        finally:
            for each in processes:
                each.kill()
                each.wait()
