"""A server that endpoints of the service hugging_face call: it says the same to everybody."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

VECTOR = [0.5, -0.25, 1.0]
RANKING = [{"index": 1, "score": 0.75}, {"index": 0, "score": 0.5}]
COMPLETION = "An answer, \u6f22 and all."


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
        body = json.dumps(self._answer(asked)).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @staticmethod
    def _answer(asked: dict[str, Any]) -> Any:
        if "texts" in asked:
            texts = asked["texts"] if asked.get("return_text") else None
            return [one | ({"text": texts[one["index"]]} if texts else {}) for one in RANKING]
        if "messages" in asked:
            message = {"role": "assistant", "content": COMPLETION}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            return {"id": "1", "object": "chat.completion", "model": "m", "choices": [choice]}
        inputs = asked["inputs"] if isinstance(asked["inputs"], list) else [asked["inputs"]]
        return [VECTOR for _ in inputs]

    def log_message(self, *message: object) -> None:
        """Nothing is logged."""
