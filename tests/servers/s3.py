"""An S3 server of its own for tests, with one bucket."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from moto.server import ThreadedMotoServer

from chassis.settings import Settings

BUCKET = "materials"
SECRET = "a-secret-that-nobody-prints"


def refuse_all_keys(settings: Settings) -> None:
    """Have the server know no access key from now on."""
    endpoint = settings.blobs_url.partition("endpoint=")[2].partition("&")[0]
    _told(endpoint, "moto-api/reset-auth", "POST", b"0")


def _told(endpoint: str, path: str, method: str, data: bytes | None = None) -> None:
    request = Request(f"{endpoint}/{path}", data, {"content-type": "text/plain"}, method=method)  # noqa: S310 - our own
    urlopen(request).close()  # noqa: S310 - as above


@contextmanager
def s3_settings(folder: Path) -> Iterator[Settings]:
    """Settings whose materials lie in a bucket of a server that runs meanwhile."""
    server: Any = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        _, port = server.get_host_and_port()
        endpoint = f"http://127.0.0.1:{port}"
        # What it holds is the process's, not the server's.
        _told(endpoint, "moto-api/reset-auth", "POST", b"inf")
        _told(endpoint, "moto-api/reset", "POST")
        _told(endpoint, BUCKET, "PUT")
        secret = folder / "s3-secret-key"
        secret.write_text(f"{SECRET}\n")
        yield Settings(
            data_dir=folder,
            blobs_url=f"s3://{BUCKET}/cases?endpoint={endpoint}&region=us-east-1",
            blobs_access_key_id="key",
            blobs_secret_key_file=secret,
        )
    finally:
        server.stop()
