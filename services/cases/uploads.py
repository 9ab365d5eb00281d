"""Use cases of uploads: materials that stream in, part by part, before an application names them by their hash."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row

from chassis.clock import new_id
from chassis.database import UnitOfWork
from chassis.problems import Conflict, Exhausted, Invalid, NotFound, Unavailable, Violation
from services.cases import material_store as store

PART = 4 * 1024 * 1024
"""In bytes: what a broken stream loses at most, and what a stream holds in memory."""
LIFE = timedelta(days=1)
"""Of an upload, from its beginning and again from its end."""
GRACE = timedelta(hours=1)
"""In which an upload gets from its last byte to its end, and for which files outlive the uploads that they are of."""
MOST_UPLOADS = 100
"""Of one person that no case has named; what was discarded counts until its files are gone."""
MOST_TIMES_LARGEST = 10
"""Together they have at most so many times the bytes of the largest material."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What a client says of a content before it sends it."""

    upload_id: str
    media_type: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Hold:
    """A blob that is kept while an upload becomes one."""

    stored: bool
    """It is there already."""
    until: datetime


class Uploads:
    """Uploads of persons; each belongs to the one for whom it was begun."""

    def __init__(self, largest: int) -> None:
        self._largest = largest

    def begin(self, work: UnitOfWork, owner_id: str, declared: Declared) -> Row[Any]:
        """Begin an upload, or go on with it.

        Raises Invalid UPLOAD_ID_REUSED or with the field `start.size`, Exhausted TOO_MANY_UPLOADS.
        """
        found = store.find_upload(work.connection, owner_id, declared.upload_id, lock=True)
        if found is None:
            return self._begin(work, owner_id, declared)
        same = (found.media_type, found.size, found.sha256) == (declared.media_type, declared.size, declared.sha256)
        if not same or found.expires_at <= work.now:
            message = "this upload id stood for another content, or its upload has expired or was discarded"
            raise Invalid("UPLOAD_ID_REUSED", message, [Violation("start.upload_id", "give a fresh one")])
        return found

    def _begin(self, work: UnitOfWork, owner_id: str, declared: Declared) -> Row[Any]:
        if declared.size > self._largest:
            fault = Violation("start.size", f"is {declared.size} bytes; at most {self._largest} are taken")
            raise Invalid("BAD_REQUEST", "the material is too large", [fault])
        count, size = store.unnamed_uploads(work.connection, owner_id)
        if count >= MOST_UPLOADS or size + declared.size > MOST_TIMES_LARGEST * self._largest:
            message = (
                f"{count} uploads with {size} bytes wait to be named by an application; "
                "hand in or delete what names them, or wait until they expire"
            )
            raise Exhausted("TOO_MANY_UPLOADS", message, uploads=count, bytes=size)
        row = {
            "owner_id": owner_id,
            "upload_id": declared.upload_id,
            "key": new_id(),
            "media_type": declared.media_type,
            "size": declared.size,
            "sha256": declared.sha256,
            "received": 0,
            "finished": False,
            "named": False,
            "expires_at": work.now + LIFE,
        }
        store.add_upload(work.connection, row)
        return self.begin(work, owner_id, declared)

    def find(self, work: UnitOfWork, owner_id: str, upload_id: str) -> Row[Any]:
        """An upload of a person as it stands; raises NotFound UPLOAD_NOT_FOUND."""
        found = store.find_upload(work.connection, owner_id, upload_id)
        if found is None or found.expires_at <= work.now:
            message = f"there is no upload {upload_id} of yours; it may have expired"
            raise NotFound("UPLOAD_NOT_FOUND", message, upload_id=upload_id)
        return found

    def advance(self, work: UnitOfWork, key: str, start: int, received: int) -> None:
        """Note that a part is stored; raises Conflict OFFSET_MISMATCH when another stream has gone on with it."""
        if not store.advance_upload(work.connection, key, start, received, work.now):
            raise offset_mismatch("another stream goes on with this upload, or it has expired: ask GetUpload")

    def hold(self, work: UnitOfWork, upload: Row[Any]) -> Hold:
        """Announce the upload's blob for as long as it may take to be written and looked into."""
        until = work.now + GRACE
        return Hold(store.hold_blob(work.connection, upload.sha256, upload.size, until), until)

    def finish(self, work: UnitOfWork, upload: Row[Any], hold: Hold) -> Row[Any]:
        """Note that all of it is stored and is what was declared; an application may name it from now on.

        Raises Unavailable UPLOAD_INTERRUPTED when that took so long that the blob may have been deleted.
        """
        if work.now >= hold.until:
            raise Unavailable("UPLOAD_INTERRUPTED", "to check it took too long: begin once more from the end")
        store.hold_blob(work.connection, upload.sha256, upload.size, work.now + LIFE + GRACE)
        store.blob_stored(work.connection, upload.sha256)
        store.finish_upload(work.connection, upload.key, work.now + LIFE)
        return self.find(work, upload.owner_id, upload.upload_id)

    def discard(self, work: UnitOfWork, upload: Row[Any]) -> None:
        """End an upload that is not what was declared; what is left of it goes with its row."""
        store.discard_upload(work.connection, upload.key, work.now)


def finished(work: UnitOfWork, owner_id: str, digests: Collection[str]) -> dict[str, dict[str, int]]:
    """What a person has uploaded and may name: by hash, the sizes by the media types that it was checked as."""
    found: dict[str, dict[str, int]] = {}
    for row in store.finished_uploads(work.connection, owner_id, digests, work.now) if digests else []:
        found.setdefault(row.sha256, {})[row.media_type] = row.size
    return found


def lock_finished(work: UnitOfWork, owner_id: str, digests: Collection[str]) -> list[str]:
    """Which of these contents a person may name now; nobody else keeps or drops them in this transaction's time."""
    own = sorted(finished(work, owner_id, digests))
    store.lock_blobs(work.connection, own)
    return own


def keep(work: UnitOfWork, owner_id: str, until: Mapping[str, datetime]) -> None:
    """Have a person's uploads, which are locked, expire at these times; a blob outlives all uploads of its content."""
    for at in sorted(set(until.values())):
        digests = [digest for digest, each in until.items() if each == at]
        store.expire_uploads(work.connection, owner_id, digests, at)
    for digest, last in store.last_expiries(work.connection, until).items():
        # An upload that is being finished just now expires a day from now.
        store.keep_blob(work.connection, digest, max(last, work.now + LIFE) + GRACE)


def offset_mismatch(message: str, received: int | None = None) -> Conflict:
    """A chunk that does not go on where the upload stands."""
    metadata = {} if received is None else {"received": received}
    return Conflict("OFFSET_MISMATCH", message, **metadata)
