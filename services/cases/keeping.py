"""Keeps the store of materials in order: moves in what came within applications, and deletes what nobody needs.

Every api process of cases does it. Whatever breaks off is done again: an object is there before a row says so, and
a row goes after its object.
"""

import asyncio
import random
import time
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError

from chassis.database import Database, UnitOfWork
from chassis.problems import Unavailable
from services.cases import material_store as store
from services.cases.blobs import Blobs, blob_name
from services.cases.receiving import drop_parts
from services.cases.uploads import GRACE

INTERVAL_SECONDS = 600.0
"""Before the first time, too: while a new version is rolled out, the one before still looks for contents in the
database."""
BATCH = 50
PAUSE_SECONDS = 0.05
"""Between two contents, so that whoever writes gets in between."""
LEFTOVERS_EVERY = 86_400.0
"""Seconds: they are looked for in the whole folder."""
log = structlog.get_logger()
Result = TypeVar("Result")


class Keeper:
    """The store's housekeeping in one process."""

    def __init__(self, blobs: Blobs, database: Database, threads: Executor) -> None:
        self._blobs = blobs
        self._database = database
        self._threads = threads
        self._leftovers_due = 0.0

    async def run(self) -> None:
        """Keep order until cancelled; what fails is tried again at the next time."""
        while True:
            await asyncio.sleep(INTERVAL_SECONDS * random.uniform(1.0, 1.2))  # noqa: S311 - spreads load
            try:
                await self.keep_order()
            except (Unavailable, SQLAlchemyError) as error:
                log.warning("keeping_put_off", error=repr(error))
            except Exception:
                log.exception("keeping_failed")

    async def keep_order(self) -> None:
        """Everything that is due now."""
        for step in (self.move_a_content, self.drop_uploads, self.drop_blobs):
            more = await step()
            while more:
                await asyncio.sleep(PAUSE_SECONDS)
                more = await step()
        if time.monotonic() >= self._leftovers_due:
            await self._in_thread(self._blobs.drop_leftovers)
            self._leftovers_due = time.monotonic() + LEFTOVERS_EVERY

    async def move_a_content(self) -> bool:
        """Move one content from the database to the store; false when there is none."""
        found = await self._transact(lambda work: store.next_content(work.connection))
        if found is None:
            return False
        digest, content = found
        stored = await self._transact(lambda work: store.hold_blob(work.connection, digest, len(content), None))
        name = blob_name(digest)
        if not (stored and await self._blobs.has(name, len(content))):  # what was lost is mended
            await self._blobs.put(name, content)
        await self._transact(lambda work: store.content_moved(work.connection, digest))
        return True

    async def drop_uploads(self) -> bool:
        """Delete uploads that have expired, with their parts; false when there were none.

        Some time later only, so that no stream that began before still writes a part.
        """
        keys = await self._transact(lambda work: store.expired_uploads(work.connection, work.now - GRACE, BATCH))
        for key in keys:
            await drop_parts(self._blobs, key)
        await self._transact(lambda work: store.drop_uploads(work.connection, keys))
        return bool(keys)

    async def drop_blobs(self) -> bool:
        """Delete blobs that nobody needs any more; false when there were none.

        First all are told that they go, and nobody relies on them. Then each goes while its row is locked, so that
        whoever brings the same content waits, and stores it anew.
        """
        await self._transact(lambda work: store.give_up_blobs(work.connection, work.now, BATCH))
        digests = await self._transact(lambda work: store.given_up_blobs(work.connection, work.now, BATCH))
        for digest in digests:
            await self._transact(lambda work, digest=digest: self._drop_blob(work, digest))  # type: ignore[misc]
        if digests:
            log.info("blobs_dropped", count=len(digests))
        return bool(digests)

    def _drop_blob(self, work: UnitOfWork, digest: str) -> None:
        if store.lock_given_up(work.connection, digest, work.now):
            self._blobs.delete_now(blob_name(digest))
            store.drop_blob(work.connection, digest)

    async def _transact(self, function: Callable[[UnitOfWork], Result]) -> Result:
        def run() -> Result:
            with self._database.begin() as work:
                return function(work)

        return await self._in_thread(run)

    async def _in_thread(self, function: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function)
