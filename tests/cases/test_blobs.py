"""The store of blobs promises the same in a local folder and in an S3 bucket."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from chassis.problems import Unavailable
from chassis.settings import Settings
from services.cases.blobs import CHUNK, BlobMissingError, Blobs, blob_name
from tests.servers.process import free_ports
from tests.servers.s3 import s3_settings


@pytest.fixture(params=["folder", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Blobs]:
    if request.param == "folder":
        yield Blobs.from_settings(Settings(data_dir=tmp_path))
    else:
        with s3_settings(tmp_path) as settings:
            yield Blobs.from_settings(settings)


async def pieces(content: bytes, *, breaking: bool = False) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 1_000_000):
        yield content[start : start + 1_000_000]
    if breaking:
        raise ZeroDivisionError


@pytest.mark.parametrize("size", [1, 1000, 2 * CHUNK + 5])
def test_what_is_put_is_read_in_any_range(blobs: Blobs, size: int) -> None:
    async def story() -> None:
        content = os.urandom(size)
        name = blob_name(hashlib.sha256(content).hexdigest())
        await blobs.put(name, pieces(content))
        assert await blobs.size(name) == size
        assert await blobs.read(name, 0, size + 10) == content
        assert await blobs.read(name, size - 1, 10) == content[-1:]
        assert blobs.read_now(name, size // 2, 100) == content[size // 2 : size // 2 + 100]
        await blobs.put(name, content)
        assert await blobs.read(name, 0, size) == content

    asyncio.run(story())


def test_a_put_that_breaks_off_leaves_nothing(blobs: Blobs) -> None:
    async def story() -> None:
        with pytest.raises(ZeroDivisionError):
            await blobs.put("sha256/aa/broken", pieces(os.urandom(2 * CHUNK + 5), breaking=True))
        with pytest.raises(BlobMissingError):
            await blobs.read("sha256/aa/broken", 0, 1)
        assert await blobs.names("sha256") == []

    asyncio.run(story())


def test_what_is_deleted_is_gone_and_deleting_it_again_is_no_problem(blobs: Blobs) -> None:
    async def story() -> None:
        for name in ("uploads/a/1", "uploads/a/2", "uploads/ab/1"):
            await blobs.put(name, b"part")
        assert sorted(await blobs.names("uploads/a")) == ["uploads/a/1", "uploads/a/2"]
        await blobs.delete("uploads/a/1")
        await blobs.delete("uploads/a/1")
        blobs.delete_now("uploads/a/2")
        blobs.delete_now("uploads/a/2")
        assert await blobs.names("uploads") == ["uploads/ab/1"]
        with pytest.raises(BlobMissingError):
            await blobs.size("uploads/a/1")

    asyncio.run(story())


def test_a_store_that_is_away_is_told_as_unavailable(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    secret = tmp_path / "secret"
    secret.write_text("secret")
    settings = Settings(
        data_dir=tmp_path,
        blobs_url=f"s3://materials?endpoint=http://127.0.0.1:{port}&region=x",
        blobs_access_key_id="key",
        blobs_secret_key_file=secret,
    )
    blobs = Blobs.from_settings(settings)

    async def story() -> None:
        with pytest.raises(Unavailable) as away:
            await blobs.read("sha256/aa/aa", 0, 1)
        assert away.value.reason == "BLOBS_UNAVAILABLE"

    asyncio.run(story())


def test_files_are_for_their_owner_only_and_leftovers_go(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        blobs = Blobs.from_settings(Settings(data_dir=tmp_path))
        asyncio.run(blobs.put("sha256/aa/x", b"content"))
    finally:
        os.umask(before)
    folder = tmp_path / "blobs"
    assert {oct(path.stat().st_mode & 0o777) for path in (folder, *folder.rglob("*"))} == {"0o700", "0o600"}
    left = folder / "sha256" / "aa" / "y#1"
    left.write_bytes(b"half")
    blobs.drop_leftovers()
    assert left.exists()
    blobs.drop_leftovers(older_than=-1)
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["x"]


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("s3://materials?endpoint=http://store.example.gov", "must be https"),
        ("s3://materials?bucket=x", "options bucket"),
        ("s3://key:secret@materials?endpoint=https://store.example.gov", "must not hold a key"),
        ("s3://materials?endpoint=https://key:secret@store.example.gov", "must not hold a key"),
    ],
)
def test_a_bad_url_is_refused_at_the_start(tmp_path: Path, url: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault) as refused:
        Blobs.from_settings(Settings(data_dir=tmp_path, blobs_url=url))
    assert "secret@" not in str(refused.value)


def test_settings_name_a_store_that_there_is(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="blobs_url must start with"):
        Settings(data_dir=tmp_path, blobs_url="ftp://x")
    with pytest.raises(ValueError, match="go together"):
        Settings(data_dir=tmp_path, blobs_access_key_id="x")
    Blobs.from_settings(Settings(data_dir=tmp_path, blobs_url=f"file://{tmp_path}/a%20b"))
    assert (tmp_path / "a b").is_dir()
