"""HTTP connections to one service: kept open, guarded, with limits, ended by whoever may end them.

Only the address that the settings name is ever contacted: redirects are answers like any other,
proxies of the environment are not used, and no cookie is kept.  Any number of threads may call at
once; each call has a connection of its own meanwhile.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Protocol

from esrag import __version__
from esrag.calling.addresses import ServiceAddress
from esrag.calling.guard import Resolve, connectable, resolved
from esrag.calling.wire import Limit, TooSlowError, Wire
from esrag.errors import UsageError

MOST_IDLE = 64
IDLE_SECONDS = 60.0
MOST_BYTES = 8 * 2**20
_PART = 65_536


class Stop(Protocol):
    """What can call work off: a Cancellation."""

    def check(self) -> None:
        """Raise when the work has been called off."""

    def calling(self, callback: Callable[[], None], /) -> AbstractContextManager[None]:
        """Run the callback when it is called off in the block."""


class BrokenError(Exception):
    """No connection, or one that broke; ``answered`` when the answer had begun."""

    def __init__(self, why: str, *, answered: bool = False, connected: bool = True) -> None:
        super().__init__(why)
        self.answered = answered
        self.connected = connected


class Reply:
    """An answer whose body is still to be read."""

    def __init__(
        self, response: http.client.HTTPResponse, wire: Wire, stop: Stop | None = None
    ) -> None:
        self._response = response
        self._wire = wire
        self._stop = stop
        self.status = response.status

    @property
    def limit(self) -> Limit:
        """Until when the next bytes have to come."""
        return self._wire.limit

    @limit.setter
    def limit(self, limit: Limit) -> None:
        self._wire.limit = limit

    def header(self, name: str) -> str:
        """A header's value; "" when it was not sent."""
        return self._response.getheader(name) or ""

    def parts(self) -> Iterator[bytes]:
        """The body as it arrives; raises BrokenError when it ends before its end."""
        while part := self._read():
            yield part

    def read(self, most: int = MOST_BYTES) -> bytes:
        """The whole body, or its first ``most`` bytes."""
        body = bytearray()
        for part in self.parts():
            body += part
            if len(body) >= most:
                break
        return bytes(body[:most])

    @property
    def is_whole(self) -> bool:
        """Whether the body has been read to its end and the connection can be used again."""
        read = self._response.isclosed() or self._response.length == 0
        return read and not self._response.will_close

    def _read(self) -> bytes:
        try:
            part = self._response.read1(_PART)
        except (OSError, http.client.HTTPException) as error:
            _check(self._stop)
            raise BrokenError(_why(error), answered=True) from error
        if not part:  # the end, or ours
            _check(self._stop)
        return part


class Exchanges(Protocol):
    """What makes calls: Connections, or in tests something that only seems to."""

    def exchange(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        connect: Limit,
        answer: Limit,
        headers: Mapping[str, str] | None = None,
        stop: Stop | None = None,
        on_sent: Callable[[], None] | None = None,
    ) -> AbstractContextManager[Reply]:
        """Send a request; the block reads the answer."""

    def close(self) -> None:
        """Let go of what is idle."""


class Connections:
    """The connections to ``address``.

    ``headers`` go out with each request.  ``ca_certs`` is the file of an authority to be trusted
    instead of the system's.  ``resolve`` replaces the name server, for tests.
    """

    def __init__(
        self,
        address: ServiceAddress,
        *,
        headers: Mapping[str, str] | None = None,
        ca_certs: Path | None = None,
        resolve: Resolve = resolved,
    ) -> None:
        self.address = address
        self._headers = {
            "Host": address.authority,
            "User-Agent": f"esrag/{__version__}",
            "Accept-Encoding": "identity",
            **(headers or {}),
        }
        self._resolve = resolve
        self._tls = _tls(ca_certs) if address.scheme == "https" else None
        self._lock = threading.Lock()
        self._idle: list[tuple[float, Wire]] = []
        self._closed = False

    @contextmanager
    def exchange(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        connect: Limit,
        answer: Limit,
        headers: Mapping[str, str] | None = None,
        stop: Stop | None = None,
        on_sent: Callable[[], None] | None = None,
    ) -> Iterator[Reply]:
        """Send a request; the block reads the answer.

        ``body`` is sent as JSON.  ``on_sent`` is called when it is on its way and nothing has been
        awaited yet, which is the time for other work.  Leaving the block before the end of the
        body closes the connection, by which the service sees that nobody waits any more.  Raises
        BrokenError, TooSlowError, and what ``stop`` raises.
        """
        sent = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        request = _Request(
            method, self.address.path + path, sent, {**self._headers, **(headers or {})}
        )
        request.on_sent = on_sent
        wire, reply = self._answered(request, connect=connect, answer=answer, stop=stop)
        try:
            with _stopping(stop, wire):
                yield reply
        except BaseException:
            wire.close()
            raise
        if reply.is_whole:
            self._returned(wire)
        else:
            wire.close()

    def close(self) -> None:
        """Close what is idle; calls that are under way end by themselves."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for _, wire in idle:
            wire.close()

    def _answered(
        self, request: _Request, *, connect: Limit, answer: Limit, stop: Stop | None
    ) -> tuple[Wire, Reply]:
        """Send and read the head of the answer; once more when an idle connection was dead."""
        _check(stop)
        wire = self._taken()
        if wire is not None:
            try:
                return wire, request.sent(wire, answer, stop)
            except BrokenError:
                pass
        wire = self._opened(connect, stop)
        return wire, request.sent(wire, answer, stop)

    def _taken(self) -> Wire | None:
        """The connection that was used last, if it is still good."""
        oldest = time.monotonic() - IDLE_SECONDS
        while True:
            with self._lock:
                if not self._idle:
                    return None
                since, wire = self._idle.pop()
            if since > oldest and wire.is_quiet():
                return wire
            wire.close()

    def _returned(self, wire: Wire) -> None:
        with self._lock:
            if not self._closed and len(self._idle) < MOST_IDLE:
                self._idle.append((time.monotonic(), wire))
                return
        wire.close()

    def _opened(self, limit: Limit, stop: Stop | None) -> Wire:
        """A new connection to the first of the address's IP addresses that takes one."""
        ips = self._looked_up(limit, stop)
        for number, ip in enumerate(ips):
            # each gets its share of what is left, so that one that is silent hides no other
            share = Limit.after(
                max(limit.left, 0.0) / (len(ips) - number), limit.doing, limit.setting
            )
            try:
                return self._connected(ip, share, stop)
            except (BrokenError, TooSlowError):
                if number == len(ips) - 1:
                    raise
        raise BrokenError(f"{self.address.host} has no address", connected=False)

    def _connected(self, ip: str, limit: Limit, stop: Stop | None) -> Wire:
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        wire = Wire(sock, limit)
        try:
            with _stopping(stop, wire):
                sock.settimeout(wire.wait_at_most())
                sock.connect((ip, self.address.port))
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self._tls is not None:
                    sock.settimeout(wire.wait_at_most())
                    wire.replace(self._tls.wrap_socket(sock, server_hostname=self.address.host))
        except TimeoutError as error:
            wire.close()
            _check(stop)
            raise TooSlowError(limit) from error
        except OSError as error:
            wire.close()
            _check(stop)
            raise BrokenError(_why(error), connected=False) from error
        except BaseException:
            wire.close()
            raise
        return wire

    def _looked_up(self, limit: Limit, stop: Stop | None) -> list[str]:
        """The address's IP addresses; a name server that is silent holds nobody up."""
        if self.address.ip is not None or self.address.host == "localhost":
            return _resolving(self.address, self._resolve)
        found: list[list[str] | Exception] = []
        done = threading.Event()

        def look_up() -> None:
            try:
                found.append(_resolving(self.address, self._resolve))
            except Exception as error:  # noqa: BLE001  # raised again in the thread that waits
                found.append(error)
            done.set()

        threading.Thread(target=look_up, name=f"look up {self.address.host}", daemon=True).start()
        with stop.calling(done.set) if stop is not None else nullcontext():
            done.wait(max(limit.left, 0.0))
        _check(stop)
        if not found:
            raise TooSlowError(limit)
        if isinstance(found[0], Exception):
            raise found[0]
        return found[0]


class _Request:
    """A request that can be sent, and sent again."""

    def __init__(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> None:
        lines = {**headers}
        if body is not None:
            lines |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        head = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in lines.items())]
        if any(not line.isascii() or not line.isprintable() for line in head):
            raise UsageError(
                "a path, a key or a model holds signs that cannot be sent",
                hint="Is there a line break at the end of a key?",
            )
        # one write: the service need not wait for a second packet
        self._bytes = "\r\n".join((*head, "", "")).encode("ascii") + (body or b"")
        self._method = method
        self.on_sent: Callable[[], None] | None = None

    def sent(self, wire: Wire, limit: Limit, stop: Stop | None) -> Reply:
        """The answer up to its body; the wire is closed when there is none."""
        wire.limit = limit
        try:
            with _stopping(stop, wire):
                wire.sendall(self._bytes)
                if self.on_sent is not None:
                    self.on_sent()
                response = http.client.HTTPResponse(wire, method=self._method)  # type: ignore[arg-type]  # a wire is what it needs of a socket
                response.begin()
                return Reply(response, wire, stop)
        except (OSError, http.client.HTTPException) as error:
            wire.close()
            _check(stop)
            raise BrokenError(_why(error)) from error
        except BaseException:
            wire.close()
            raise


def _stopping(stop: Stop | None, wire: Wire) -> AbstractContextManager[None]:
    return nullcontext() if stop is None else stop.calling(wire.abort)


def _check(stop: Stop | None) -> None:
    if stop is not None:
        stop.check()


def _resolving(address: ServiceAddress, resolve: Resolve) -> list[str]:
    try:
        return connectable(address, resolve)
    except (OSError, UnicodeError) as error:
        raise BrokenError(
            f"the name {address.host} cannot be resolved: {_why(error)}", connected=False
        ) from error


def _tls(ca_certs: Path | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=str(ca_certs) if ca_certs else None)
    except OSError as error:
        raise UsageError(f"{ca_certs} holds no certificates in PEM form: {error}") from error
    return context


def _why(error: Exception) -> str:
    """An error's own words, without its number."""
    if isinstance(error, http.client.RemoteDisconnected):
        return "it closed the connection without an answer"
    if isinstance(error, http.client.IncompleteRead):
        return "the connection ended in the middle of the answer"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
