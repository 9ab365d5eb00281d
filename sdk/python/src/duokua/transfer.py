"""Files in and out in chunks: gone on with after a broken connection, and compared with their hash at the end."""

import contextlib
import hashlib
import mimetypes
import os
import random
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, Protocol

import grpc

from duokua.cases.v1 import material_service_pb2
from duokua.cases.v1.material_service_pb2_grpc import MaterialServiceStub
from duokua.errors import DuokuaError, InvalidArgument, NotFound, Unauthenticated

pb = material_service_pb2
Progress = Callable[[int, int], None]
"""Told how many bytes are done, and how many there are; it may be told of some again after a broken connection."""

CHUNK: Final = 128 * 1024
PATIENCE: Final = 8
"""Tries in a row that may end without any progress: together they take longer than a restart on a busy machine."""
LONGEST_PAUSE: Final = 10.0
_GOES_ON: Final = frozenset(
    {"OFFSET_MISMATCH", "UPLOAD_LOST", "UPLOADS_BUSY", "UPLOAD_INTERRUPTED", "CHECKS_BUSY", "CHECK_LOST"}
)


class Services(Protocol):
    """What a session has for this."""

    @property
    def materials(self) -> MaterialServiceStub:
        """The stub."""


class ContentDamagedError(Exception):
    """What came is not what was announced; `sha256` is the hash that it should have."""

    def __init__(self, sha256: str) -> None:
        self.sha256 = sha256
        super().__init__(f"the content that came does not have the hash {sha256}")


class FileChangedError(Exception):
    """The file became shorter while it was uploaded: upload it anew when nobody writes to it."""


def upload(
    services: Services,
    source: str | os.PathLike[str] | BinaryIO,
    media_type: str = "",
    progress: Progress | None = None,
) -> pb.Upload:
    """Give a file to the platform, so that an application may name it by its `sha256` within a day.

    `source` is a path, or a file that can be read again from its beginning. Without `media_type` it is guessed from the
    path's ending. The same file again, also by another process after a crash, goes on where it was or is there at
    once. Raises `InvalidArgument` for a content that is not what it says it is or too large, `ResourceExhausted`
    TOO_MANY_UPLOADS, `FileChangedError`, and what still stands in the way after several tries.
    """
    if not isinstance(source, str | os.PathLike):
        return _upload(services, source, media_type or "application/octet-stream", progress)
    guessed = media_type or mimetypes.guess_type(Path(source).name)[0] or "application/octet-stream"
    with Path(source).open("rb") as file:
        return _upload(services, file, guessed, progress)


def _upload(services: Services, file: BinaryIO, media_type: str, progress: Progress | None) -> pb.Upload:
    file.seek(0)
    hashed = hashlib.sha256()
    while data := file.read(CHUNK):
        hashed.update(data)
    digest = hashed.hexdigest()
    start = pb.UploadStart(media_type=media_type, size=file.tell(), sha256=digest)
    start.upload_id = uuid.uuid5(uuid.NAMESPACE_URL, f"{digest} {media_type}").hex
    tries = _Tries()
    while True:
        try:
            start.offset = _received(services, start.upload_id)
            tries.reached(start.offset)
            response = services.materials.Upload(_requests(start, file, progress))
        except InvalidArgument as error:
            if error.reason != "UPLOAD_ID_REUSED" or tries.renamed:
                raise
            tries.renamed, start.upload_id = True, uuid.uuid4().hex  # the first one has expired, or was refused
        except DuokuaError as error:
            tries.failed(error)
        else:
            if response.upload.status != pb.UPLOAD_STATUS_FINISHED:
                raise FileChangedError(f"the file became shorter than {start.size} bytes while it was uploaded")
            return response.upload


def _received(services: Services, upload_id: str) -> int:
    try:
        return services.materials.GetUpload(pb.GetUploadRequest(upload_id=upload_id)).upload.received
    except NotFound:
        return 0


def _requests(start: pb.UploadStart, file: BinaryIO, progress: Progress | None) -> Iterator[pb.UploadRequest]:
    yield pb.UploadRequest(start=start)
    offset = start.offset
    file.seek(offset)
    while offset < start.size:
        data = file.read(min(CHUNK, start.size - offset))
        if not data:
            return  # the file has become shorter; the platform answers that it waits for the rest
        yield pb.UploadRequest(chunk=pb.UploadChunk(offset=offset, data=data))
        offset += len(data)
        if progress is not None:
            progress(offset, start.size)


def download(
    services: Services,
    request: pb.DownloadMaterialRequest,
    to: str | os.PathLike[str] | BinaryIO,
    progress: Progress | None = None,
) -> None:
    """Write a material to a path or a file; a path is there only once all of it is, and is as announced.

    Goes on by itself after a broken connection. Raises `ContentDamagedError` for what is not as announced, and the
    errors of MaterialService.DownloadMaterial.
    """
    if not isinstance(to, str | os.PathLike):
        _download(services, request, to, progress)
        return
    path = Path(to)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        with part.open("xb") as file:
            _download(services, request, file, progress)
        part.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()


def _download(services: Services, given: pb.DownloadMaterialRequest, file: BinaryIO, progress: Progress | None) -> None:
    request = pb.DownloadMaterialRequest()
    request.CopyFrom(given)
    request.offset = 0
    digest, tries, size = hashlib.sha256(), _Tries(), None
    while size is None or request.offset < size:
        tries.reached(request.offset)
        try:
            for response in services.materials.DownloadMaterial(request):
                if response.WhichOneof("response") == "header":
                    size = response.header.size
                    continue
                file.write(response.chunk)
                digest.update(response.chunk)
                request.offset += len(response.chunk)
                if progress is not None and size is not None:
                    progress(request.offset, size)
        except DuokuaError as error:
            if error.reason == "MATERIAL_DAMAGED":
                raise ContentDamagedError(request.sha256) from error
            tries.failed(error)
    if request.offset != size or digest.hexdigest() != request.sha256:
        raise ContentDamagedError(request.sha256)


class _Tries:
    """How often in a row nothing was reached."""

    def __init__(self) -> None:
        self._in_vain = 0
        self._furthest = -1
        self.renamed = False

    def reached(self, offset: int) -> None:
        """Note how far it is."""
        if offset > self._furthest:
            self._furthest, self._in_vain = offset, 0

    def failed(self, error: DuokuaError) -> None:
        """Wait before the next try; raises what stands in the way once there is no use in it."""
        expired = isinstance(error, Unauthenticated) and error.reason == "TOKEN_EXPIRED"
        passing = error.code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.INTERNAL)
        self._in_vain += 1
        if self._in_vain >= PATIENCE or not (expired or passing or error.reason in _GOES_ON):
            raise error
        pause = error.retry_after or min(LONGEST_PAUSE, 0.2 * 2**self._in_vain)
        time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads load, guards nothing
