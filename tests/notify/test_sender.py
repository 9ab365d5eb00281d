"""Sending one message to a real endpoint, and to those that are not."""

import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.notify.domain.webhooks import Answer
from services.notify.sender import Limits, Sender, bounded
from tests.notify.builders import sender
from tests.notify.receiver import Receiver, answer, closed_port, silent_port

QUICK = Limits(connect=1, total=0.5)


def test_the_message_arrives_whole_with_its_headers(receiver: Receiver) -> None:
    body = '{"type": "办结"}'.encode()
    assert sender().send(receiver.url, {"webhook-id": "m1"}, body) == Answer(204)
    [got] = receiver.got
    assert (got.path, got.body) == ("/hook?office=7", body)
    assert got.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert got.headers["content-type"] == "application/json"
    assert got.headers["webhook-id"] == "m1"


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.behaviours = [answer(307, Location=receiver.url)]
    assert sender().send(receiver.url, {}, b"{}").http_status == 307
    assert len(receiver.got) == 1


def test_the_wait_that_the_endpoint_asks_for_is_read(receiver: Receiver) -> None:
    receiver.behaviours = [answer(503, Retry_After="120")]
    assert sender().send(receiver.url, {}, b"{}") == Answer(503, retry_after="120")


def test_proxies_of_the_environment_are_not_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    with closed_port() as port:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        assert sender().send(receiver.url, {}, b"{}") == Answer(204)


def test_an_endless_body_is_not_read_to_its_end(receiver: Receiver) -> None:
    sent = 0
    cut = threading.Event()

    def behave(handler: BaseHTTPRequestHandler) -> None:
        nonlocal sent
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b"x" * 65536)
                sent += 65536
        except OSError:
            cut.set()

    receiver.behaviours = [behave]
    assert sender().send(receiver.url, {}, b"{}") == Answer(200)
    assert cut.wait(5)
    assert sent < 50_000_000  # what fits into the sockets' buffers


def test_an_endpoint_that_never_answers_is_given_up_in_time() -> None:
    with silent_port() as port:
        began = time.monotonic()
        result = sender(limits=QUICK).send(f"http://127.0.0.1:{port}/", {}, b"{}")
    assert result == Answer(error="no answer within 0.5 s")
    assert time.monotonic() - began < 3


def test_an_endpoint_that_sends_a_byte_now_and_then_is_given_up_in_time(receiver: Receiver) -> None:
    cut = threading.Event()

    def behave(handler: BaseHTTPRequestHandler) -> None:
        try:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not cut.wait(0.05):
                handler.wfile.write(b"x")
        except OSError:
            cut.set()

    receiver.behaviours = [behave]
    began = time.monotonic()
    assert sender(limits=QUICK).send(receiver.url, {}, b"{}") == Answer(error="no answer within 0.5 s")
    assert time.monotonic() - began < 3
    assert cut.wait(5)


def test_what_is_no_http_is_an_error(receiver: Receiver) -> None:
    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"220 mail.example.cn ESMTP\r\n")

    receiver.behaviours = [behave]
    assert sender().send(receiver.url, {}, b"{}").error == "no answer: BadStatusLine"


def test_a_closed_port_is_an_error_without_an_answer() -> None:
    with closed_port() as port:
        assert sender().send(f"http://127.0.0.1:{port}/", {}, b"{}") == Answer(
            error="cannot connect: Connection refused"
        )


def test_a_private_address_is_never_connected_to(receiver: Receiver) -> None:
    with_tls = receiver.url.replace("http://", "https://")
    result = sender(allow_private=False).send(with_tls, {}, b"{}")
    assert result.error == "not sent: 127.0.0.1 has the address 127.0.0.1, which is not on the public internet"
    assert receiver.got == []


def test_a_name_that_leads_inside_is_never_connected_to(receiver: Receiver) -> None:
    inside = sender(allow_private=False, resolve=lambda _host, _port: ["8.8.8.8", "::ffff:127.0.0.1"])
    assert "not on the public internet" in inside.send(f"https://hooks.example.cn:{receiver.port}/", {}, b"{}").error
    assert receiver.got == []


def test_the_name_is_looked_up_once_and_the_connection_goes_to_that_answer(receiver: Receiver) -> None:
    asked: list[tuple[str, int]] = []

    def look_up(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return ["127.0.0.1"]

    url = f"http://no-such-name.invalid:{receiver.port}/hook"
    assert sender(resolve=look_up).send(url, {}, b"{}") == Answer(204)
    assert asked == [("no-such-name.invalid", receiver.port)]
    assert receiver.got[0].headers["host"] == f"no-such-name.invalid:{receiver.port}"


def test_a_dead_address_is_passed_over_for_the_next(receiver: Receiver) -> None:
    alive = sender(resolve=lambda _host, _port: ["127.0.0.2", "127.0.0.1"])
    assert alive.send(f"http://hooks.example.cn:{receiver.port}/", {}, b"{}") == Answer(204)


def test_a_slow_name_server_is_waited_for_in_bounds() -> None:
    answered = threading.Event()

    def slow(_host: str, _port: int) -> list[str]:
        answered.wait(10)
        return ["8.8.8.8"]

    assert bounded(slow, seconds=0.1)("hooks.example.cn", 443) == []
    answered.set()
    assert bounded(slow, seconds=5)("hooks.example.cn", 443) == ["8.8.8.8"]


@pytest.fixture
def certified(tmp_path: Path) -> Iterator[tuple[Receiver, ssl.SSLContext]]:
    """A receiver whose certificate is for hooks.example.cn, and a context that trusts it."""
    path = _certificate(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    with Receiver(server) as receiver:
        yield receiver, ssl.create_default_context(cafile=str(path))


def test_tls_is_checked_against_the_name_though_the_connection_goes_to_an_address(
    certified: tuple[Receiver, ssl.SSLContext],
) -> None:
    receiver, trust = certified
    known = Sender(allow_private=True, resolve=lambda _host, _port: ["127.0.0.1"], tls=trust)
    assert known.send(f"https://hooks.example.cn:{receiver.port}/hook", {}, b"{}") == Answer(204)
    wrong_name = known.send(f"https://other.example.cn:{receiver.port}/hook", {}, b"{}")
    assert "certificate: Hostname mismatch" in wrong_name.error
    stranger = Sender(allow_private=True, resolve=lambda _host, _port: ["127.0.0.1"])
    assert "certificate: self-signed" in stranger.send(f"https://hooks.example.cn:{receiver.port}/", {}, b"{}").error
    assert len(receiver.got) == 1


def _certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.example.cn")])
    names = [x509.DNSName("hooks.example.cn"), x509.IPAddress(ip_address("192.0.2.7"))]
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "receiver.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path
