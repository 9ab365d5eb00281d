"""The content of a material, in ranges, wherever it lies."""

import structlog

from chassis.problems import Conflict
from services.cases.blobs import BlobMissingError, Blobs, blob_name
from services.cases.materials import Found

log = structlog.get_logger()


class Reading:
    """Reads what a caller was found to be entitled to."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    async def read(self, found: Found, start: int, length: int) -> bytes:
        """At most `length` bytes from `start` on; raises Conflict MATERIAL_LOST, Unavailable BLOBS_UNAVAILABLE."""
        if found.content is not None:
            return found.content[start : start + length]
        try:
            return await self._blobs.read(blob_name(found.sha256), start, min(length, found.size - start))
        except BlobMissingError:
            log.exception("material_lost", sha256=found.sha256)
            message = "the store of materials has lost this content; an operator can restore it from a backup"
            raise Conflict("MATERIAL_LOST", message, sha256=found.sha256) from None
