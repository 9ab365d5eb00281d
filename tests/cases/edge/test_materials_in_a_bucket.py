"""The same rpcs of materials when contents lie in an S3 bucket."""

import os
from collections.abc import Iterator

import pytest

from duokua import errors
from duokua.cases.v1 import material_service_pb2
from services.cases.uploads import PART
from tests.cases.edge.test_material_streams import downloaded, naming, start_of, stream
from tests.cases.offices import Offices, offices, refusal
from tests.servers.s3 import SECRET, refuse_all_keys, s3_settings

pb = material_service_pb2


@pytest.fixture
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Offices]:
    with (
        s3_settings(tmp_path_factory.mktemp("secrets")) as settings,
        offices(
            tmp_path_factory.mktemp("edge"),
            blobs_url=settings.blobs_url,
            blobs_access_key_id=settings.blobs_access_key_id,
            blobs_secret_key_file=settings.blobs_secret_key_file,
        ) as made,
    ):
        yield made


def test_an_upload_goes_on_in_another_process_and_streams_out_of_the_bucket(town: Offices) -> None:
    content = os.urandom(3 * PART + 5)
    start = start_of(content)
    upload = town.applicant.materials.Upload(stream(start, content[: 2 * PART]), timeout=60).upload
    assert (upload.status, upload.received) == (pb.UPLOAD_STATUS_OPEN, 2 * PART)
    town.edge.stop()
    town.edge.start()
    start.start.offset = 2 * PART
    upload = town.applicant.materials.Upload(stream(start, content, 2 * PART), timeout=60).upload
    assert upload.status == pb.UPLOAD_STATUS_FINISHED
    case = town.applicant.cases.SubmitCase(naming(content)).case
    assert downloaded(town.applicant, case_id=case.case_id, sha256=upload.sha256)[1] == content
    assert downloaded(town.applicant, PART + 1, case_id=case.case_id, sha256=upload.sha256)[1] == content[PART + 1 :]
    assert not list(town.edge.settings.data_dir.rglob(upload.sha256))


def test_a_bucket_that_refuses_the_key_is_told_as_away_and_the_key_is_told_nobody(
    town: Offices, capfd: pytest.CaptureFixture[str]
) -> None:
    content = os.urandom(1000)
    refuse_all_keys(town.edge.settings)
    start = start_of(content)
    call = town.applicant.materials.Upload
    assert refusal(call, stream(start, content), timeout=60)[:2] == ("UNAVAILABLE", "BLOBS_UNAVAILABLE")
    with pytest.raises(errors.Unavailable) as refused:
        town.applicant.materials.Upload(stream(start, content), timeout=60)
    printed = "".join(capfd.readouterr()) + str(refused.value)
    assert "blobs_unavailable" in printed
    assert SECRET not in printed
