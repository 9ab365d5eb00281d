import ipaddress
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from duokua import DuokuaError, Platform
from duokua.cases.v1.case_service_pb2 import GetCaseRequest, SubmitCaseRequest, WatchCaseRequest
from duokua.endpoints import SERVICES, Endpoints
from duokua.errors import (
    FailedPrecondition,
    InvalidArgument,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
    Violation,
)
from tests.sdk.fake_platform import KEY, TIMEOUT, FakePlatform, client_of, rich_status


@pytest.fixture
def fake() -> Iterator[FakePlatform]:
    with FakePlatform() as platform:
        yield platform


@pytest.fixture
def client(fake: FakePlatform) -> Iterator[Platform]:
    with client_of(fake) as platform:
        yield platform


def test_a_call_carries_a_token_that_is_asked_for_once(fake: FakePlatform, client: Platform) -> None:
    client.cases.GetCase(GetCaseRequest(case_id="c1"))
    client.cases.GetCase(GetCaseRequest(case_id="c2"))
    assert [token for _, _, token in fake.calls] == ["token 1", "token 1"]
    claims = fake.assertions[0]
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("food-office", "food-office", "duokua")
    assert claims["exp"] - claims["iat"] == 60


def test_many_threads_share_one_token(fake: FakePlatform, client: Platform) -> None:
    threads = [threading.Thread(target=client.cases.GetCase, args=(GetCaseRequest(),)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT)
    assert len(fake.calls) == 20
    assert len(fake.token_requests) == 1


def test_a_token_is_renewed_before_it_expires(fake: FakePlatform, client: Platform) -> None:
    fake.token_seconds = 0
    client.cases.GetCase(GetCaseRequest())
    client.cases.GetCase(GetCaseRequest())
    assert [token for _, _, token in fake.calls] == ["token 1", "token 2"]
    assert len({claims["jti"] for claims in fake.assertions}) == 2


def test_a_token_that_is_not_taken_is_replaced_once(fake: FakePlatform, client: Platform) -> None:
    client.cases.GetCase(GetCaseRequest())
    fake.bad_tokens = {"token 1"}
    client.cases.GetCase(GetCaseRequest())
    assert [token for _, _, token in fake.calls] == ["token 1", "token 2"]
    fake.bad_tokens = {"token 2", "token 3", "token 4"}
    with pytest.raises(Unauthenticated, match="Check the client id"):
        client.cases.GetCase(GetCaseRequest())
    assert len(fake.token_requests) == 3


def test_a_token_is_asked_for_again_with_a_new_assertion(fake: FakePlatform, client: Platform) -> None:
    fake.tokens_unavailable = 2
    client.cases.GetCase(GetCaseRequest())
    assert len(fake.token_requests) == 1


def test_acting_for_a_person_asks_for_that_persons_token(fake: FakePlatform, client: Platform) -> None:
    client.acting_for("p1").cases.GetCase(GetCaseRequest())
    client.acting_for("p1").cases.GetCase(GetCaseRequest())
    client.acting_for("p1", principal="company").cases.GetCase(GetCaseRequest())
    persons = [(request.subject_person_id, request.principal_person_id) for request in fake.token_requests]
    assert persons == [("p1", ""), ("p1", "company")]
    assert [token for _, _, token in fake.calls] == ["token 1", "token 1", "token 2"]


def test_an_error_tells_reason_metadata_and_fields(fake: FakePlatform, client: Platform) -> None:
    details = rich_status(grpc.StatusCode.INVALID_ARGUMENT, "BAD_FORM", "the form is bad", {"form.shop": "is missing"})
    fake.refusal = (grpc.StatusCode.INVALID_ARGUMENT, details)
    with pytest.raises(InvalidArgument) as caught:
        client.cases.GetCase(GetCaseRequest())
    error = caught.value
    assert (error.code, error.reason, error.message) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "BAD_FORM",
        "the form is bad",
    )
    assert error.metadata == {"case_id": "c1"}
    assert error.violations == (Violation("form.shop", "is missing"),)
    assert str(error) == "INVALID_ARGUMENT BAD_FORM: the form is bad [form.shop: is missing]"
    assert isinstance(error.__cause__, grpc.RpcError)


def test_an_error_says_when_to_come_back_and_is_not_tried_again_by_itself(fake: FakePlatform, client: Platform) -> None:
    details = rich_status(grpc.StatusCode.RESOURCE_EXHAUSTED, "OUTBOX_FULL", "later", retry_after_ms=2250)
    fake.refusal = (grpc.StatusCode.RESOURCE_EXHAUSTED, details)
    with pytest.raises(ResourceExhausted) as caught:
        client.cases.SubmitCase(SubmitCaseRequest())
    assert (caught.value.reason, caught.value.retry_after, caught.value.transient) == ("OUTBOX_FULL", 2.25, True)
    assert len(fake.calls) == 1
    fake.refusal = (grpc.StatusCode.NOT_FOUND, rich_status(grpc.StatusCode.NOT_FOUND, "GONE", "gone"))
    with pytest.raises(DuokuaError) as other:
        client.cases.GetCase(GetCaseRequest())
    assert other.value.retry_after is None


def test_an_error_on_a_stream_is_told_the_same_way(fake: FakePlatform, client: Platform) -> None:
    details = rich_status(grpc.StatusCode.FAILED_PRECONDITION, "CASE_ENDED", "the case has ended")
    fake.refusal = (grpc.StatusCode.FAILED_PRECONDITION, details)
    with pytest.raises(FailedPrecondition, match="CASE_ENDED"):
        next(iter(client.cases.WatchCase(WatchCaseRequest())))


def test_a_stream_begins_anew_with_a_fresh_token(fake: FakePlatform, client: Platform) -> None:
    client.cases.GetCase(GetCaseRequest())
    fake.bad_tokens = {"token 1"}
    assert len(list(client.cases.WatchCase(WatchCaseRequest()))) == 2
    assert [token for _, _, token in fake.calls] == ["token 1", "token 2"]


@pytest.mark.parametrize("details", [None, b"\xff\xff not a status"])
def test_an_error_without_details_says_where_it_happened(
    fake: FakePlatform, client: Platform, details: bytes | None
) -> None:
    fake.refusal = (grpc.StatusCode.INTERNAL, details)
    with pytest.raises(DuokuaError) as caught:
        client.cases.GetCase(GetCaseRequest())
    assert caught.value.reason == ""
    assert str(caught.value) == f"INTERNAL: GetCase at {fake.address}: refused."


def test_a_write_is_repeated_under_one_request_id_until_the_platform_is_there(
    fake: FakePlatform, client: Platform
) -> None:
    fake.unavailable = 2
    request = SubmitCaseRequest()
    client.cases.SubmitCase(request)
    request_ids = [call.request_id for method, call, _ in fake.calls if method == "SubmitCase"]
    assert len(request_ids) == 3
    assert len(set(request_ids)) == 1
    assert request_ids[0]
    assert request.request_id == "", "the caller's message stays as it was"
    client.cases.SubmitCase(SubmitCaseRequest(request_id="mine"))
    assert fake.calls[-1][1].request_id == "mine"


def test_a_platform_that_is_not_there_is_unavailable(fake: FakePlatform, client: Platform) -> None:
    fake.kill()
    with pytest.raises(Unavailable, match=rf"IssueToken at {fake.address}: .* Check the address"):
        client.cases.GetCase(GetCaseRequest())


def test_a_future_keeps_grpcs_own_error(fake: FakePlatform, client: Platform) -> None:
    fake.refusal = (grpc.StatusCode.NOT_FOUND, None)
    future = client.cases.GetCase.future(GetCaseRequest())
    with pytest.raises(grpc.RpcError):
        future.result(timeout=TIMEOUT)


def test_a_call_after_close_says_so(client: Platform) -> None:
    client.cases.GetCase(GetCaseRequest())
    client.close()
    with pytest.raises(ValueError, match="closed channel"):
        client.cases.GetCase(GetCaseRequest())


@pytest.mark.parametrize("address", ["127.0.0.1:1", "localhost:1", "[::1]:1", "cases=127.0.0.1:1,identity=localhost:2"])
def test_insecure_is_taken_on_this_machine(address: str) -> None:
    Platform(address, "c", KEY, insecure=True).close()


@pytest.mark.parametrize("address", ["10.0.0.1:1", "example.com:1", "localhost.example.com:1", "0.0.0.0:1"])
def test_insecure_is_refused_for_other_machines(address: str) -> None:
    with pytest.raises(ValueError, match="is not on this machine"):
        Platform({"identity": "127.0.0.1:1", "cases": address}, "c", KEY, insecure=True)


def test_addresses_are_read_from_text() -> None:
    one = Endpoints("gate:443")
    assert {one.address(service) for service in SERVICES} == {"gate:443"}
    some = Endpoints("cases=a:1, identity=[::1]:2")
    assert (some.address("cases"), some.address("identity")) == ("a:1", "[::1]:2")
    with pytest.raises(ValueError, match="no address is given for the service 'eseal'"):
        some.address("eseal")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no address is given"),
        ("gate", "'gate' is not host:port"),
        ("gate:0", "is not host:port"),
        ("::1:443", "in brackets"),
        ("case=a:1", "there is no service 'case'"),
        ("cases=a:1,b:2", "'b:2' is not service=host:port"),
    ],
)
def test_bad_addresses_are_named(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Endpoints(text)


def test_the_environment_is_read_and_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="set DUOKUA_CLIENT_ID, DUOKUA_KEY_FILE in the environment"):
        Platform.from_env({"DUOKUA_ENDPOINTS": "127.0.0.1:1"})
    environ = {
        "DUOKUA_ENDPOINTS": "127.0.0.1:1",
        "DUOKUA_CLIENT_ID": "c",
        "DUOKUA_KEY_FILE": str(tmp_path / "key.json"),
        "DUOKUA_INSECURE": "1",
    }
    with pytest.raises(ValueError, match="DUOKUA_KEY_FILE or DUOKUA_ROOT_CERT cannot be read"):
        Platform.from_env(environ)
    KEY.save(tmp_path / "key.json")
    Platform.from_env(environ).close()
    with pytest.raises(ValueError, match="DUOKUA_INSECURE is 'yes'"):
        Platform.from_env({**environ, "DUOKUA_INSECURE": "yes"})


def authority() -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    return certificate("Test CA", key, None, key), key


def certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Certificate | None,
    issuer_key: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    loopback = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(minutes=1))
        .not_valid_after(datetime.now(UTC) + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(loopback, critical=False)
    )
    return builder.sign(issuer_key, hashes.SHA256())


def pem(item: x509.Certificate | ec.EllipticCurvePrivateKey) -> bytes:
    if isinstance(item, x509.Certificate):
        return item.public_bytes(serialization.Encoding.PEM)
    return item.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def test_tls_is_checked_with_the_root_certificate(tmp_path: Path) -> None:
    root, root_key = authority()
    key = ec.generate_private_key(ec.SECP256R1())
    credentials = grpc.ssl_server_credentials([(pem(key), pem(certificate("server", key, root, root_key)))])
    root_file = tmp_path / "root.pem"
    root_file.write_bytes(pem(root))
    with FakePlatform(credentials) as fake:
        for given in (root_file, str(root_file), pem(root)):
            with Platform(fake.address, "food-office", KEY, given) as client:
                client.cases.GetCase(GetCaseRequest())
        with Platform(fake.address, "food-office", KEY, pem(authority()[0])) as stranger, pytest.raises(Unavailable):
            stranger.cases.GetCase(GetCaseRequest())
    assert len(fake.calls) == 3


def test_a_root_certificate_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "root.pem").write_text("nothing")
    with pytest.raises(ValueError, match=r"root\.pem holds no certificate in PEM form"):
        Platform("gate:443", "c", KEY, tmp_path / "root.pem")
