"""Where a webhook may go: the form of its URL, and the addresses that are nobody's inside.

A webhook lets its owner make the platform open connections, so everything here refuses rather than guesses
(server-side request forgery).
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

LONGEST_URL = 1000

_HOST = re.compile(r"[0-9a-z_-]+(\.[0-9a-z_-]+)*\.?", re.IGNORECASE)
_VISIBLE_ASCII = re.compile(r"[!-~]+")
_PORTS = {"https": 443, "http": 80}

# The only IPv6 space given out for the public internet (IANA), and what translates to IPv4 (RFC 6052, RFC 3056).
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")


class BadEndpointError(ValueError):
    """The URL cannot be a webhook's; the message says why."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A URL taken apart: what to connect to, and what to ask for there."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """The Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def parse(url: str, *, allow_private: bool) -> Endpoint:
    """Takes a URL apart. Plain http is for private networks only. Raises BadEndpointError."""
    if len(url) > LONGEST_URL:
        raise BadEndpointError(f"must be at most {LONGEST_URL} characters")
    if not _VISIBLE_ASCII.fullmatch(url) or "\\" in url:
        raise BadEndpointError("must be visible ASCII without backslashes; escape other characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadEndpointError(f"is no URL: {error}") from None
    if parts.scheme not in ({"https", "http"} if allow_private else {"https"}):
        raise BadEndpointError("must begin with https://")
    if "@" in parts.netloc:
        raise BadEndpointError("must not hold a user name or password")
    if "#" in url:
        raise BadEndpointError("must not hold a fragment")
    host = parts.hostname or ""
    if not _is_host(host):
        raise BadEndpointError("must name a host")
    if port == 0:
        raise BadEndpointError("must name a port between 1 and 65535")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Endpoint(parts.scheme, host, port or _PORTS[parts.scheme], target)


def check_addresses(host: str, addresses: list[str], *, allow_private: bool) -> None:
    """Raises BadEndpointError unless there is an address and every one of them may be connected to.

    Every one: a name with a public and a private address would reach the private one sooner or later.
    """
    if not addresses:
        raise BadEndpointError(f"{host} has no address")
    for address in addresses:
        if not (allow_private or is_public(address)):
            raise BadEndpointError(f"{host} has the address {address}, which is not on the public internet")


def is_public(address: str) -> bool:
    """Whether an address is on the public internet, and so is the IPv4 address inside it where there is one."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return _is_public_v4(parsed) if isinstance(parsed, IPv4Address) else _is_public_v6(parsed)


def _is_public_v4(address: IPv4Address) -> bool:
    return address.is_global and not address.is_multicast


def _is_public_v6(address: IPv6Address) -> bool:
    if address.scope_id is not None:
        return False
    if address.ipv4_mapped is not None:
        return _is_public_v4(address.ipv4_mapped)
    if address in _NAT64:
        return _is_public_v4(IPv4Address(int(address) & 0xFFFFFFFF))
    if address.sixtofour is not None:
        return _is_public_v4(address.sixtofour)
    return address in _GLOBAL_UNICAST and address.is_global


def _is_host(host: str) -> bool:
    if ":" in host:
        try:
            return IPv6Address(host).scope_id is None
        except ValueError:
            return False
    return len(host) <= 253 and _HOST.fullmatch(host) is not None
