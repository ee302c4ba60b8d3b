"""A URL taken apart, in one spelling; what could be read in two ways is refused.  Pure."""

from __future__ import annotations

import ipaddress
import re
from contextlib import suppress
from dataclasses import dataclass

import httpx

from esrag.corpus.records import Unreadable

MAX_LENGTH = 2048
_PORTS = {"http": 80, "https": 443}
_BEGIN = re.compile(r"https?://([^/?#]+)", re.IGNORECASE)
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_-]+)*")
_NUMBER = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)$")
_ESCAPE = re.compile(r"%([0-9a-fA-F]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class WebAddress:
    """``path`` begins with a slash and holds the query; there is no fragment."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> str:
        """Scheme, host and port, the port left out when it is the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = self.port == _PORTS[self.scheme]
        return f"{self.scheme}://{host}" if usual else f"{self.scheme}://{host}:{self.port}"

    @property
    def ip(self) -> IpAddress | None:
        """The host, when it is written as an IP address."""
        try:
            return ipaddress.ip_address(self.host)
        except ValueError:
            return None

    @property
    def file_path(self) -> str:
        """The path without its query and without the slash it begins with."""
        return self.path.partition("?")[0].removeprefix("/")

    def joined(self, reference: str) -> WebAddress:
        """The address that a reference on this page leads to; raises Unreadable."""
        try:
            return parsed(str(httpx.URL(str(self)).join(reference)))
        except httpx.InvalidURL as error:
            raise _bad(reference, str(error)) from error

    def __str__(self) -> str:
        return self.origin + self.path


def parsed(url: str) -> WebAddress:
    """The address of ``url``; raises Unreadable when it is none, or could be taken for another."""
    if len(url) > MAX_LENGTH:
        raise _bad(url, f"longer than {MAX_LENGTH} characters")
    if "\\" in url or any(sign.isspace() or not sign.isprintable() for sign in url):
        raise _bad(url, "holds signs that no address has")
    begin = _BEGIN.match(url)
    if begin is None:
        raise _bad(url, "neither http://… nor https://…")
    if "@" in begin[1]:
        raise _bad(url, "holds a user name or a password")
    try:
        found = httpx.URL(url)
        host = found.raw_host.decode("ascii").lower()
        port = found.port
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise _bad(url, str(error)) from error
    if found.userinfo:
        raise _bad(url, "holds a user name or a password")
    port = _PORTS[found.scheme] if port is None else port
    if not 0 < port < 65_536:
        raise _bad(url, "there is no such port")
    path = _ESCAPE.sub(_same_escape, found.raw_path.decode("ascii")) or "/"
    return WebAddress(found.scheme, _host(url, host), port, path)


def origin_of(text: str) -> WebAddress:
    """An origin as a user writes it, ``https://docs.example.org``; raises Unreadable."""
    found = parsed(text)
    if found.path != "/":
        raise _bad(text, "an origin is scheme, host and port, without a path")
    return found


def _host(url: str, host: str) -> str:
    host = host.removesuffix(".")
    ip = None
    with suppress(ValueError):
        ip = ipaddress.ip_address(host)
    if ip is not None and ("%" in host or host not in url.lower()):
        raise _bad(url, "an IP address is written in plain numbers")
    if ip is not None:
        return str(ip)
    if not _NAME.fullmatch(host):
        raise _bad(url, "the host is neither a name nor an IP address")
    if _NUMBER.fullmatch(host.rpartition(".")[2]):
        raise _bad(url, "the host is a number; write an IP address as four decimal numbers")
    return host


def _same_escape(match: re.Match[str]) -> str:
    sign = chr(int(match[1], 16))
    return sign if sign in _UNRESERVED else match[0].upper()


def _bad(url: str, why: str) -> Unreadable:
    shown = "".join(sign if sign.isprintable() else "?" for sign in url[:200])
    return Unreadable("bad_url", f"{shown!r} is no address that can be read: {why}", stage="list")
