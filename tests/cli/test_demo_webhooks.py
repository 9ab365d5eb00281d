"""The webhook of the demo's offices: what it takes, and what it makes of a sender that is cut off."""

import base64
import hashlib
import hmac
import http.client
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.demo.departments import Journal, Receiver

SECRET = b"the office's secret"
BODY = json.dumps({"type": "duokua.cases.v1.CaseCompleted", "data": {}}).encode()


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    with Receiver(Journal(tmp_path / "webhooks.jsonl")) as made:
        made.secret = SECRET
        threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True).start()
        yield made
        made.shutdown()
    made.journal.close()


def headers(message_id: str, body: bytes = BODY, secret: bytes = SECRET) -> dict[str, str]:
    now = str(int(time.time()))
    signature = hmac.new(secret, f"{message_id}.{now}.".encode() + body, hashlib.sha256).digest()
    signed = f"v1,{base64.b64encode(signature).decode()}"
    return {"webhook-id": message_id, "webhook-timestamp": now, "webhook-signature": signed}


def post(receiver: Receiver, body: bytes, told: dict[str, str]) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", receiver.server_port, timeout=10)
    connection.request("POST", "/duokua", body, told)
    status = connection.getresponse().status
    connection.close()
    return status


def noted(folder: Path) -> list[tuple[str, bool]]:
    lines = (folder / "webhooks.jsonl").read_text("utf-8").splitlines()
    return [(entry["id"], entry["verified"]) for entry in map(json.loads, lines)]


def test_what_is_signed_is_taken_and_what_is_not_is_refused_unread(receiver: Receiver, tmp_path: Path) -> None:
    assert post(receiver, BODY, headers("m1")) == 204
    assert post(receiver, BODY, headers("m2", secret=b"another")) == 401
    assert post(receiver, b"no JSON", headers("m3")) == 401
    assert noted(tmp_path) == [("m1", True), ("m2", False), ("m3", False)]


def test_odd_signatures_and_times_are_refused(receiver: Receiver, tmp_path: Path) -> None:
    told = headers("m1")
    assert post(receiver, BODY, told | {"webhook-signature": "v1,\u00e9"}) == 401
    assert post(receiver, BODY, told | {"webhook-timestamp": "\u00b2"}) == 401
    assert noted(tmp_path) == [("m1", False), ("m1", False)]


def whole() -> bytes:
    head = "".join(f"{name}: {value}\r\n" for name, value in headers("m1").items())
    return f"POST /duokua HTTP/1.1\r\n{head}Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("left_out", [len(BODY) - 9, len(BODY), len(BODY) + 5, len(BODY) + 30])
def test_half_a_message_is_none(
    receiver: Receiver, tmp_path: Path, capfd: pytest.CaptureFixture[str], left_out: int, *, reset: bool
) -> None:
    cut = socket.create_connection(("127.0.0.1", receiver.server_port), 10)
    cut.sendall(whole()[:-left_out])
    if reset:
        cut.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    cut.close()
    assert post(receiver, BODY, headers("m1")) == 204
    receiver.shutdown()
    receiver.server_close()
    assert noted(tmp_path) == [("m1", True)]
    assert capfd.readouterr().err == ""


def test_closing_waits_for_a_message_that_comes_in(
    receiver: Receiver, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_connection(("127.0.0.1", receiver.server_port), 10) as slow:
        slow.sendall(whole()[:-9])
        assert post(receiver, BODY, headers("m2")) == 204
        receiver.shutdown()
        threading.Timer(0.2, slow.sendall, [BODY[-9:]]).start()
        receiver.server_close()
    assert noted(tmp_path) == [("m2", True), ("m1", True)]
    assert capfd.readouterr().err == ""
