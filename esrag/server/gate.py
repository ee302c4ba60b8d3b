"""What every request passes first: its id, host, origin, login, rate and size.  ASGI middleware.

    Host known? ─► Origin ours or allowed? ─► login, where the path needs one ─► rate ─► body, whole

Paths are closed unless they are named here, so no route can be forgotten.  The body is read before
the route sees the request, with a limit of size and of time; what the route then receives is the
body and, later, that the caller left.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from esrag.server.callers import Caller, Door
from esrag.server.places import Rate
from esrag.server.problems import Problem, internal, problem

log = logging.getLogger(__name__)

LOOPBACK_NAMES = frozenset(("localhost", "127.0.0.1", "::1"))
CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'"
)
SECURITY_HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
BODY_SECONDS = 15.0
_CLOSED = ("/v1/", "/openapi.json")
_PROBES = ("/health", "/ready")  # called by address, and hold nothing
_JUDGED_BY_THE_ROUTE = ("/v1/about",)  # it says what login there is
_HOST = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::\d{1,5})?")


@dataclass(frozen=True, slots=True)
class Rules:
    """What the gate asks of a request.  ``hosts`` are names besides those of loopback."""

    door: Door
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    most_bytes: int = 1024 * 1024
    body_seconds: float = BODY_SECONDS
    requests: Rate = field(default_factory=lambda: Rate(0))
    # guesses at a token or a key are dear to none but who makes them
    refusals: Rate = field(default_factory=lambda: Rate(30))


Finished = Callable[[Scope, int, float], None]


class Gate:
    """Lets requests in; ``finished`` hears the status and the seconds of each."""

    def __init__(self, app: ASGIApp, *, rules: Rules, finished: Finished) -> None:
        self._app = app
        self._rules = rules
        self._finished = finished

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, or hand on what is none."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        answer = _Answer(send, request_id, self._cross_origin(scope))
        began = time.monotonic()
        try:
            await self._handle(scope, receive, answer)
        except Problem as refused:
            await self._tell(answer, refused, scope, receive)
        except Exception:
            log.exception("request %s failed", request_id)
            await self._tell(answer, internal(), scope, receive)
        finally:
            self._finished(scope, answer.status, time.monotonic() - began)

    async def _handle(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        headers = Headers(scope=scope)
        if scope["path"] not in _PROBES:
            self._check_host(headers)
        if answer.allowed_origin is None:
            _check_origin(scope, headers)
        elif scope["method"] == "OPTIONS":
            await _preflight()(scope, receive, answer)
            return
        address = (scope.get("client") or ("", 0))[0]
        if scope["path"] == "/metrics":
            self._check_insider(headers, address)
        elif scope["path"].startswith(_CLOSED):
            caller = self._caller(scope, headers, address)
            if caller is not None:
                scope["state"]["caller"] = caller
                self._rules.requests.count(caller.key)
        body = await self._body(headers, receive)
        await self._app(scope, _replaying(body, receive), answer)

    def _caller(self, scope: Scope, headers: Headers, address: str) -> Caller | None:
        authorization = headers.get("authorization", "")
        if scope["path"] in _JUDGED_BY_THE_ROUTE and not authorization:
            self._rules.requests.count(f"asks {address}")
            return None
        try:
            return self._rules.door.caller(authorization, address)
        except Problem as refused:
            if refused.words.code == "login_refused":
                self._rules.refusals.count(address)
            raise

    def _check_insider(self, headers: Headers, address: str) -> None:
        """Refuse the figures to all but whoever runs the server."""
        if not self._rules.door.may_look_inside(headers.get("authorization", "")):
            self._rules.refusals.count(address)
            raise problem(
                401,
                "login_required",
                "the figures are for whoever runs this server",
                "Ask with its token: Authorization: Bearer <serve.token>",
            )

    def _check_host(self, headers: Headers) -> None:
        """Refuse names that are not this server's: a web page may have pointed its own here."""
        given = headers.getlist("host")
        found = _HOST.fullmatch(given[0]) if len(given) == 1 else None
        name = (found["six"] or found["name"]).lower().rstrip(".") if found else ""
        known = (*LOOPBACK_NAMES, *(host.lower() for host in self._rules.hosts))
        if not found or name not in known:
            raise problem(
                400,
                "bad_host",
                "this server is not called by that name",
                "Whoever runs it lists its names in serve.allowed_hosts.",
            )

    def _cross_origin(self, scope: Scope) -> str | None:
        """The origin of another page that may call, if this is one."""
        given = Headers(scope=scope).getlist("origin")
        return given[0] if len(given) == 1 and given[0] in self._rules.origins else None

    async def _body(self, headers: Headers, receive: Receive) -> bytes:
        rules = self._rules
        too_large = problem(
            413,
            "too_large",
            f"the body is larger than {rules.most_bytes:,} bytes",
            "Ask the question itself; documents are given to: esrag ingest",
        )
        declared = headers.get("content-length", "0")
        if declared.isdigit() and int(declared) > rules.most_bytes:
            raise too_large
        if declared == "0" and "transfer-encoding" not in headers:
            return b""
        body = bytearray()
        try:
            async with asyncio.timeout(rules.body_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return bytes(body)
                    body += message.get("body", b"")
                    if len(body) > rules.most_bytes:
                        raise too_large
                    if not message.get("more_body"):
                        return bytes(body)
        except TimeoutError:
            raise problem(
                408, "too_slow", f"the body did not arrive within {rules.body_seconds:.0f} s"
            ) from None

    async def _tell(self, answer: _Answer, told: Problem, scope: Scope, receive: Receive) -> None:
        if answer.begun:
            return  # what is already on its way cannot become an error any more
        answer.close = True  # its body may not have been read
        await told.response(answer.request_id)(scope, receive, answer)


class _Answer:
    """Sends on, with the headers that every answer has; remembers the status."""

    def __init__(self, send: Send, request_id: str, allowed_origin: str | None) -> None:
        self.request_id = request_id
        self.allowed_origin = allowed_origin
        self.status = 0
        self.close = False
        self._send = send

    @property
    def begun(self) -> bool:
        """Whether the status is out."""
        return self.status != 0

    async def __call__(self, message: Message) -> None:
        """Send one message."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
            headers["x-request-id"] = self.request_id
            headers.setdefault("cache-control", "no-store")
            if self.close:
                headers["connection"] = "close"
            if self.allowed_origin:
                headers["access-control-allow-origin"] = self.allowed_origin
                headers["access-control-expose-headers"] = "Retry-After, X-Request-Id"
                headers.add_vary_header("Origin")
                headers["cross-origin-resource-policy"] = "cross-origin"
        await self._send(message)


def _check_origin(scope: Scope, headers: Headers) -> None:
    """Refuse what a page of somebody else's made a browser send."""
    origins = headers.getlist("origin")
    host = headers.get("host", "").lower()
    ours = all(urlsplit(origin).netloc.lower() == host for origin in origins)
    crossing = headers.get("sec-fetch-site") == "cross-site" and scope["path"].startswith(
        ("/metrics", *_CLOSED)
    )
    if not ours or crossing:
        raise problem(
            403,
            "bad_origin",
            "a page of another origin sent this request",
            "Whoever runs the server lists origins that may in serve.allowed_origins.",
        )


def _preflight() -> Response:
    return Response(
        status_code=204,
        headers={
            "access-control-allow-methods": "GET, POST",
            "access-control-allow-headers": "Authorization, Content-Type",
            "access-control-max-age": "600",
        },
    )


def _replaying(body: bytes, receive: Receive) -> Receive:
    """Gives the body once, then whatever comes."""
    given = False

    async def again() -> Message:
        nonlocal given
        if not given:
            given = True
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return again


def is_loopback(host: str) -> bool:
    """Whether an address to listen on is reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def own_names(host: str) -> tuple[str, ...]:
    """The name that follows from the address to listen on; none from one that means all."""
    try:
        everywhere = ipaddress.ip_address(host).is_unspecified
    except ValueError:
        everywhere = not host
    return () if everywhere else (host,)


def caller_of(state: Mapping[str, object]) -> Caller:
    """The caller that the gate let in."""
    caller = state.get("caller")
    if not isinstance(caller, Caller):
        raise TypeError("a route that needs a login is not closed at the gate")
    return caller
