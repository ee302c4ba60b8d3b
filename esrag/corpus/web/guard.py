"""Says which IP addresses may be connected to for a web address, if any.

An address has to be of an origin that the user named, and the IP address behind it has to be a
public one, or that which the user wrote, or of a network that the user allowed.  A host is
resolved once a run, so an answer of DNS that changes later leads nowhere.
"""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable, Sequence

from esrag.calling.guard import resolved
from esrag.calling.ip_kinds import IpAddress, kind_of
from esrag.corpus.records import Unreadable
from esrag.corpus.web.addresses import WebAddress, origin_of
from esrag.errors import UsageError

Resolve = Callable[[str, int], Sequence[str]]
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Guard:
    """Allows ``origins``, and of private networks only ``networks`` and what an origin spells."""

    def __init__(
        self,
        origins: Sequence[str] = (),
        networks: Sequence[str] = (),
        *,
        resolve: Resolve = resolved,
    ) -> None:
        self._origins: set[str] = set()
        self._networks = [_network(text) for text in networks]
        self._resolve = resolve
        self._pinned: dict[tuple[str, int], tuple[IpAddress, ...]] = {}
        self._lock = threading.Lock()
        for text in origins:
            try:
                self.allow(origin_of(text))
            except Unreadable as error:
                raise UsageError(f"{text} is no origin: {error.reason}") from error

    def allow(self, address: WebAddress) -> None:
        """Allow the origin of an address that the user named."""
        self._origins.add(address.origin)

    def allows(self, address: WebAddress) -> bool:
        """Whether the origin is one of those that the user named."""
        return address.origin in self._origins

    def ips(self, address: WebAddress) -> tuple[IpAddress, ...]:
        """Where to connect to; raises Unreadable when nowhere."""
        if not self.allows(address):
            reason = f"the origin {address.origin} was not allowed (--allow-origin)"
            raise Unreadable("origin_not_allowed", reason, stage="read")
        key = (address.host, address.port)
        with self._lock:
            if key not in self._pinned:
                self._pinned[key] = self._looked_up(address)
            return self._pinned[key]

    def _looked_up(self, address: WebAddress) -> tuple[IpAddress, ...]:
        written = address.ip
        if written is not None:
            ips: tuple[IpAddress, ...] = (written,)
        else:
            try:
                found = self._resolve(address.host, address.port)
            except (OSError, UnicodeError) as error:
                reason = f"the host name {address.host} cannot be resolved: {error}"
                raise Unreadable("unreachable", reason, stage="read") from error
            ips = tuple(ipaddress.ip_address(text.partition("%")[0]) for text in found)
        if not ips:
            reason = f"the host name {address.host} has no address"
            raise Unreadable("unreachable", reason, stage="read")
        for ip in ips:
            self._require(address, ip)
        return ips

    def _require(self, address: WebAddress, ip: IpAddress) -> None:
        kind = kind_of(ip)
        if kind == "public" or (kind != "forbidden" and self._spelt_or_allowed(address, ip)):
            return
        where = {"loopback": "this machine", "private": "a private network"}
        what = where.get(kind, "what must not be asked (link-local, metadata, reserved)")
        way_out = "" if kind == "forbidden" else f"; --allow-network {ip} allows it"
        reason = f"{address.host} leads to {ip}, an address of {what}{way_out}"
        raise Unreadable("address_blocked", reason, stage="read")

    def _spelt_or_allowed(self, address: WebAddress, ip: IpAddress) -> bool:
        if address.ip is not None or (address.host == "localhost" and ip.is_loopback):
            return True  # the user wrote just that into an origin
        return any(ip in network for network in self._networks)


def _network(text: str) -> _Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise UsageError(
            f"{text!r} is no network: {error}", hint="Write it as 10.1.0.0/16."
        ) from error
