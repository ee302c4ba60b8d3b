"""A server of embeddings, as hugging_face endpoints call it: each text becomes the same vector."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

VECTOR = [0.5, -0.25, 1.0]


class EmbeddingServer(ThreadingHTTPServer):
    """Listens at a free port of this machine."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}/"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        inputs = asked["inputs"] if isinstance(asked["inputs"], list) else [asked["inputs"]]
        body = json.dumps([VECTOR for _ in inputs]).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *message: object) -> None:
        """Nothing is logged."""
