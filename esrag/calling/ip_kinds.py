"""What kind of network an IP address belongs to; the one judgement for all that connects.  Pure."""

from __future__ import annotations

import ipaddress
from typing import Literal

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpKind = Literal["public", "private", "loopback", "forbidden"]

# where clouds answer questions about a machine; never a place for documents, nor a service
_METADATA = frozenset(
    map(
        ipaddress.ip_address,
        ("169.254.169.254", "168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254"),
    )
)
_EMBEDDING = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))


def kind_of(ip: IpAddress) -> IpKind:
    """``public``, ``private``, ``loopback`` or ``forbidden``; of an embedded address its own."""
    inner = _embedded(ip)
    if inner is not None:
        return "forbidden" if kind_of(inner) != "public" else "public"
    if ip in _METADATA or ip.is_link_local or ip.is_multicast or ip.is_unspecified:
        return "forbidden"
    if ip.is_loopback:
        return "loopback"
    if ip.is_reserved and ip.version == 4:
        return "forbidden"
    return "public" if ip.is_global else "private"


def _embedded(ip: IpAddress) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for, in any of the ways that exist."""
    if isinstance(ip, ipaddress.IPv4Address):
        return None
    if any(ip in network for network in _EMBEDDING) or int(ip) >> 32 == 0 < int(ip) >> 16:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
