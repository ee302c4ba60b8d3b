"""The address of a service, as a setting names it, in one spelling.  Pure.

What two programs could read in two ways is refused, since a check by one reading protects nobody
from the other: user names, numbers in place of an IP address, escapes in a host, and the like.
"""

from __future__ import annotations

import ipaddress
import re
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from esrag.calling.ip_kinds import IpAddress, kind_of

MAX_LENGTH = 2048
_PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_-]+)*")
_NUMBER = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)$")


@dataclass(frozen=True, slots=True)
class ServiceAddress:
    """``path`` is what stands before every path of the service: "" or begins with a slash."""

    scheme: str
    host: str
    port: int
    path: str = ""

    @property
    def authority(self) -> str:
        """Host and port, the port left out when it is the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def ip(self) -> IpAddress | None:
        """The host, when it is written as an IP address."""
        try:
            return ipaddress.ip_address(self.host)
        except ValueError:
            return None

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"


def service_address(url: str) -> ServiceAddress:
    """The address that ``url`` is; raises ValueError, whose words say why it is none."""
    if len(url) > MAX_LENGTH:
        raise ValueError(f"an address has at most {MAX_LENGTH} characters")
    if not url.isascii() or "\\" in url or any(c.isspace() or not c.isprintable() for c in url):
        raise ValueError(f"{_shown(url)} holds signs that no address has")
    scheme, found, rest = url.partition("://")
    scheme = scheme.lower()
    if not found or scheme not in _PORTS:
        raise ValueError(f"{_shown(url)} is no address: give it as http://host:8080")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in authority:
        raise ValueError(
            "an address holds no user name or password; they are settings of their own"
        )
    if "?" in rest or "#" in rest:
        raise ValueError(f"{_shown(url)} holds a query or a fragment; give the address alone")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError as error:
        raise ValueError(f"{_shown(url)} is no address: {error}") from error
    port = _PORTS[scheme] if port is None else port
    if not port or authority.endswith(":"):
        raise ValueError(f"{_shown(url)} names no port that there is")
    return ServiceAddress(scheme, _host(authority, host), port, _path(url, parts.path))


def _path(url: str, path: str) -> str:
    path = path.rstrip("/")
    if "//" in path or "%" in path or any(part in (".", "..") for part in path.split("/")):
        raise ValueError(f"{_shown(url)}: write the path plainly, without escapes and dots")
    return path


def _host(authority: str, host: str) -> str:
    host = host.removesuffix(".")
    ip = None
    with suppress(ValueError):
        ip = ipaddress.ip_address(host)
    if ip is None:
        if not _NAME.fullmatch(host):
            raise ValueError(f"{_shown(authority)} is neither the name of a host nor an IP address")
        if _NUMBER.fullmatch(host.rpartition(".")[2]):
            raise ValueError(
                f"{_shown(host)} is a number; write an IP address as four decimal numbers"
            )
        return host
    if "%" in host or (ip.version == 6) != authority.startswith("["):
        raise ValueError(f"{_shown(authority)}: write an IP address plainly, and IPv6 in brackets")
    if kind_of(ip) == "forbidden":
        raise ValueError(f"{ip} is no place for a service (link-local, metadata, reserved)")
    return str(ip)


def _shown(text: str) -> str:
    return repr("".join(c if c.isprintable() else "?" for c in text[:200]))
