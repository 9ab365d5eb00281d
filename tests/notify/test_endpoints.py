"""Where a webhook may go."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.domain.endpoints import BadEndpointError, check_addresses, is_public, parse


@pytest.mark.parametrize(
    ("url", "authority", "target"),
    [
        ("https://hooks.example.cn/a/b?x=1&y=2", "hooks.example.cn", "/a/b?x=1&y=2"),
        ("https://Hooks.Example.CN:8443", "hooks.example.cn:8443", "/"),
        ("HTTPS://hooks.example.cn:443/", "hooks.example.cn", "/"),
        ("https://[2001:4860:4860::8888]:8443/x", "[2001:4860:4860::8888]:8443", "/x"),
    ],
)
def test_a_good_url_is_taken_apart(url: str, authority: str, target: str) -> None:
    endpoint = parse(url, allow_private=False)
    assert (endpoint.authority, endpoint.target) == (authority, target)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://example.cn/", "https://"),
        ("ftp://example.cn/", "https://"),
        ("file:///etc/passwd", "https://"),
        ("example.cn/hook", "https://"),
        ("https://user@example.cn/", "user name"),
        ("https://user:word@example.cn/", "user name"),
        ("https://example.cn/#part", "fragment"),
        ("https:///hook", "host"),
        ("https://exa_mple..cn/", "host"),
        ("https://[fe80::1%25eth0]/", "host"),
        ("https://[not-an-address]/", "URL|host"),
        ("https://example.cn:99999/", "no URL"),
        ("https://example.cn:0/", "port"),
        ("https://example.cn/ hook", "ASCII"),
        ("https://example.cn/\r\nX-Evil: 1", "ASCII"),
        ("https://example.cn\\@10.0.0.1/", "ASCII"),
        ("https://例子.cn/", "ASCII"),
        ("https://example.cn/" + "a" * 1000, "1000"),
    ],
)
def test_a_bad_url_is_refused_and_told_why(url: str, why: str) -> None:
    with pytest.raises(BadEndpointError, match=why):
        parse(url, allow_private=False)


def test_plain_http_goes_with_private_addresses_only() -> None:
    assert parse("http://127.0.0.1:8080/", allow_private=True).port == 8080


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1", "192.0.2.1", "192.168.1.1",  # noqa: S104 - not to bind to
        "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
        "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fec0::1", "ff02::1", "ff0e::1", "2001:db8::1",
        "2001::1", "100::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1",
        "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1", "4000::1", "nonsense",
    ],
)  # fmt: skip
def test_an_address_that_is_nobodys_outside_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "114.114.114.114", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]
)
def test_an_address_of_the_public_internet_is_public(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_an_address_inside_another_is_judged_as_itself(inner: IPv4Address) -> None:
    number = int(inner)
    for outer in (IPv6Address((0xFFFF << 32) | number), IPv6Address((0x64FF9B << 96) | number)):
        assert is_public(str(outer)) == is_public(str(inner))


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    with pytest.raises(BadEndpointError, match=r"10\.0\.0\.1"):
        check_addresses("example.cn", ["8.8.8.8", "10.0.0.1"], allow_private=False)
    check_addresses("example.cn", ["8.8.8.8", "10.0.0.1"], allow_private=True)


def test_a_name_without_an_address_is_refused() -> None:
    with pytest.raises(BadEndpointError, match="no address"):
        check_addresses("example.cn", [], allow_private=True)
