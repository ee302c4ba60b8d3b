"""A proxy on loopback that forwards requests and spoils chosen answers, or holds requests."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_HOP_BY_HOP = frozenset(("connection", "transfer-encoding", "content-length", "content-encoding"))

_ELASTICSEARCH = {"content-type": "application/json", "x-elastic-product": "Elasticsearch"}
_LINES_OF_ONE = 2  # an action and its source


_REFUSALS = {
    "full": (429, "es_rejected_execution_exception", "no room, says the proxy"),
    "forgotten": (404, "search_context_missing_exception", "No search context found for id [1]"),
    "licence": (403, "security_exception", "current license is non-compliant for [ml]"),
    "old": (
        400,
        "media_type_header_exception",
        "Invalid media-type value on headers [Accept, Content-Type]: Accept version must be either "
        "version 8 or 7, but found 9.",
    ),
}


def _refused_items(bulk: bytes, why: str) -> bytes:
    """The answer in which every action is refused."""
    status, kind_of_error, reason = _REFUSALS[why]
    error = {"type": kind_of_error, "reason": reason}
    items = []
    for line in bulk.splitlines():
        action = json.loads(line)
        for kind in ("index", "delete"):
            if list(action) == [kind] and list(action[kind]) == ["_id"]:
                items.append({kind: {"_id": action[kind]["_id"], "status": status, "error": error}})
    return json.dumps({"errors": True, "took": 1, "items": items}).encode()


class FaultProxy:
    """``fault`` gets the number of each bulk request, from 1, and names what to do with it.

    "" forwards; "lose" forwards and drops the answer; "cut" ends the answer in its middle;
    "html" answers as a tired proxy would; "503", "429" and "413" answer so without forwarding,
    413 only where there is more than one action, as in a body that is too long;
    "hold" keeps the request until ``release`` is set; "drop" and "keep" let the caller wait for
    ever, the one without forwarding, the other after it; "items-full" and "items-licence" refuse
    each action as a full node, or one whose licence has ended.
    ``fault_at`` names a fault for any other request, given as "METHOD path"; it knows "gone" as
    well, which ends the connection before anything is forwarded, "licence", which refuses as a
    cluster whose licence has ended, "forgotten", as one that has let a point in time go,
    and "old", as version 8 refuses requests of version 9.
    ``hold_at`` holds any other request that it is true for, given as "METHOD path".  ``alter`` gets
    each answer's headers and body and gives the body that goes out.  ``requests`` remembers them
    all.
    """

    def __init__(self, target: str) -> None:
        self.fault: Callable[[int], str] = lambda number: ""
        self.fault_at: Callable[[str], str] = lambda request: ""
        self.hold_at: Callable[[str], bool] = lambda request: False
        self.alter: Callable[[dict[str, str], bytes], bytes] = lambda headers, body: body
        self.bulks = 0
        self.requests: list[str] = []
        self.seen = threading.Event()
        self.release = threading.Event()
        self._target = urlsplit(target)
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a killed caller
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @contextmanager
    def running(self) -> Iterator[FaultProxy]:
        """Serve for the time of the block."""
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.release.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def wait_for_bulks(self, count: int, *, seconds: float = 60) -> None:
        """Return once ``count`` bulk requests have arrived; AssertionError if they do not."""
        end = time.monotonic() + seconds
        while self.bulks < count:
            assert time.monotonic() < end, f"{self.bulks} bulk requests came, not {count}"
            time.sleep(0.02)

    def _next_fault(self, method: str, path: str) -> str:
        if "/_bulk" not in path:
            with self._lock:
                return self.fault_at(f"{method} {path}")
        with self._lock:
            self.bulks += 1
            return self.fault(self.bulks)

    def _forward(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(
            self._target.hostname or "", self._target.port, timeout=120
        )
        try:
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            kept = {k: v for k, v in answer.getheaders() if k.lower() not in _HOP_BY_HOP}
            return answer.status, kept, answer.read()
        finally:
            connection.close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {k: v for k, v in self.headers.items() if k.lower() != "accept-encoding"}
                proxy.requests.append(f"{self.command} {self.path}")
                fault = proxy._next_fault(self.command, self.path)
                if fault == "gone":
                    self.close_connection = True
                    return
                if fault == "413" and body.count(b"\n") <= _LINES_OF_ONE:
                    fault = ""
                if fault == "hold" or proxy.hold_at(proxy.requests[-1]):
                    proxy.seen.set()
                    proxy.release.wait(60)
                if fault in ("drop", "keep"):
                    if fault == "keep":
                        proxy._forward(self.command, self.path, headers, body)
                    proxy.seen.set()
                    proxy.release.wait(60)
                    self.close_connection = True
                    return
                if fault in _REFUSALS:
                    status, kind_of_error, reason = _REFUSALS[fault]
                    refusal = {"type": kind_of_error, "reason": reason}
                    text = json.dumps({"error": refusal, "status": status}).encode()
                    self.give(status, _ELASTICSEARCH, text, len(text))
                    return
                if fault.isdigit() or fault.startswith("items-"):
                    text = b'{"error":{"type":"busy","reason":"by the proxy"}}'
                    if fault.startswith("items-"):
                        text = _refused_items(body, fault.removeprefix("items-"))
                    status = int(fault) if fault.isdigit() else 200
                    self.give(status, _ELASTICSEARCH, text, len(text))
                    return
                status, kept, answer = proxy._forward(self.command, self.path, headers, body)
                answer = proxy.alter(kept, answer)
                if fault == "lose":
                    self.close_connection = True
                elif fault == "cut":
                    self.give(status, kept, answer[: len(answer) // 2], len(answer))
                    self.close_connection = True
                elif fault == "html":
                    text = b"<html>try again later</html>"
                    self.give(200, {"content-type": "text/html"}, text, len(text))
                else:
                    self.give(status, kept, answer, len(answer))

            def give(self, status: int, headers: dict[str, str], body: bytes, length: int) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(length))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Keep the test's output clean."""

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = handle_any

        return Handler
