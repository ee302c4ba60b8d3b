"""Fetches one page into the spool: guarded, polite, and bounded in bytes and seconds.

Redirects are followed here and nowhere else, each one judged like a new address.  A connection
goes to the IP address that the guard gave, while certificate and Host header stay those of the
name.  Proxies of the environment are not used: behind one nobody knows who is connected to.
Cookies are not kept.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import cast

import httpx

from esrag import __version__
from esrag.corpus.fetching import Passing, TooSlow, with_tries, within
from esrag.corpus.records import Unreadable
from esrag.corpus.spool import Spool
from esrag.corpus.web.addresses import WebAddress
from esrag.corpus.web.guard import Guard

USER_AGENT = "esrag"
REDIRECTS = 5
TRIES = 3
SECONDS = 120.0  # for one answer, all in all
_LEEWAY = 10.0
_TIMEOUT = {"connect": 5.0, "read": 30.0, "write": 10.0, "pool": 10.0}
_BLOCK = 256 * 1024
_REDIRECTS = (301, 302, 303, 307, 308)
_REASONS = {404: "not_found", 410: "not_found", 401: "forbidden", 403: "forbidden"}

Ending = Callable[[WebAddress, str], str]


@dataclass(frozen=True, slots=True)
class Fetched:
    """A page that lies in the spool; ``address`` is where it was in the end."""

    address: WebAddress
    media_type: str
    path: Path


class Pace:
    """Keeps requests to one origin ``seconds`` apart, or as far as the site asks for."""

    def __init__(self, seconds: float, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._seconds = seconds
        self._sleep = sleep
        self._asked: dict[str, float] = {}
        self._next: dict[str, float] = {}

    def ask(self, origin: str, seconds: float) -> None:
        """Remember what a site asks for."""
        self._asked[origin] = seconds

    def turn(self, origin: str) -> None:
        """Return when it is time for the next request."""
        now = time.monotonic()
        begin = max(now, self._next.get(origin, 0.0))
        self._next[origin] = begin + max(self._seconds, self._asked.get(origin, 0.0))
        if begin > now:
            self._sleep(begin - now)


def plain_transport() -> httpx.BaseTransport:
    """What connections are made with; each origin has its own."""
    return httpx.HTTPTransport(
        verify=httpx.create_ssl_context(),
        trust_env=False,
        limits=httpx.Limits(max_connections=4, max_keepalive_connections=1),
    )


class WebClient:
    """Asks only for what ``guard`` allows; ``spool`` takes the pages."""

    def __init__(
        self,
        guard: Guard,
        spool: Spool,
        *,
        pace: Pace,
        transport: Callable[[], httpx.BaseTransport] = plain_transport,
    ) -> None:
        self.guard = guard
        self.pace = pace
        self._spool = spool
        self._new_transport = transport
        # one an origin: a connection to a host must not be used for another at the same IP address
        self._transports: dict[str, httpx.BaseTransport] = {}

    def close(self) -> None:
        """End all connections; the next page opens new ones."""
        for transport in self._transports.values():
            transport.close()
        self._transports.clear()

    def fetch(
        self,
        address: WebAddress,
        *,
        max_bytes: int,
        ending: Ending,
        allowed: Callable[[WebAddress], None] = lambda _: None,
    ) -> Fetched:
        """The page at ``address``, wherever it leads; raises Unreadable.

        ``ending`` gives the ending of the file for an address and a media type before the page is
        read; ``allowed`` is asked for each address on the way.  Both may raise.
        """
        for _ in range(REDIRECTS + 1):
            allowed(address)
            found = self._with_tries(address, max_bytes, ending)
            if isinstance(found, Fetched):
                return found
            if not self.guard.allows(found):
                reason = f"leads on to {found.origin}, which was not allowed (--allow-origin)"
                raise Unreadable("redirected", reason, stage="read")
            address = found
        raise Unreadable("redirected", f"leads on more than {REDIRECTS} times", stage="read")

    def _with_tries(
        self, address: WebAddress, max_bytes: int, ending: Ending
    ) -> Fetched | WebAddress:
        def attempt() -> Fetched | WebAddress:
            self.pace.turn(address.origin)
            deadline = time.monotonic() + SECONDS
            return within(
                SECONDS + _LEEWAY, lambda: self._ask(address, max_bytes, ending, deadline)
            )

        try:
            return with_tries(attempt, tries=TRIES)
        except Passing as error:
            raise Unreadable("unreachable", error.reason, stage="read") from error
        except TooSlow:
            reason = f"not fetched within {SECONDS:.0f} s"
            raise Unreadable("too_slow", reason, stage="read") from None

    def _ask(
        self, address: WebAddress, max_bytes: int, ending: Ending, deadline: float
    ) -> Fetched | WebAddress:
        """One request: the page, or where it leads."""
        try:
            answer = self._send(address)
        except httpx.TransportError as error:
            words = " ".join(str(error).split()) or type(error).__name__
            raise Passing(f"{address.origin}: {words}") from error
        stream = cast(httpx.SyncByteStream, answer.stream)
        try:
            location = answer.headers.get("location", "")
            if answer.status_code in _REDIRECTS and location:
                return address.joined(location)
            _require_success(answer)
            media_type = _one_line(answer.headers.get("content-type", ""))
            _require_size(answer.headers.get("content-length", ""), max_bytes)
            encoding = answer.headers.get("content-encoding", "").strip().lower()
            path = self._spool.write(
                _decoded(_in_time(stream, deadline), encoding),
                ending=ending(address, media_type),
                max_bytes=max_bytes,
            )
            return Fetched(address, media_type, path)
        except httpx.TransportError as error:
            raise Passing(f"{address.origin}: the answer broke off: {error}") from error
        finally:
            stream.close()

    def _send(self, address: WebAddress) -> httpx.Response:
        ips = self.guard.ips(address)
        transport = self._transports.get(address.origin)
        if transport is None:
            transport = self._transports[address.origin] = self._new_transport()
        for ip in ips[:-1]:
            with suppress(httpx.ConnectError, httpx.ConnectTimeout):
                return transport.handle_request(_request(address, str(ip)))
        return transport.handle_request(_request(address, str(ips[-1])))


def _request(address: WebAddress, ip: str) -> httpx.Request:
    host = f"[{ip}]" if ":" in ip else ip
    headers = {
        "Host": address.origin.partition("://")[2],
        "User-Agent": f"{USER_AGENT}/{__version__}",
        "Accept": "*/*",
        "Accept-Encoding": "gzip",
    }
    return httpx.Request(
        "GET",
        f"{address.scheme}://{host}:{address.port}{address.path}",
        headers=headers,
        extensions={"sni_hostname": address.host, "timeout": _TIMEOUT},
    )


def _require_success(answer: httpx.Response) -> None:
    status = answer.status_code
    if status == 200:
        return
    words = f"answered {status} {answer.reason_phrase}".rstrip()
    if status in (408, 425, 429) or status >= 500:
        raise Passing(words, after=_seconds(answer.headers.get("retry-after", "")))
    raise Unreadable(_REASONS.get(status, "http_status"), words, stage="read")


def _seconds(retry_after: str) -> float:
    """How long a site asks to be left alone; 0 when it does not say."""
    if retry_after.strip().isdecimal():
        return float(retry_after[:9])
    try:
        until = parsedate_to_datetime(retry_after)
    except ValueError:
        return 0.0
    return max(0.0, (until.astimezone(UTC) - datetime.now(UTC)).total_seconds())


def _require_size(content_length: str, max_bytes: int) -> None:
    if content_length.isdecimal() and int(content_length[:18]) > max_bytes:
        size = f"{int(content_length[:18]) / 1_048_576:.0f} MiB"
        limit = f"{max_bytes / 1_048_576:.0f} MiB"
        raise Unreadable("too_large", f"{size}; the limit is {limit} a file", stage="read")


def _in_time(stream: Iterable[bytes], deadline: float) -> Iterator[bytes]:
    for part in stream:
        if time.monotonic() > deadline:
            raise TooSlow
        yield part


def _decoded(parts: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """The bytes of a page, unpacked in small pieces."""
    if encoding in ("", "identity"):
        yield from parts
        return
    if encoding not in ("gzip", "x-gzip", "deflate"):
        reason = f"the answer is encoded as {_one_line(encoding)}, which was not asked for"
        raise Unreadable("unreadable", reason, stage="read")
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 32)  # gzip or zlib, by its head
    try:
        for part in parts:
            rest = part
            while rest and not unpacking.eof:
                yield unpacking.decompress(rest, _BLOCK)
                rest = unpacking.unconsumed_tail
        yield unpacking.flush()
    except zlib.error as error:
        raise Passing(f"the answer is no {encoding}") from error
    if not unpacking.eof:
        raise Passing("the answer broke off")


def _one_line(header: str) -> str:
    return "".join(sign for sign in header[:200] if sign.isprintable()).strip()
