"""Says which IP addresses may be connected to for the address of a service.

The name is resolved for each connection, and the connection goes to the very address that was
judged; so a name server that answers otherwise a moment later leads nowhere.  A service may stand
in a private network, since who named it in the settings runs it; link-local addresses, where
clouds tell machines their secrets, are never connected to.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence

from esrag.calling.addresses import ServiceAddress
from esrag.calling.ip_kinds import kind_of
from esrag.errors import PermissionDeniedError

Resolve = Callable[[str, int], Sequence[str]]


def resolved(host: str, port: int) -> list[str]:
    """The IP addresses of a host, as the system finds them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def connectable(address: ServiceAddress, resolve: Resolve = resolved) -> list[str]:
    """Where to connect to, in this order.

    Raises OSError when the name leads nowhere, PermissionDeniedError when any of its addresses must
    not be asked.
    """
    if address.ip is not None:
        found: Sequence[str] = [address.host]
    else:
        found = resolve(address.host, address.port)
    ips = [ipaddress.ip_address(text.partition("%")[0]) for text in found]
    if not ips:
        raise OSError(f"the name {address.host} has no address")
    for ip in ips:
        if kind_of(ip) == "forbidden":
            raise PermissionDeniedError(
                f"{address} was not called: {address.host} leads to {ip}, an address that must "
                "not be asked (link-local, metadata, reserved)",
                hint="Is the name server to be trusted? Name the service by its IP address.",
            )
    return [str(ip) for ip in ips]
