"""An installation's own certificates, and what an api process refuses to do without them."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from chassis.api_process import bind, identity_channel
from chassis.settings import Settings
from chassis.tls import make_root, make_server

NOW = datetime.now(UTC)
ROOT = make_root("Root", NOW)


def verified(server: bytes, name: str, root: bytes = ROOT.certificate) -> None:
    """Check a certificate as a client does."""
    subject: x509.verification.Subject
    try:
        subject = x509.IPAddress(ip_address(name))
    except ValueError:
        subject = x509.DNSName(name)
    store = Store([x509.load_pem_x509_certificate(root)])
    verifier = PolicyBuilder().store(store).time(NOW).build_server_verifier(subject)
    verifier.verify(x509.load_pem_x509_certificate(server), [])


def test_a_servers_certificate_is_good_for_its_hosts_only() -> None:
    server = make_server(ROOT, ["cases-api", "127.0.0.1", "::1"], NOW)
    for host in ("cases-api", "127.0.0.1", "::1"):
        verified(server.certificate, host)
    for host in ("notify-api", "127.0.0.2"):
        with pytest.raises(VerificationError):
            verified(server.certificate, host)


def test_another_root_vouches_for_nothing_here() -> None:
    server = make_server(make_root("Root", NOW), ["cases-api"], NOW)
    with pytest.raises(VerificationError):
        verified(server.certificate, "cases-api")


def test_a_server_cannot_issue_and_the_root_cannot_serve() -> None:
    server = make_server(ROOT, ["cases-api"], NOW)
    child = make_server(server, ["notify-api"], NOW)
    store = Store([x509.load_pem_x509_certificate(ROOT.certificate)])
    verifier = PolicyBuilder().store(store).time(NOW).build_server_verifier(x509.DNSName("notify-api"))
    with pytest.raises(VerificationError):
        verifier.verify(
            x509.load_pem_x509_certificate(child.certificate), [x509.load_pem_x509_certificate(server.certificate)]
        )
    usage = x509.load_pem_x509_certificate(ROOT.certificate).extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.key_cert_sign
    assert not usage.digital_signature


def test_lifetimes_are_bounded() -> None:
    server = x509.load_pem_x509_certificate(make_server(ROOT, ["a"], NOW).certificate)
    assert timedelta(days=397) <= server.not_valid_after_utc - server.not_valid_before_utc < timedelta(days=398)
    assert server.not_valid_before_utc < NOW


def test_the_key_fits_its_certificate(tmp_path: Path) -> None:
    pair = make_server(ROOT, ["a"], NOW)
    (tmp_path / "a.crt").write_bytes(pair.certificate)
    (tmp_path / "a.key").write_bytes(pair.key)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tmp_path / "a.crt", tmp_path / "a.key")


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0", "10.0.0.1:0"])
def test_without_a_certificate_only_loopback_is_served(tmp_path: Path, listen: str) -> None:
    async def story() -> None:
        bind(grpc.aio.server(), Settings(data_dir=tmp_path, listen=listen))

    with pytest.raises(SystemExit, match="not loopback"):
        asyncio.run(story())


def test_without_a_root_only_an_identity_service_on_loopback_is_asked(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="not loopback"):
        identity_channel(Settings(data_dir=tmp_path, endpoints="identity-api:7443"))
