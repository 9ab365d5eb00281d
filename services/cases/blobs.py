"""The one port to where contents lie: objects in a local folder or in an S3 bucket, by name, in ranges, never whole.

Nothing but this module knows obstore. An object is there as a whole or not at all; once `put` returns it outlives a
loss of power (a folder's files and directories are synced; S3 promises it).
"""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qsl, unquote, urlsplit

import obstore
import structlog
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import LocalStore, S3Store

from chassis.problems import Unavailable
from chassis.settings import Settings, is_loopback, private_folder

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config

log = structlog.get_logger()

CHUNK = 8 * 1024 * 1024
"""In bytes: S3 takes a long object in parts of at least 5 MiB."""
AT_ONCE = 2
"""Parts of one object on their way to S3, each in memory."""
MOST_LONG_PUTS = 4
"""Objects that are written from iterators at a time: each has some parts in memory."""
LEFTOVER_SECONDS = 86_400.0
_CLIENT: "ClientConfig" = {"connect_timeout": timedelta(seconds=5), "timeout": timedelta(seconds=30)}
_RETRIES: "RetryConfig" = {"max_retries": 3, "retry_timeout": timedelta(seconds=20)}
_S3_OPTIONS = frozenset({"endpoint", "region"})


class BlobMissingError(Exception):
    """There is no object of this name."""


class Blobs:
    """Objects by their names, such as "sha256/ab/abcd..."."""

    def __init__(self, store: LocalStore | S3Store) -> None:
        self._store = store
        self._folder = store.prefix if isinstance(store, LocalStore) else None
        self._long_puts = asyncio.Semaphore(MOST_LONG_PUTS)

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The store that the settings name; a folder is made when it is missing. Raises ValueError for a bad URL."""
        url = urlsplit(settings.blobs_url)
        if url.scheme != "s3":
            folder = Path(unquote(url.path)) if url.path else settings.data_dir / "blobs"
            return cls(LocalStore(private_folder(folder.absolute())))
        return cls(_bucket(settings))

    async def put(self, name: str, content: bytes | AsyncIterator[bytes]) -> None:
        """Write an object, whole or not at all; one that is there is replaced.

        An exception of the iterator passes on, and nothing is written. Raises Unavailable BLOBS_UNAVAILABLE.
        """
        async with contextlib.nullcontext() if isinstance(content, bytes) else self._long_puts:
            with _problems(name):
                await obstore.put_async(self._store, name, content, chunk_size=CHUNK, max_concurrency=AT_ONCE)
        if self._folder is not None:
            await asyncio.to_thread(_sync, self._folder, self._folder / name)

    async def read(self, name: str, start: int, length: int) -> bytes:
        """At most `length` bytes from `start` on, fewer at the end; raises BlobMissingError, Unavailable."""
        with _problems(name):
            return bytes(await obstore.get_range_async(self._store, name, start=start, length=length))

    def read_now(self, name: str, start: int, length: int) -> bytes:
        """The same, for a thread that waits."""
        with _problems(name):
            return bytes(obstore.get_range(self._store, name, start=start, length=length))

    async def size(self, name: str) -> int:
        """In bytes; raises BlobMissingError, Unavailable."""
        with _problems(name):
            return (await obstore.head_async(self._store, name))["size"]

    async def has(self, name: str, size: int) -> bool:
        """Whether there is an object of this name and size; raises Unavailable."""
        try:
            return await self.size(name) == size
        except BlobMissingError:
            return False

    async def delete(self, name: str) -> None:
        """Remove an object; one that is not there is no problem."""
        try:
            with _problems(name):
                await obstore.delete_async(self._store, name)
        except BlobMissingError:
            return

    def delete_now(self, name: str) -> None:
        """The same, for a thread that waits."""
        try:
            with _problems(name):
                obstore.delete(self._store, name)
        except BlobMissingError:
            return

    def drop_leftovers(self, older_than: float = LEFTOVER_SECONDS) -> None:
        """Delete what a process left in a folder that was killed while it wrote; a bucket's own rules do it for S3."""
        if self._folder is None:
            return
        latest = time.time() - older_than
        for file in self._folder.rglob("*#*"):  # how obstore names a file until it is whole
            if file.is_file() and file.stat().st_mtime < latest:
                file.unlink(missing_ok=True)

    async def names(self, prefix: str) -> list[str]:
        """The objects under a folder such as "uploads/<key>"; for folders with few."""
        with _problems(prefix):
            pages = await obstore.list(self._store, prefix).collect_async()
            return [meta["path"] for meta in pages]


def blob_name(digest: str) -> str:
    """Where a whole content lies."""
    return f"sha256/{digest[:2]}/{digest}"


@contextlib.contextmanager
def _problems(name: str) -> Iterator[None]:
    try:
        yield
    except (NotFoundError, FileNotFoundError):
        raise BlobMissingError(name) from None
    except (BaseError, OSError) as error:
        log.warning("blobs_unavailable", name=name, error=str(error))
        raise Unavailable("BLOBS_UNAVAILABLE", "the store of materials does not answer; try again") from error


def _bucket(settings: Settings) -> S3Store:
    url = urlsplit(settings.blobs_url)
    options = dict(parse_qsl(url.query, strict_parsing=bool(url.query)))
    if unknown := sorted(options.keys() - _S3_OPTIONS):
        raise ValueError(f"blobs_url has the options {', '.join(unknown)}; there are endpoint and region")
    endpoint = urlsplit(options.get("endpoint", ""))
    if "@" in url.netloc or "@" in endpoint.netloc:
        raise ValueError("blobs_url must not hold a key: give blobs_access_key_id and blobs_secret_key_file")
    if endpoint.scheme == "http" and not is_loopback(endpoint.netloc):
        raise ValueError(f"blobs_url names the endpoint {endpoint.geturl()}: beyond this machine it must be https")
    config: S3Config = {}
    if endpoint.netloc:
        config["endpoint"] = endpoint.geturl()
    if "region" in options:
        config["region"] = options["region"]
    if settings.blobs_secret_key_file is not None:
        config["access_key_id"] = settings.blobs_access_key_id
        config["secret_access_key"] = settings.blobs_secret_key_file.read_text().strip()
    client: ClientConfig = {**_CLIENT, "allow_http": endpoint.scheme == "http"}
    prefix = url.path.strip("/") or None
    return S3Store(url.netloc, prefix=prefix, config=config, client_options=client, retry_config=_RETRIES)


def _sync(folder: Path, file: Path) -> None:
    """Have a file and its names reach the disk, up to the folder that was there from the start."""
    place = file
    while True:
        descriptor = os.open(place, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if place == folder:
            return
        place = place.parent
