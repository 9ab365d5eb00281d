"""One stream of an upload: chunks are gathered into parts, parts are stored, and at the end become one blob.

Parts lie in the blob store and are counted in the database, so any process can go on where another one was ended.
A part is stored before it is counted: what a crash leaves between the two is written again.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Row

from chassis.api import StreamCall
from chassis.database import UnitOfWork
from chassis.problems import Conflict, Invalid, Unavailable, Violation
from chassis.validation import check_request
from duokua.cases.v1 import material_service_pb2
from services.cases.blobs import BlobMissingError, Blobs, blob_name
from services.cases.inspection.inspectors import Inspectors
from services.cases.uploads import PART, Declared, Hold, Uploads, offset_mismatch

pb = material_service_pb2
Upload = Row[Any]
Result = TypeVar("Result")

IDLE_SECONDS = 30.0
"""Without a message; a stream that says nothing holds what others could use."""
READ = 1024 * 1024
"""In bytes, at once, of what is put together."""


class Reception:
    """One client's stream."""

    def __init__(self, call: StreamCall, uploads: Uploads, blobs: Blobs, inspectors: Inspectors) -> None:
        self._call = call
        self._uploads = uploads
        self._blobs = blobs
        self._inspectors = inspectors

    async def receive(self, requests: AsyncIterator[pb.UploadRequest]) -> Upload:
        """The upload as it stands when the stream ends, or as soon as it is finished."""
        start = await self._start(requests)
        owner_id = self._call.caller.person_id
        declared = Declared(start.upload_id, start.media_type, start.size, start.sha256)
        upload = await self._transact(lambda work: self._uploads.begin(work, owner_id, declared))
        if upload.finished:
            return upload
        if start.offset != upload.received:
            message = f"the upload goes on from {upload.received}, not from {start.offset}"
            raise offset_mismatch(message, upload.received)
        received = await self._take_parts(upload, requests)
        if received < upload.size:
            return await self._transact(lambda work: self._uploads.find(work, owner_id, upload.upload_id))
        return await self._finish(upload)

    async def _start(self, requests: AsyncIterator[pb.UploadRequest]) -> pb.UploadStart:
        request = await self._next(requests)
        if request is None or request.WhichOneof("request") != "start":
            fault = Violation("start", "must come first, and once")
            raise Invalid("BAD_REQUEST", "the first message must be start", [fault])
        return request.start

    async def _take_parts(self, upload: Upload, requests: AsyncIterator[pb.UploadRequest]) -> int:
        """Store what comes in whole parts; gives how far that is."""
        received: int = upload.received
        part = bytearray()
        while received < upload.size and (request := await self._next(requests)) is not None:
            self._check_chunk(request, received + len(part), upload.size)
            part += request.chunk.data
            while len(part) >= PART or (part and received + len(part) == upload.size):
                received = await self._store_part(upload, received, bytes(part[:PART]))
                del part[:PART]
        return received

    @staticmethod
    def _check_chunk(request: pb.UploadRequest, expected: int, size: int) -> None:
        chunk = request.chunk
        if request.WhichOneof("request") != "chunk":
            raise Invalid("BAD_REQUEST", "start came twice", [Violation("start", "must come first, and once")])
        if chunk.offset != expected:
            fault = Violation("chunk.offset", f"is {chunk.offset}; the next byte is {expected}")
            raise Invalid("BAD_REQUEST", "the chunks do not follow on each other", [fault])
        if expected + len(chunk.data) > size:
            fault = Violation("chunk.data", f"goes on beyond the declared size of {size} bytes")
            raise Invalid("BAD_REQUEST", "the content is longer than declared", [fault])

    async def _store_part(self, upload: Upload, start: int, part: bytes) -> int:
        await self._blobs.put(part_name(upload.key, start), part)
        received = start + len(part)
        await self._transact(lambda work: self._uploads.advance(work, upload.key, start, received))
        return received

    async def _finish(self, upload: Upload) -> Upload:
        """Put the parts together as a blob, unless there is one already, and see that they are what was declared."""
        hold = await self._transact(lambda work: self._uploads.hold(work, upload))
        try:
            await self._put_together(upload, hold)
        except _WrongHashError as wrong:
            raise await self._discarded(upload, "sha256", f"the content has the hash {wrong}") from None
        except _PartsGoneError:
            return await self._finished_meanwhile(upload)
        # The blob and not the parts, which another stream of the same person might still overwrite.
        fault = await self._inspectors.fault_of(upload.media_type, upload.size, partial(self._read_blob, upload.sha256))
        if fault:
            raise await self._discarded(upload, "media_type", fault)
        finished = await self._transact(lambda work: self._uploads.finish(work, upload, hold))
        await self._drop_parts(upload)
        return finished

    async def _put_together(self, upload: Upload, hold: Hold) -> None:
        whole, name = self._whole(upload), blob_name(upload.sha256)
        if hold.stored and await self._blobs.has(name, upload.size):
            async for _ in whole:
                pass
        else:
            await self._blobs.put(name, whole)

    async def _finished_meanwhile(self, upload: Upload) -> Upload:
        """The upload as another stream finished it, which is why its parts are gone; raises Conflict UPLOAD_LOST."""
        found = await self._transact(lambda work: self._uploads.find(work, upload.owner_id, upload.upload_id))
        if found.finished:
            return found
        await self._transact(lambda work: self._uploads.discard(work, upload))
        raise Conflict("UPLOAD_LOST", "the store of materials has lost parts of this upload: begin a new one")

    async def _drop_parts(self, upload: Upload) -> None:
        with contextlib.suppress(Unavailable):  # what is left goes with the upload's row, when it expires
            await drop_parts(self._blobs, upload.key)

    async def _discarded(self, upload: Upload, field: str, description: str) -> Invalid:
        await self._transact(lambda work: self._uploads.discard(work, upload))
        await self._drop_parts(upload)
        message = f"the content is not the {upload.media_type} that was declared"
        return Invalid("CONTENT_INVALID", message, [Violation(f"start.{field}", description)])

    def _read_blob(self, digest: str, start: int, length: int) -> bytes:
        return self._blobs.read_now(blob_name(digest), start, length)

    async def _whole(self, upload: Upload) -> AsyncIterator[bytes]:
        """All parts, in order; raises _WrongHashError before the last bytes when they are not what was declared.

        Raises _PartsGoneError too.
        """
        digest = hashlib.sha256()
        last = b""
        for start in range(0, upload.size, PART):
            for offset in range(0, min(PART, upload.size - start), READ):
                if last:
                    yield last
                last = await self._read(upload, start, offset)
                digest.update(last)
        if digest.hexdigest() != upload.sha256:
            raise _WrongHashError(digest.hexdigest())
        yield last

    async def _read(self, upload: Upload, start: int, offset: int) -> bytes:
        length = min(READ, PART - offset, upload.size - start - offset)
        try:
            return await self._blobs.read(part_name(upload.key, start), offset, length)
        except BlobMissingError as missing:
            raise _PartsGoneError from missing

    async def _transact(self, function: Callable[[UnitOfWork], Result]) -> Result:
        def run() -> Result:
            with self._call.database.begin() as work:
                return function(work)

        return await self._call.run(run)

    async def _next(self, requests: AsyncIterator[pb.UploadRequest]) -> pb.UploadRequest | None:
        """The next message, or None at the end."""
        if self._call.stopping.is_set():
            raise Unavailable("UPLOAD_INTERRUPTED", "the server stops, or the token expires: go on with a new stream")
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                request = await anext(requests, None)
        except TimeoutError:
            message = f"nothing came for {IDLE_SECONDS:.0f} seconds: go on with a new stream"
            raise Unavailable("UPLOAD_INTERRUPTED", message) from None
        if request is not None:
            check_request(request)
        return request


class _WrongHashError(Exception):
    """The content has another hash, which this tells."""


class _PartsGoneError(Exception):
    """Not all parts are there any more."""


def part_name(key: str, start: int) -> str:
    """Where a part of an upload lies."""
    return f"{parts_folder(key)}/{start:013d}"


async def drop_parts(blobs: Blobs, key: str) -> None:
    """Delete the parts of an upload."""
    for name in await blobs.names(parts_folder(key)):
        await blobs.delete(name)


def parts_folder(key: str) -> str:
    """Where the parts of an upload lie."""
    return f"uploads/{key}"
