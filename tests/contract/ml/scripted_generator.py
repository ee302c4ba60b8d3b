"""A chat server that follows a script, for what a real generator cannot be made to do on demand.

It speaks TGI's wire: whole answers, chunks as server-sent events, refusals before and in a stream,
and a connection that breaks. It remembers what was sent to it.
"""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PIECES = ["Grü", "ße", " aus", " Wien"]


class ScriptedGenerator(ThreadingHTTPServer):
    """Answers by the last message: REFUSE, BREAK OFF, FAIL MIDWAY, or anything else."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        """Its chat address."""
        return f"http://127.0.0.1:{self.server_port}/v1/chat/completions"

    @property
    def last(self) -> dict[str, Any]:
        """The body of the last request, with its credentials under `authorization`."""
        return self.requests[-1]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ScriptedGenerator

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Say nothing."""

    def do_POST(self) -> None:
        """Answer one chat request."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.requests.append(body | {"authorization": self.headers["authorization"]})
        message = body["messages"][-1]["content"]
        if message == "REFUSE":
            self._whole(422, {"error": "Input validation error: no", "error_type": "validation"})
        elif body["stream"]:
            self._stream(message)
        else:
            choice = {"index": 0, "message": {"role": "assistant", "content": "".join(PIECES)}}
            self._whole(200, {"object": "chat.completion", "id": "", "choices": [choice]})

    def _whole(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _stream(self, message: str) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self._write(": waiting\n\n")
        for number, piece in enumerate(PIECES):
            if number == 2 and message == "BREAK OFF":
                self.close_connection = True
                return
            if number == 2 and message == "FAIL MIDWAY":
                self._event({"error": {"message": "it broke", "http_status_code": 422}})
                break
            self._event(_chunk([{"index": 0, "delta": {"role": "assistant", "content": piece}}]))
        else:
            end = {"index": 0, "delta": {"content": ""}, "finish_reason": "stop"}
            self._event(_chunk([end]))
            usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
            self._event(_chunk([]) | {"usage": usage})
        self._event("[DONE]")
        self.wfile.write(b"0\r\n\r\n")

    def _event(self, data: dict[str, Any] | str) -> None:
        text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
        # Cut in the middle, inside a character if need be: readers must cope.
        event = f"data: {text}\n\n".encode()
        self._raw(event[: len(event) // 2])
        self._raw(event[len(event) // 2 :])

    def _write(self, text: str) -> None:
        self._raw(text.encode())

    def _raw(self, content: bytes) -> None:
        self.wfile.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")
        self.wfile.flush()


def _chunk(choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {"object": "chat.completion.chunk", "id": "", "model": "tgi", "choices": choices}
