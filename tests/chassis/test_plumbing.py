"""Clock, identifiers, pages, settings, the vault, statuses and health."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import grpc
import pytest
from cryptography.exceptions import InvalidTag
from google.rpc import error_details_pb2, status_pb2
from hypothesis import given
from hypothesis import strategies as st
from kombu.utils.url import parse_url
from pydantic import ValidationError
from sqlalchemy.engine import make_url

from chassis import problems
from chassis.clock import SystemClock, new_id, to_milliseconds
from chassis.health import HealthServer
from chassis.paging import LARGEST_KEY, next_token, page
from chassis.problems import Invalid, NotFound, Problem, Violation
from chassis.settings import Settings, is_loopback
from chassis.status import CODES, code_of, details_of
from chassis.vault import Vault, make_key

# Clock


def test_the_time_is_aware_and_in_whole_milliseconds() -> None:
    now = SystemClock().now()
    assert now.tzinfo is UTC
    assert now.microsecond % 1000 == 0
    assert to_milliseconds(datetime(2026, 1, 1, 0, 0, 0, 999_999, UTC)).microsecond == 999_000


def test_identifiers_are_version_7_in_the_order_of_their_milliseconds() -> None:
    before = SystemClock().now()
    ids = [new_id() for _ in range(2000)]
    after = SystemClock().now()
    assert len(set(ids)) == len(ids)
    stamps = [int(each.replace("-", "")[:12], 16) for each in ids]
    assert stamps == sorted(stamps)
    assert before.timestamp() * 1000 <= stamps[0] <= stamps[-1] <= after.timestamp() * 1000 + 1
    for each in ids:
        assert (str(UUID(each)), UUID(each).version, UUID(each).variant) == (each, 7, UUID(ids[0]).variant)
        assert each[19] in "89ab"


# Pages


def test_pages_follow_each_other_without_gaps() -> None:
    rows = list(range(10))
    seen, token = [], ""
    while True:
        asked = page(3, token, kind=int)
        after = int(asked.after[0]) if asked.after else -1
        kept, token = asked.cut([row for row in rows if row > after][: asked.fetch], lambda row: [row])
        seen += kept
        if not token:
            break
    assert seen == rows


def test_the_last_full_page_has_no_token() -> None:
    assert page(3, "").cut([1, 2, 3], lambda row: [row]) == ([1, 2, 3], "")


@pytest.mark.parametrize(("asked", "given_"), [(0, 100), (1, 1), (1000, 1000), (1001, 1000), (2**32 - 1, 1000)])
def test_a_page_has_a_largest_and_a_default_size(asked: int, given_: int) -> None:
    assert page(asked, "").limit == given_
    assert page(2**32 - 1, "", largest=20).limit == 20


@pytest.mark.parametrize("key", [["a", 1], [1], [], ["a\0"], ["\ud800"], [None], [True], [["a"]], [1.5]])
def test_a_key_that_no_database_can_compare_is_refused(key: Any) -> None:
    with pytest.raises(Invalid) as refused:
        page(1, next_token(key))
    assert [violation.field for violation in refused.value.violations] == ["page_token"]


@pytest.mark.parametrize("number", [-1, LARGEST_KEY + 1, 10**400, True])
def test_a_number_that_no_column_holds_is_refused(number: int) -> None:
    with pytest.raises(Invalid, match="BAD_PAGE_TOKEN"):
        page(1, next_token([number]), kind=int)


@given(st.text())
def test_any_text_as_a_token_is_read_or_refused(text: str) -> None:
    try:
        read = page(1, text).after
    except Invalid as refused:
        assert refused.reason == "BAD_PAGE_TOKEN"  # noqa: PT017 - most texts are refused, some may not be
    else:
        assert read is None or isinstance(read[0], str)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=1, max_size=3))
def test_a_token_brings_its_key_back(key: list[str]) -> None:
    assert page(1, next_token(key), keys=len(key)).after == key


# Settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("listen", "7443"),
        ("listen", "localhost:"),
        ("listen", "localhost:http"),
        ("listen", "localhost:70000"),
        ("listen", "localhost:²"),
        ("health_listen", "x"),
        ("api_threads", "0"),
        ("lease_seconds", "0"),
        ("lease_seconds", "many"),
        ("log_level", "LOUD"),
        ("log_format", "xml"),
        ("database_url", "mysql://x/{service}"),
        ("database_url", "postgresql://x/duokua"),
        ("broker_url", "http://x"),
        ("broker_url", "amqp://duokua@mq1:5672,mq2:/v"),
        ("broker_heartbeat_seconds", "1"),
    ],
)
def test_a_bad_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"DUOKUA_{name.upper()}", value)
    with pytest.raises(ValidationError, match=name):
        Settings()


def test_every_service_has_a_database_of_its_own(tmp_path: Path) -> None:
    assert Settings(data_dir=tmp_path).database_url_of("cases") == f"sqlite:///{tmp_path}/cases.sqlite3"
    url = "postgresql://duokua@db:5432/duokua_{service}"
    assert Settings(database_url=url).database_url_of("cases") == "postgresql://duokua@db:5432/duokua_cases"


@pytest.mark.parametrize("password", ["plain", "p@ss:w/rd", "100% safe? #1", "密码"])
def test_a_password_file_may_hold_any_password(tmp_path: Path, password: str) -> None:
    file = tmp_path / "password"
    file.write_text(password + "\n")
    settings = Settings(
        database_url="postgresql://duokua@db:5432/duokua_{service}",
        database_password_file=file,
        broker_url="amqp://duokua@mq:5672/v",
        broker_password_file=file,
    )
    database = make_url(settings.database_url_of("cases"))
    assert (database.password, database.host, database.database) == (password, "db", "duokua_cases")
    broker = parse_url(settings.broker_url_with_password())
    assert (broker["password"], broker["hostname"], broker["virtual_host"]) == (password, "mq", "v")


@pytest.mark.parametrize("url", ["postgresql://db/duokua_{service}", "postgresql://a:b@db/duokua_{service}"])
def test_a_password_file_needs_a_user_and_no_password_in_the_url(tmp_path: Path, url: str) -> None:
    settings = Settings(database_url=url, database_password_file=tmp_path / "password")
    with pytest.raises(ValueError, match="scheme://user@host"):
        settings.database_url_of("cases")


def test_a_missing_secret_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"secrets/vault\.key"):
        Settings(data_dir=tmp_path).secret("vault.key")
    assert not Settings(data_dir=tmp_path).has_secret("vault.key")


def test_endpoints_are_one_for_all_or_one_each() -> None:
    assert Settings(listen="a:1").endpoint("cases") == "a:1"
    assert Settings(endpoints="b:2").endpoint("cases") == "b:2"
    each = Settings(endpoints="identity=c:3, cases=d:4,")
    assert each.endpoint("cases") == "d:4"
    with pytest.raises(ValueError, match="DUOKUA_ENDPOINTS names no address for notify"):
        each.endpoint("notify")


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("127.0.0.1:1", True),
        ("localhost:1", True),
        ("[::1]:1", True),
        ("0.0.0.0:1", False),
        ("localhost.evil:1", False),
    ],
)
def test_loopback_is_known(address: str, loopback: bool) -> None:  # noqa: FBT001
    assert is_loopback(address) is loopback


# Vault


@pytest.fixture
def vault() -> Vault:
    return Vault(bytes(range(32)))


@given(st.binary(max_size=100), st.text(max_size=20))
def test_what_the_vault_took_it_gives_back(plain: bytes, context: str) -> None:
    vault = Vault(bytes(range(32)))
    sealed = vault.encrypt(plain, context=context)
    assert vault.decrypt(sealed, context=context) == plain
    assert sealed != vault.encrypt(plain, context=context)


def test_a_changed_or_moved_value_is_refused(vault: Vault) -> None:
    sealed = vault.encrypt(b"330106199003071236", context="person.number")
    for index in range(1, len(sealed)):
        changed = bytearray(sealed)
        changed[index] ^= 1
        with pytest.raises(InvalidTag):
            vault.decrypt(bytes(changed), context="person.number")
    with pytest.raises(InvalidTag):
        vault.decrypt(sealed, context="webhook.secret")
    with pytest.raises(InvalidTag):
        Vault(bytes(32)).decrypt(sealed, context="person.number")
    for foreign in (b"", b"\x02" + sealed[1:], b"plain text"):
        with pytest.raises(ValueError, match="not encrypted by the vault"):
            vault.decrypt(foreign, context="person.number")


def test_fingerprints_find_values_of_one_context_and_one_key(vault: Vault) -> None:
    one = vault.fingerprint(b"x", context="a")
    assert one == vault.fingerprint(b"x", context="a")
    others = {
        vault.fingerprint(b"y", context="a"),
        vault.fingerprint(b"x", context="b"),
        Vault(bytes(32)).fingerprint(b"x", context="a"),
    }
    assert one not in others
    assert len(others) == 3


def test_the_vaults_key_is_a_secret_of_32_bytes(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    settings.secrets_folder.mkdir()
    (settings.secrets_folder / "vault.key").write_bytes(make_key() + b"\n")
    assert Vault.from_settings(settings).fingerprint(b"x", context="a")
    (settings.secrets_folder / "vault.key").write_bytes(b"c2hvcnQ=")
    with pytest.raises(ValueError, match=r"vault\.key is damaged: it has to hold keys of 32 bytes"):
        Vault.from_settings(settings)


# Statuses


def test_every_kind_of_problem_has_its_own_status() -> None:
    kinds = {each for each in vars(problems).values() if isinstance(each, type) and issubclass(each, Problem)}
    assert set(CODES) == kinds - {Problem}
    assert len(set(CODES.values())) == len(CODES)
    assert code_of(Problem("X", "x")) is grpc.StatusCode.UNKNOWN


def unpacked(problem: Problem) -> tuple[status_pb2.Status, error_details_pb2.ErrorInfo, error_details_pb2.BadRequest]:
    status = status_pb2.Status.FromString(details_of(problem))
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status.details:
        detail.Unpack(info)
        detail.Unpack(bad)
    return status, info, bad


def test_a_problem_tells_its_reason_its_metadata_and_its_fields() -> None:
    status, info, _ = unpacked(NotFound("CASE_NOT_FOUND", "there is no case c1", case_id="c1"))
    assert (status.code, status.message, len(status.details)) == (5, "there is no case c1", 1)
    assert (info.reason, info.domain, dict(info.metadata)) == ("CASE_NOT_FOUND", "duokua", {"case_id": "c1"})
    _, info, bad = unpacked(Invalid("BAD", "bad", [Violation("a.b", "too long")]))
    assert [(each.field, each.description) for each in bad.field_violations] == [("a.b", "too long")]


def test_details_fit_in_one_header_block() -> None:
    violations = [Violation("字" * 500, "段" * 500) for _ in range(100)]
    problem = Invalid("BAD", "错" * 5000, violations, one="二" * 5000)
    _, info, bad = unpacked(problem)
    assert info.reason == "BAD"
    assert bad.field_violations
    assert len(details_of(problem)) * 4 / 3 < 8192 - 2000


# Health


@contextmanager
def health(checks: Any) -> Iterator[str]:
    server = HealthServer("127.0.0.1:0", checks)
    server.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.stop()


def got(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - of the test's own server
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_a_process_is_ready_while_its_checks_pass() -> None:
    broken: list[str] = []

    def check() -> None:
        if broken:
            raise OSError(broken[0])

    with health({"database cases": check}) as url:
        assert got(f"{url}/live") == (200, "live\n")
        assert got(f"{url}/ready") == (200, "ready\n")
        broken.append("gone\nfor good")
        assert got(f"{url}/ready") == (503, "database cases: OSError: gone\n")
        assert got(f"{url}/live") == (200, "live\n")
        assert "python_info" in got(f"{url}/metrics")[1]
        assert got(f"{url}/")[0] == 404
