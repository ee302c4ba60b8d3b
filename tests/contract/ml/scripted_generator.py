"""A server that follows a script, for what a real one cannot be made to do on demand.

It speaks the wire of TGI and of OpenAI for chats: whole answers, chunks as server-sent events,
refusals before and in a stream, and a connection that breaks.
It embeds as text-embeddings-inference
(`/embed`) and as OpenAI (`/v1/embeddings`), and ranks as the former (`/rerank`).
It remembers what was sent to it.
"""

from __future__ import annotations

import base64
import contextlib
import json
import struct
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PIECES = ["Grü", "ße", " aus", " Wien"]


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it came in; names of headers are in small letters."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


class ScriptedGenerator(ThreadingHTTPServer):
    """Answers by the last message or text: REFUSE, BREAK OFF, FAIL MIDWAY, or anything else.

    REFUSE 429 and the like refuse with that status, as OpenAI would.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[dict[str, Any]] = []
        self.calls: list[Call] = []

    @property
    def url(self) -> str:
        """Its chat address."""
        return self.at("/v1/chat/completions")

    def at(self, path: str) -> str:
        """The address of a path."""
        return f"http://127.0.0.1:{self.server_port}{path}"

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
        """Answer one request."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.calls.append(Call(self.path, headers, body))
        self.server.requests.append(body | {"authorization": headers["authorization"]})
        if self.path == "/v1/chat/completions":
            self._chat(body)
        elif self.path == "/rerank":
            self._rank(body)
        else:
            self._embed(body)

    def _chat(self, body: dict[str, Any]) -> None:
        message = body["messages"][-1]["content"]
        if message == "REFUSE":
            self._whole(422, {"error": "Input validation error: no", "error_type": "validation"})
        elif message.startswith("REFUSE"):
            self._refuse(message)
        elif body["stream"]:
            self._stream(message)
        else:
            choice = {"index": 0, "message": {"role": "assistant", "content": "".join(PIECES)}}
            self._whole(200, {"object": "chat.completion", "id": "", "choices": [choice]})

    def _embed(self, body: dict[str, Any]) -> None:
        texts = body.get("inputs") or body["input"]
        if texts[0].startswith("REFUSE "):
            self._refuse(texts[0])
        elif self.path == "/sparse":
            self._whole(200, [dict.fromkeys(text.split(), 0.5) for text in texts])
        elif self.path == "/embed":
            self._whole(200, [_vector(text, 3) for text in texts])
        else:
            size = body.get("dimensions", 3)
            data = [{"index": i, "embedding": _vector(text, size)} for i, text in enumerate(texts)]
            if texts[0].startswith("PACKED"):
                for entry in data:
                    packed = struct.pack(f"<{size}f", *entry["embedding"])
                    entry["embedding"] = base64.b64encode(packed).decode()
            self._whole(200, {"object": "list", "data": data, "model": body["model"]})

    def _rank(self, body: dict[str, Any]) -> None:
        if body["query"] == "REFUSE":
            self._whole(413, {"error": "batch size 99 > 32", "error_type": "Validation"})
            return
        ranks = [{"index": i, "score": float(len(text))} for i, text in enumerate(body["texts"])]
        if body.get("return_text"):
            ranks = [rank | {"text": body["texts"][rank["index"]]} for rank in ranks]
        self._whole(200, ranks)

    def _refuse(self, message: str) -> None:
        error = {"message": "no", "type": "a_type", "code": "a_code", "param": "a_param"}
        self._whole(int(message.split()[1]), {"error": error})

    def _whole(self, status: int, body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("x-ratelimit-limit-requests", "7")
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

    def handle(self) -> None:
        """Bear that a client hangs up, as one that only asks whether an answer begins."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            super().handle()

    def _write(self, text: str) -> None:
        self._raw(text.encode())

    def _raw(self, content: bytes) -> None:
        self.wfile.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")
        self.wfile.flush()


def _chunk(choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {"object": "chat.completion.chunk", "id": "", "model": "tgi", "choices": choices}


def _vector(text: str, size: int) -> list[float]:
    return [float(len(text)), *[0.5] * (size - 1)]
