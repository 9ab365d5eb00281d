"""The content of a material, wherever it lies, compared with its hash before the last of it is given out."""

import hashlib
from collections.abc import AsyncIterator

import structlog

from chassis.problems import Conflict
from services.cases.blobs import BlobMissingError, Blobs, blob_name
from services.cases.materials import Found

log = structlog.get_logger()


PIECE = 1024 * 1024
"""In bytes: what a reader holds in memory, and reads with one request to the store."""


class Reading:
    """Reads what a caller was found to be entitled to."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    async def whole(self, found: Found) -> bytes:
        """All of it; raises what `pieces` raises."""
        return b"".join([piece async for piece in self.pieces(found)])

    async def pieces(self, found: Found, start: int = 0) -> AsyncIterator[bytes]:
        """The content from `start` on; only one that is read from its beginning can be compared with its hash.

        Raises Conflict MATERIAL_LOST, MATERIAL_DAMAGED before the last piece, Unavailable BLOBS_UNAVAILABLE.
        """
        digest, last = hashlib.sha256(), b""
        for offset in range(start, found.size, PIECE):
            if last:
                yield last
            last = await self._read(found, offset, PIECE)
            if start == 0:
                digest.update(last)
        if start == 0 and digest.hexdigest() != found.sha256:
            log.error("material_damaged", sha256=found.sha256, found=digest.hexdigest())
            message = "this content is not what was handed in; an operator can restore it from a backup"
            raise Conflict("MATERIAL_DAMAGED", message, sha256=found.sha256)
        if last:
            yield last

    async def _read(self, found: Found, start: int, length: int) -> bytes:
        if found.content is not None:
            return found.content[start : start + length]
        try:
            return await self._blobs.read(blob_name(found.sha256), start, min(length, found.size - start))
        except BlobMissingError:
            log.exception("material_lost", sha256=found.sha256)
            message = "the store of materials has lost this content; an operator can restore it from a backup"
            raise Conflict("MATERIAL_LOST", message, sha256=found.sha256) from None
