"""Contents move to the store of blobs, and what nobody needs is deleted; whatever breaks off is done again."""

import asyncio
import hashlib
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from chassis.problems import Exhausted, Unavailable
from chassis.settings import Settings
from chassis.testing import ManualClock
from services.cases import material_store, materials
from services.cases.blobs import Blobs, blob_name
from services.cases.keeping import Keeper
from services.cases.receiving import part_name
from services.cases.uploads import GRACE, LIFE, Declared, Uploads
from tests.cases.builders import PDF, Town, a_material
from tests.cases.test_crashes import PulledPlugError, breaking_at
from tests.servers.process import wait_until

WAITS = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))")
DIGEST = hashlib.sha256(PDF).hexdigest()


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs.from_settings(Settings(data_dir=tmp_path))


@pytest.fixture
def keeper(town: Town, blobs: Blobs) -> Iterator[Keeper]:
    with ThreadPoolExecutor(2) as threads:
        yield Keeper(blobs, town.database, threads)


def names(blobs: Blobs) -> list[str]:
    return asyncio.run(blobs.names("sha256")) + asyncio.run(blobs.names("uploads"))


def rows(town: Town, table: Any) -> list[Any]:
    with town.database.read() as work:
        return list(work.connection.execute(select(table)))


def begun(town: Town, content: bytes, owner_id: str = "p1", upload_id: str = "u1") -> Any:
    declared = Declared(upload_id, "application/pdf", len(content), hashlib.sha256(content).hexdigest())
    with town.database.begin() as work:
        return Uploads(1000).begin(work, owner_id, declared)


def uploaded(town: Town, blobs: Blobs, content: bytes, owner_id: str = "p1", upload_id: str = "u1") -> Any:
    """A finished upload."""
    row = begun(town, content, owner_id, upload_id)
    with town.database.begin() as work:
        hold = Uploads(1000).hold(work, row)
    asyncio.run(blobs.put(blob_name(row.sha256), content))
    with town.database.begin() as work:
        return Uploads(1000).finish(work, row, hold)


def test_a_content_moves_and_is_read_from_where_it_lies(town: Town, blobs: Blobs, keeper: Keeper) -> None:
    case_id = town.submit()
    asyncio.run(keeper.keep_order())
    assert rows(town, material_store.contents) == []
    assert asyncio.run(blobs.read(blob_name(DIGEST), 0, 1000)) == PDF
    with town.database.read() as work:
        assert materials.of_case(work, town.row(case_id), DIGEST).content is None
    again = town.submit()  # the same content once more is not stored again
    assert rows(town, material_store.contents) == []
    with town.database.read() as work:
        assert materials.of_case(work, town.row(again), DIGEST).sha256 == DIGEST


def test_a_move_that_breaks_off_anywhere_is_done_again(town: Town, blobs: Blobs, keeper: Keeper) -> None:
    town.submit()
    broken = 0
    for number in range(1, 20):
        try:
            with breaking_at(town.database, number):
                asyncio.run(keeper.move_a_content())
        except PulledPlugError:
            broken += 1
            assert len(rows(town, material_store.contents)) == 1
            continue
        break
    assert broken > 2
    assert rows(town, material_store.contents) == []
    assert asyncio.run(blobs.read(blob_name(DIGEST), 0, 1000)) == PDF


def test_what_a_case_has_is_never_deleted(town: Town, blobs: Blobs, keeper: Keeper, clock: ManualClock) -> None:
    uploaded(town, blobs, PDF)
    lease = a_material()
    lease.content, lease.sha256 = b"", DIGEST
    town.submit(materials=[lease])
    clock.advance(days=10)
    asyncio.run(keeper.keep_order())
    assert names(blobs) == [blob_name(DIGEST)]
    assert rows(town, material_store.uploads) == []


def test_what_was_uploaded_and_never_named_goes_after_a_day(
    town: Town, blobs: Blobs, keeper: Keeper, clock: ManualClock
) -> None:
    half = begun(town, b"x" * 900, upload_id="half")
    asyncio.run(blobs.put(part_name(half.key, 0), b"x" * 500))
    uploaded(town, blobs, PDF)
    clock.advance(seconds=LIFE.total_seconds())
    asyncio.run(keeper.keep_order())
    assert len(names(blobs)) == 2  # streams that began before may still write
    clock.advance(seconds=GRACE.total_seconds())
    asyncio.run(keeper.keep_order())
    assert names(blobs) == []
    assert (rows(town, material_store.uploads), rows(town, material_store.blobs)) == ([], [])


def test_a_deletion_that_breaks_off_anywhere_is_done_again(
    town: Town, blobs: Blobs, keeper: Keeper, clock: ManualClock
) -> None:
    uploaded(town, blobs, PDF)
    clock.advance(days=2)
    for number in range(1, 20):
        try:
            with breaking_at(town.database, number):
                asyncio.run(keeper.drop_blobs())
        except PulledPlugError:
            continue
        break
    asyncio.run(keeper.drop_blobs())
    assert names(blobs) == []
    assert rows(town, material_store.blobs) == []


def between(keeper: Keeper, happening: Callable[[], Any]) -> Coroutine[Any, Any, None]:
    """A deletion, with something happening after the blobs are given up."""

    async def story() -> None:
        await keeper._transact(lambda work: material_store.give_up_blobs(work.connection, work.now, 50))
        await asyncio.to_thread(happening)
        await keeper.drop_blobs()

    return story()


def test_who_brings_a_content_that_is_being_deleted_stores_it_anew(
    town: Town, blobs: Blobs, keeper: Keeper, clock: ManualClock
) -> None:
    uploaded(town, blobs, PDF)
    clock.advance(days=2)
    asyncio.run(between(keeper, lambda: uploaded(town, blobs, PDF, upload_id="u2")))
    assert names(blobs) == [blob_name(DIGEST)]
    assert rows(town, material_store.blobs)[0].stored


def test_an_application_with_a_content_that_is_being_deleted_keeps_its_bytes(
    town: Town, blobs: Blobs, keeper: Keeper, clock: ManualClock
) -> None:
    uploaded(town, blobs, PDF)
    clock.advance(days=2)
    asyncio.run(between(keeper, town.submit))
    assert [bytes(row.content) for row in rows(town, material_store.contents)] == [PDF]
    asyncio.run(keeper.keep_order())
    assert names(blobs) == [blob_name(DIGEST)]


def test_who_brings_a_content_in_the_moment_of_its_deletion_announces_it_anew(
    town: Town, blobs: Blobs, clock: ManualClock
) -> None:
    uploaded(town, blobs, PDF)
    clock.advance(days=2)
    with town.database.begin() as work:
        material_store.give_up_blobs(work.connection, work.now, 50)
    again = begun(town, PDF, upload_id="u2")

    def hold() -> bool:
        with town.database.begin() as work:
            return Uploads(1000).hold(work, again).stored

    with ThreadPoolExecutor(1) as threads:
        with town.database.begin() as work:
            assert material_store.lock_given_up(work.connection, DIGEST, work.now)
            holding = threads.submit(hold)
            if work.connection.dialect.name == "postgresql":  # SQLite has one writer: it waits before it looks
                wait_until(lambda: work.connection.scalar(WAITS) == 1, seconds=20, what="nobody waits for the row")
            material_store.drop_blob(work.connection, DIGEST)
        assert holding.result(timeout=20) is False
    assert [row.sha256 for row in rows(town, material_store.blobs)] == [DIGEST]


def test_what_took_too_long_to_be_checked_is_not_finished(
    town: Town, blobs: Blobs, keeper: Keeper, clock: ManualClock
) -> None:
    row = begun(town, PDF)
    with town.database.begin() as work:
        hold = Uploads(1000).hold(work, row)
    asyncio.run(blobs.put(blob_name(DIGEST), PDF))
    clock.advance(seconds=GRACE.total_seconds())
    asyncio.run(keeper.keep_order())
    assert names(blobs) == []
    with pytest.raises(Unavailable, match="UPLOAD_INTERRUPTED"), town.database.begin() as work:
        Uploads(1000).finish(work, row, hold)
    assert not rows(town, material_store.uploads)[0].finished


def test_what_was_refused_counts_until_its_files_are_gone(
    town: Town, blobs: Blobs, keeper: Keeper, clock: ManualClock
) -> None:
    for number in range(10):
        row = begun(town, bytes([number]) * 1000, upload_id=f"u{number}")
        with town.database.begin() as work:
            Uploads(1000).hold(work, row)
        asyncio.run(blobs.put(blob_name(row.sha256), bytes([number]) * 1000))
        with town.database.begin() as work:
            Uploads(1000).discard(work, row)
    with pytest.raises(Exhausted, match="TOO_MANY_UPLOADS"):
        begun(town, b"x", upload_id="more")
    clock.advance(seconds=GRACE.total_seconds())
    asyncio.run(keeper.keep_order())
    assert names(blobs) == []
    begun(town, b"x", upload_id="more")


def test_a_finished_upload_is_not_discarded_by_a_stream_that_comes_too_late(town: Town, blobs: Blobs) -> None:
    row = uploaded(town, blobs, PDF)
    with town.database.begin() as work:
        Uploads(1000).discard(work, row)
        assert Uploads(1000).find(work, "p1", "u1") == row


def test_what_the_store_has_lost_is_mended_by_the_next_move(town: Town, blobs: Blobs, keeper: Keeper) -> None:
    uploaded(town, blobs, PDF)
    asyncio.run(blobs.delete(blob_name(DIGEST)))
    with town.database.begin() as work:
        row = {"sha256": DIGEST, "content": PDF}
        work.connection.execute(material_store.contents.insert(), row)
    asyncio.run(keeper.move_a_content())
    assert asyncio.run(blobs.read(blob_name(DIGEST), 0, 1000)) == PDF


def test_the_uploads_of_a_person_are_bounded_in_number_and_bytes(town: Town, blobs: Blobs) -> None:
    for number in range(10):
        begun(town, bytes([number]) * 1000, upload_id=f"u{number}")
    with pytest.raises(Exhausted, match="TOO_MANY_UPLOADS"):
        begun(town, b"x", upload_id="more")
    begun(town, b"x", owner_id="p2")
    for number in range(100):
        uploaded(town, blobs, b"%d" % number, owner_id="p3", upload_id=f"u{number}")
    with pytest.raises(Exhausted, match="TOO_MANY_UPLOADS"):
        begun(town, b"x", owner_id="p3", upload_id="more")
    photo = a_material("photo", media_type="application/pdf")
    photo.content, photo.sha256 = b"", hashlib.sha256(b"7").hexdigest()
    town.submit(materials=[a_material(), photo], applicant_id="p3")
    begun(town, b"x", owner_id="p3", upload_id="more")
