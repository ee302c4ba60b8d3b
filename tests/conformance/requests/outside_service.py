"""A server that stands where Hugging Face or OpenAI would: embeddings, reranking, chat.

It gives answers of the right form on loopback, so that an inference endpoint has somebody to
call.  A text that says REFUSE is refused.
"""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PIECES = ("Hel", "lo")


class OutsideService(ThreadingHTTPServer):
    """Listens on a free port of 127.0.0.1."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        """Its address without a path."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Say nothing."""

    def do_POST(self) -> None:
        """Answer by the path and the body."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if "REFUSE" in json.dumps(body):
            error = {"message": "no such thing", "type": "invalid_request_error"}
            self._whole(422, {"error": error})
        elif self.path.endswith("/embeddings"):
            inputs = body["input"] if isinstance(body["input"], list) else [body["input"]]
            data = [
                {"object": "embedding", "index": n, "embedding": _vector(text)}
                for n, text in enumerate(inputs)
            ]
            usage = {"prompt_tokens": 1, "total_tokens": 1}
            self._whole(200, {"object": "list", "data": data, "model": "m", "usage": usage})
        elif self.path.endswith("/rerank"):
            texts = enumerate(body["texts"])
            ranks = [{"index": n, "score": 1 / (len(text) + 1)} for n, text in texts]
            self._whole(200, sorted(ranks, key=lambda one: -float(one["score"])))
        elif "inputs" in body:
            self._whole(200, [_vector(text) for text in body["inputs"]])
        elif body.get("stream"):
            self._stream()
        else:
            message = {"role": "assistant", "content": "".join(PIECES)}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            self._whole(
                200, {"id": "c", "object": "chat.completion", "model": "m", "choices": [choice]}
            )

    def _whole(self, status: int, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        for piece in PIECES:
            self._event([{"index": 0, "delta": {"role": "assistant", "content": piece}}])
        self._event([{"index": 0, "delta": {"content": ""}, "finish_reason": "stop"}])
        self.wfile.write(b"data: [DONE]\n\n")

    def _event(self, choices: list[dict[str, Any]]) -> None:
        chunk = {"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": choices}
        self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
        self.wfile.flush()


def _vector(text: str) -> list[float]:
    return [len(text) / 10, 0.5, -0.25]
