"""Web addresses that people may have us send to, and the network addresses that never are."""

import ipaddress
import re
import socket
from collections.abc import Collection
from typing import Final
from urllib.parse import urljoin, urlsplit

import msgspec

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LONGEST_URL: Final = 2000
PORTS: Final = {"https": 443, "http": 80}

_VISIBLE: Final = re.compile(r"[!-~]+")
_LABEL: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME: Final = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*\.?")
_UNICAST: Final = ipaddress.ip_network("2000::/3")
_NO_MACHINES: Final = tuple(
    map(
        ipaddress.ip_network,
        (
            "2002::/16",  # 6to4: an IPv4 address inside (RFC 3056)
            "2001::/32",  # Teredo: two of them (RFC 4380)
            "192.88.99.0/24",  # the relays of 6to4 (RFC 7526)
            "192.0.0.0/24",  # for protocols (RFC 6890); Python knows some of it only
            "3fff::/20",  # documentation (RFC 9637)
        ),
    )
)


class InvalidUrl(ValueError):
    """Text that is no address we would send to."""


class Target(msgspec.Struct, frozen=True):
    """An address in its parts, so that nobody reads it a second time, in another way.

    `host` is a name, or an IP address without brackets; `path` is all that comes after the port.
    """

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """What the `Host` header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def parse_target(url: str) -> Target:
    """An `http` or `https` address; raises `InvalidUrl`.

    Visible ASCII only, a host name or an IP address, nobody's name or password, no fragment.
    """
    if len(url) > LONGEST_URL or not _VISIBLE.fullmatch(url) or "\\" in url or "#" in url:
        raise InvalidUrl
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise InvalidUrl from error
    if parts.scheme not in PORTS or not host or "@" in parts.netloc or port == 0:
        raise InvalidUrl
    if parts.netloc.endswith(":") or not (_is_ipv6(host) if ":" in host else _NAME.fullmatch(host)):
        raise InvalidUrl
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or PORTS[parts.scheme], path)


def next_target(current: Target, location: str) -> Target:
    """Where a redirect leads; raises `InvalidUrl`."""
    here = f"{current.scheme}://{current.authority}{current.path}"
    try:
        there = urljoin(here, location)
    except ValueError as error:
        raise InvalidUrl from error
    return parse_target(there.partition("#")[0])


def literal_address(host: str) -> IpAddress | None:
    """The IP address that a host is, in any way of writing one (`127.1`, `0x7f000001`), or None."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host.rstrip(".")))
    except OSError:
        return None


def is_among(address: IpAddress, networks: Collection[Network]) -> bool:
    """Whether an address is in one of these networks; an IPv4 one in IPv6's clothes, too."""
    mapped = getattr(address, "ipv4_mapped", None)
    return any(one in network for one in (address, mapped) if one for network in networks)


def is_public(address: IpAddress) -> bool:
    """Whether an address is one machine's on the internet: global unicast.

    Private, shared, loopback, link-local, multicast and reserved ones are none (the registries of
    RFC 6890), nor is any form of IPv6 that holds an IPv4 address and leads to it.
    """
    if address.is_multicast or address.is_reserved or not address.is_global:
        return False
    if any(address in network for network in _NO_MACHINES):
        return False
    return address.version == 4 or address in _UNICAST


def _is_ipv6(host: str) -> bool:
    try:
        return ipaddress.IPv6Address(host).scope_id is None
    except ValueError:
        return False
