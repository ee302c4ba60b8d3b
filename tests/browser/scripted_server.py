"""A server on loopback that speaks esrag's HTTP API as a test tells it, and serves the real page.

What it answers is scripted, so that each state of the page can be brought about: events with pauses
between them, streams that are cut, errors, hostile texts.  It remembers the requests it got.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import esrag

PAGE = Path(esrag.__file__).parent / "server" / "page"
TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}
POLICY = (
    "default-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; object-src 'none'; script-src 'self'; "
    "style-src 'self'; require-trusted-types-for 'script'"
)
Event = tuple[str, Any]


@dataclass(frozen=True, slots=True)
class Stream:
    """Events of an answer, each as soon as ``gates`` holds one for it and that is open.

    ``cut`` ends the connection after so many bytes of the whole stream.
    """

    events: Sequence[Event]
    pause: float = 0.0
    gate: threading.Event | None = None
    held: int = 0  # so many events come before the gate
    cut: int | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer with a status and an error."""

    status: int
    code: str
    message: str
    hint: str = ""
    retry_after: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    authorization: str
    body: Any


Answering = Callable[[Any], Stream | Refusal]


@dataclass
class ScriptedServer:
    """What it answers, and what it was asked.  Tests set the fields."""

    answer: Answering | None = None
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)
    login: str = ""  # the Authorization header that is accepted; "" needs none
    feedback: Refusal | None = None
    facets: list[dict[str, Any]] = field(default_factory=list)  # that a search counts
    pages: dict[str, str] = field(default_factory=dict)  # further HTML pages
    policy: str = POLICY
    asked: list[Asked] = field(default_factory=list)
    left: threading.Event = field(default_factory=threading.Event)  # a client left a stream
    url: str = ""

    def forget(self) -> None:
        """Be as new; the address stays."""
        fresh = ScriptedServer(url=self.url)
        for name in self.__dataclass_fields__:
            setattr(self, name, getattr(fresh, name))

    def bodies(self, path: str) -> list[Any]:
        """The bodies sent to a path."""
        return [asked.body for asked in self.asked if asked.path == path]

    @contextmanager
    def running(self) -> Iterator[ScriptedServer]:
        """Serve for the time of the block."""
        script = self

        class Handler(_Handler):
            scripted = script

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.url = f"http://127.0.0.1:{server.server_address[1]}/"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


ABOUT = {
    "name": "esrag",
    "version": "0",
    "auth": "shared-key",
    "login": "none",
    "authenticated": True,
    "set": "handbook",
    "caller": "",
    "feedback": True,
    "generates": True,
    "limits": {"question_characters": 8000, "history_turns": 20, "size": 50},
    "filters": [
        *("source", "document_id", "origin", "author", "language", "metadata"),
        *("published_from", "published_to", "modified_from", "modified_to", "acl"),
    ],
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    scripted: ScriptedServer

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path.startswith("/v1/"):
            self._api(url.path, parse_qs(url.query), None)
        elif url.path in self.scripted.pages:
            self._send(200, self.scripted.pages[url.path].encode(), "text/html")
        else:
            self._file(url.path)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._api(self.path, {}, json.loads(body))

    def _file(self, path: str) -> None:
        file = PAGE / (path.strip("/") or "index.html")
        if not file.is_file():
            self._refuse(Refusal(404, "not_found", f"There is no {path}."))
            return
        self._send(200, file.read_bytes(), TYPES[file.suffix], {"Cache-Control": "max-age=600"})

    def _api(self, path: str, query: dict[str, list[str]], body: Any) -> None:
        script = self.scripted
        login = self.headers.get("Authorization", "")
        script.asked.append(Asked(self.command, path, login, body))
        known = not script.login or login == script.login
        if path == "/v1/about" and (known or not login):
            self._json(200, {**ABOUT, **script.about, "authenticated": known})
        elif not known:
            self._refuse(Refusal(401, "login_refused", "This login is not accepted."))
        elif path == "/v1/ask" and script.answer:
            self._ask(script.answer(body))
        elif path == "/v1/search":
            self._json(200, {"question": body["question"], "hits": [], "facets": script.facets})
        elif path == "/v1/feedback":
            self._refuse(script.feedback) if script.feedback else self._json(201, {"kept": True})
        elif path.startswith("/v1/documents/"):
            self._document(unquote(path.removeprefix("/v1/documents/")), query)
        else:
            self._refuse(Refusal(404, "not_found", f"There is no {path}."))

    def _document(self, name: str, query: dict[str, list[str]]) -> None:
        document = self.scripted.documents.get(name)
        if document is None:
            self._refuse(Refusal(404, "not_found", f"There is no document {name}."))
            return
        at, before, after = (int(query[of][0]) for of in ("position", "before", "after"))
        passages = document["passages"]
        wanted = [p for p in passages if at - before <= p["position"] <= at + after]
        more = {
            "more_before": bool(wanted) and wanted[0]["position"] > passages[0]["position"],
            "more_after": bool(wanted) and wanted[-1]["position"] < passages[-1]["position"],
        }
        self._json(200, {**document, "passages": wanted, **more})

    def _ask(self, answer: Stream | Refusal) -> None:
        if isinstance(answer, Refusal):
            self._refuse(answer)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        with suppress(ConnectionError):
            self._stream(answer)
            return
        self.scripted.left.set()

    def _stream(self, answer: Stream) -> None:
        sent = 0
        for number, (name, value) in enumerate(answer.events):
            if answer.gate and number >= answer.held:
                while not answer.gate.wait(0.02):
                    self.wfile.write(b": waiting\n\n")
            if answer.pause:
                time.sleep(answer.pause)
            data = f"event: {name}\ndata: {json.dumps(value)}\n\n".encode()
            if answer.cut is not None and sent + len(data) > answer.cut:
                self.wfile.write(data[: answer.cut - sent])
                return
            self.wfile.write(data)
            sent += len(data)

    def _refuse(self, refusal: Refusal) -> None:
        error = {
            "code": refusal.code,
            "message": refusal.message,
            "hint": refusal.hint,
            "type": "",
            "param": None,
            "request_id": "req-1",
        }
        headers = {"Retry-After": str(refusal.retry_after)} if refusal.retry_after else {}
        self._json(refusal.status, {"error": error}, headers)

    def _json(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(value).encode(), "application/json", headers)

    def _send(
        self,
        status: int,
        body: bytes,
        kind: str,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if self.scripted.policy:
            self.send_header("Content-Security-Policy", self.scripted.policy)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Says nothing."""
