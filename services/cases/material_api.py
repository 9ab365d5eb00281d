"""MaterialService: materials in and out in chunks."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Executor
from typing import Any

from sqlalchemy import Row

from chassis.api import Call, StreamCall
from chassis.database import Database
from chassis.problems import Exhausted, Invalid, Violation
from duokua.cases.v1 import material_service_pb2
from services.cases import materials, store
from services.cases.blobs import Blobs
from services.cases.inspection.inspectors import Inspectors
from services.cases.keeping import Keeper
from services.cases.materials import Found
from services.cases.reading import Reading
from services.cases.receiving import Reception
from services.cases.service import Cases, case_not_found
from services.cases.tasks import task_not_found
from services.cases.uploads import Uploads
from services.cases.visibility import applicant_of

pb = material_service_pb2

MOST_STREAMS = 32
"""Uploads that one process takes at a time: each holds a part in memory."""
MOST_STREAMS_OF_ONE = 4
"""Of these for one person."""
CHUNK = 256 * 1024


class MaterialApi:
    """Takes materials in and gives them out."""

    service = material_service_pb2.DESCRIPTOR.services_by_name["MaterialService"]
    _keeping: "asyncio.Task[None]"

    def __init__(self, cases: Cases, uploads: Uploads, blobs: Blobs, inspectors: Inspectors) -> None:
        self._cases = cases
        self._uploads = uploads
        self._blobs = blobs
        self._reading = Reading(blobs)
        self._streams: Counter[str] = Counter()
        self._inspectors = inspectors

    async def start(self, database: Database, threads: Executor) -> None:
        """Begin to keep the store in order."""
        self._keeping = asyncio.create_task(Keeper(self._blobs, database, threads).run())

    async def stop(self) -> None:
        """Keep it no more; what is broken off is done again."""
        self._keeping.cancel()
        self._inspectors.close()

    async def upload(self, call: StreamCall, requests: AsyncIterator[pb.UploadRequest]) -> pb.UploadResponse:
        """Take one stream of an upload."""
        with self._slot(applicant_of(call.caller)):
            reception = Reception(call, self._uploads, self._blobs, self._inspectors)
            return pb.UploadResponse(upload=_message(await reception.receive(requests)))

    @contextlib.contextmanager
    def _slot(self, person_id: str) -> Iterator[None]:
        if self._streams.total() >= MOST_STREAMS or self._streams[person_id] >= MOST_STREAMS_OF_ONE:
            raise Exhausted("UPLOADS_BUSY", "too many uploads at once; try again in a few seconds", retry_after=2.0)
        self._streams[person_id] += 1
        try:
            yield
        finally:
            self._streams[person_id] -= 1
            if not self._streams[person_id]:
                del self._streams[person_id]

    def get_upload(self, call: Call, request: pb.GetUploadRequest) -> pb.GetUploadResponse:
        """How far an upload is."""
        person_id = applicant_of(call.caller)
        return pb.GetUploadResponse(upload=_message(self._uploads.find(call.work, person_id, request.upload_id)))

    async def download_material(
        self, call: StreamCall, request: pb.DownloadMaterialRequest
    ) -> AsyncIterator[pb.DownloadMaterialResponse]:
        """A material in chunks, as fast as the client takes them."""
        found = await call.run(self._find, call, request)
        if request.offset > found.size:
            fault = Violation("offset", f"is {request.offset}; the material has {found.size} bytes")
            raise Invalid("BAD_REQUEST", "the offset is beyond the end", [fault])
        header = pb.DownloadHeader(media_type=found.media_type, sha256=found.sha256, size=found.size)
        yield pb.DownloadMaterialResponse(header=header)
        async for piece in self._reading.pieces(found, request.offset):
            for offset in range(0, len(piece), CHUNK):
                yield pb.DownloadMaterialResponse(chunk=piece[offset : offset + CHUNK])

    def _find(self, call: StreamCall, request: pb.DownloadMaterialRequest) -> Found:
        caller = call.caller
        with call.database.read() as work:
            if request.WhichOneof("of") == "task_id":
                task = store.find_task(work.connection, request.task_id)
                if task is None or not caller.organ_id or task.organ_id != caller.organ_id:
                    raise task_not_found(request.task_id)
                return materials.of_task(work, task, request.sha256)
            case = self._cases.row(work, request.case_id)
            if not caller.person_id or case.applicant_id != caller.person_id:
                raise case_not_found(request.case_id)
            return materials.of_case(work, case, request.sha256)


def _message(row: Row[Any]) -> pb.Upload:
    message = pb.Upload(
        upload_id=row.upload_id,
        media_type=row.media_type,
        size=row.size,
        sha256=row.sha256,
        status=pb.UPLOAD_STATUS_FINISHED if row.finished else pb.UPLOAD_STATUS_OPEN,
        received=row.received,
    )
    message.expires_at.FromDatetime(row.expires_at)
    return message
