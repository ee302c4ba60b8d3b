"""A generator for tests: a real HTTP server on loopback that says and spoils what a script asks.

It runs in a thread of the test, or as a program of its own for benchmarks
(``python tests/fake_generator.py --port 8080 --pieces-per-second 50``).  Nothing of esrag is
imported, so client and server cannot share a mistake.

    with FakeGenerator() as fake:                      # fake.url
        fake.says("Paris is the capital [1].")         # the same for every request
        fake.says(lambda asked: asked.user[-20:])      # or a function of the request
        fake.script = Script(text="…", pieces_per_second=50, cut_after=100)
        fake.then(Script(status=503), Script(text="…"))   # one request each; the last one stays
        ...
        fake.generations[0].messages                   # what was asked, as sent
        fake.wait(lambda: fake.open_streams == 0)      # True once it holds, False after a second

It speaks the messages API (streamed and not), TGI's ``/info``, ``/chat_tokenize``, ``/tokenize``,
``/generate``, ``/generate_stream`` and ``/``, what vLLM and llama.cpp have instead (``kind``), and
``/_inference/chat_completion/ID/_stream`` of Elasticsearch.  Tokens are words unless ``count`` says
otherwise.  What a script spoils concerns requests that generate; ``info_script`` spoils the rest.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

_GENERATING = ("/v1/chat/completions", "/v1/completions", "/generate", "/generate_stream", "/")
_REASONS = {200: "OK", 307: "Temporary Redirect", 404: "Not Found", 429: "Too Many Requests"}
_LONGEST_HEAD = 65536

Asked = Callable[["Request"], str]


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came.  ``connection`` counts connections from 1."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    connection: int
    at: float

    @property
    def messages(self) -> list[dict[str, str]]:
        """The turns that were sent; one user's turn for TGI's own routes."""
        if "messages" in self.body:
            return list(self.body["messages"])
        return [{"role": "user", "content": self.body.get("inputs", "")}]

    @property
    def system(self) -> str:
        """All system turns in one text."""
        return "\n".join(m["content"] for m in self.messages if m["role"] == "system")

    @property
    def user(self) -> str:
        """The last turn of a user, where the passages and the question stand."""
        return next((m["content"] for m in reversed(self.messages) if m["role"] == "user"), "")

    @property
    def streamed(self) -> bool:
        """Whether the answer is wanted piece by piece."""
        return self.path.endswith("_stream") or bool(self.body.get("stream"))


@dataclass(frozen=True, slots=True)
class Script:
    """What is said and what goes wrong meanwhile; as it stands, nothing does.

    ``status`` other than 200 refuses, with ``error`` as the words (a text that begins with ``{`` or
    ``<`` is the whole body) and ``retry_after`` as header; ``location`` sends the client elsewhere.
    ``headers_after`` and ``first_after`` are seconds before the status line and before the first
    piece; ``hold`` never answers. ``pieces_per_second`` 0 is as fast as it goes; a piece has
    ``piece`` characters. ``cut_after`` ends the connection after so many bytes of the body, by a
    reset with ``reset``. ``error_after`` sends an error event with the words ``event`` after so
    many pieces and ends, ``garbage_after`` an event that is no JSON. ``write`` is how many bytes go
    out at a time, which splits characters and fields; ``drip`` the seconds between such writes.
    ``endless`` repeats the text for ever; ``finish`` "" leaves out the finish reason, ``done`` the
    last line. ``keep_alive`` False closes the connection after the answer, ``chunked`` False ends
    the body by closing.
    """

    text: str | Asked = "The answer is 42 [1]."
    status: int = 200
    error: str = "refused by the script"
    retry_after: str = ""
    location: str = ""
    headers_after: float = 0.0
    first_after: float = 0.0
    hold: bool = False
    pieces_per_second: float = 0.0
    piece: int = 5
    cut_after: int | None = None
    reset: bool = False
    error_after: int | None = None
    event: str = "Request failed during generation: the script says so"
    garbage_after: int | None = None
    write: int = 0
    drip: float = 0.0
    endless: bool = False
    finish: str = "stop"
    done: bool = True
    usage: bool = True
    comments: bool = False
    content_type: str = "text/event-stream"
    keep_alive: bool = True
    chunked: bool = True

    def says(self, request: Request) -> str:
        """The whole text for this request."""
        return self.text if isinstance(self.text, str) else self.text(request)


class _Reader(asyncio.StreamReader):
    """Knows that the client has left without reading what it might still send."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.gone = asyncio.Event()

    def feed_eof(self) -> None:
        self.gone.set()
        super().feed_eof()

    def set_exception(self, exc: BaseException) -> None:
        self.gone.set()
        super().set_exception(exc)  # type: ignore[arg-type]


class CutError(Exception):
    """The script wants the connection to end here."""


def words(text: str) -> int:
    """A count of tokens: one a word."""
    return len(text.split())


@dataclass
class FakeGenerator:
    """See the module.  All fields may be changed while it runs; counts are exact.

    ``kind`` decides which routes tell limits: TGI's ``/info`` and ``/chat_tokenize``, vLLM's
    ``/v1/models`` with ``max_model_len`` and ``/tokenize``, llama.cpp's ``/props``,
    ``/apply-template`` and ``/tokenize``, or none.  ``api_key`` is wanted on every route that
    generates.
    """

    script: Script = field(default_factory=Script)
    info_script: Script = field(default_factory=Script)
    kind: Literal["tgi", "vllm", "llama.cpp", "none"] = "tgi"
    max_input_tokens: int = 4095
    max_total_tokens: int = 4096
    model_id: str = "fake/model"
    models: tuple[str, ...] = ()
    api_key: str = ""
    count: Callable[[str], int] = words
    port: int = 0
    tls: Any = None

    def __post_init__(self) -> None:
        self.requests: list[Request] = []
        self.open_connections = 0
        self.connections = 0
        self.open_streams = 0
        self.most_streams = 0
        self.finished = 0
        self.left = 0
        self._queue: list[Script] = []
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="fake generator", daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()

    # what tests use

    @property
    def url(self) -> str:
        """The address, without /v1."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def generations(self) -> list[Request]:
        """The requests that asked for text."""
        return [request for request in self.requests if _generates(request.path)]

    def says(self, text: str | Asked) -> None:
        """Answer every request with this text, and nothing goes wrong."""
        self.script = Script(text=text)

    def then(self, *scripts: Script) -> None:
        """Use these in turn, one a request that generates; the last one stays."""
        self._queue = list(scripts[:-1])
        self.script = scripts[-1]
        if self._queue:
            self._queue.append(scripts[-1])

    def wait(self, holds: Callable[[], bool], within: float = 1.0) -> bool:
        """Whether ``holds`` becomes true within so many seconds."""
        end = time.monotonic() + within
        while not holds():
            if time.monotonic() > end:
                return False
            time.sleep(0.005)
        return True

    def start(self) -> FakeGenerator:
        """Listen; the port is chosen by the system unless one was given."""
        self._thread.start()
        if not self._ready.wait(10):
            raise TimeoutError("the fake generator did not start")
        return self

    def stop(self) -> None:
        """End every connection and the thread."""
        if self._loop.is_closed():
            return
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def __enter__(self) -> FakeGenerator:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    # the server

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()

        def protocol() -> asyncio.StreamReaderProtocol:
            return asyncio.StreamReaderProtocol(_Reader(limit=2**22), self._connected)

        server = await self._loop.create_server(
            protocol, "127.0.0.1", self.port, ssl=self.tls, backlog=1024
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: _Reader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
        self.open_connections += 1
        self.connections += 1
        number = self.connections
        try:
            while await self._one(reader, writer, number):
                pass
        except (CutError, ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.open_connections -= 1
            with suppress(ConnectionError, asyncio.CancelledError, RuntimeError):
                writer.close()
            if task is not None:
                self._tasks.discard(task)

    async def _one(self, reader: _Reader, writer: asyncio.StreamWriter, number: int) -> bool:
        """Answer one request; whether the connection stays open."""
        request = await _read(reader, number)
        if request is None:
            return False
        self.requests.append(request)
        generates = _generates(request.path)
        script = self._next() if generates else self.info_script
        answering = asyncio.ensure_future(self._answer(request, script, writer))
        if not generates:
            return await answering
        # a client that leaves is noticed while the answer is being written
        self.open_streams += 1
        self.most_streams = max(self.most_streams, self.open_streams)
        leaving = asyncio.ensure_future(reader.gone.wait())
        try:
            await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                self.left += 1
                return False
            self.finished += 1
            return answering.result()
        finally:
            self.open_streams -= 1
            for task in (answering, leaving):
                task.cancel()
                with suppress(asyncio.CancelledError, CutError, ConnectionError):
                    await task

    def _next(self) -> Script:
        return self._queue.pop(0) if self._queue else self.script

    async def _answer(self, request: Request, script: Script, writer: asyncio.StreamWriter) -> bool:
        wire = _Wire(writer, script)
        if script.hold:
            await asyncio.Event().wait()
        await asyncio.sleep(script.headers_after)
        if script.status != 200:
            headers = {"retry-after": script.retry_after, "location": script.location}
            return await wire.whole(script.status, *_refusal(script), headers=headers)
        if not _generates(request.path):
            found = self._told(request)
            if found is None:
                return await wire.whole(404, b'{"error":"no such route"}', "application/json")
            return await wire.whole(200, json.dumps(found).encode(), "application/json")
        if self.api_key and request.headers.get("authorization") != f"Bearer {self.api_key}":
            return await wire.whole(401, b"", "text/plain")
        if not request.streamed:
            await asyncio.sleep(script.first_after)
            whole = json.dumps(self._whole(request, script)).encode()
            return await wire.whole(200, whole, "application/json")
        return await wire.stream(self._events(request, script))

    def _told(self, request: Request) -> Any:
        """What the routes that do not generate answer; None where this kind has no such route."""
        path = request.path
        if path == "/health":
            return {}
        if path == "/v1/models":
            names = (self.model_id, *self.models)
            extra = {"max_model_len": self.max_total_tokens} if self.kind == "vllm" else {}
            return {"object": "list", "data": [{"id": n, "object": "model"} | extra for n in names]}
        if self.kind == "tgi" and path == "/info":
            return {
                "model_id": self.model_id,
                "max_input_tokens": self.max_input_tokens,
                "max_total_tokens": self.max_total_tokens,
                "max_concurrent_requests": 128,
                "router": "text-generation-router",
                "version": "3.3.6",
            }
        if self.kind == "tgi" and path == "/chat_tokenize":
            text = _flat(request.messages)
            tokens = [{"id": n, "text": "", "start": 0, "stop": 0} for n in range(self.count(text))]
            return {"tokenize_response": tokens, "templated_text": text}
        if self.kind == "vllm" and path == "/tokenize":
            tokens = list(range(self.count(_flat(request.messages))))
            most = self.max_total_tokens
            return {"count": len(tokens), "max_model_len": most, "tokens": tokens}
        if self.kind == "llama.cpp" and path == "/props":
            return {"default_generation_settings": {"n_ctx": self.max_total_tokens}}
        if self.kind == "llama.cpp" and path == "/apply-template":
            return {"prompt": _flat(request.messages)}
        if path == "/tokenize" and self.kind in ("tgi", "llama.cpp"):
            text = str(request.body.get("inputs", request.body.get("content", "")))
            tokens = list(range(self.count(text)))
            return {"tokens": tokens} if self.kind == "llama.cpp" else tokens
        return None

    def _usage(self, request: Request, said: str) -> dict[str, int]:
        asked, answered = self.count(_flat(request.messages)), self.count(said)
        return {
            "prompt_tokens": asked,
            "completion_tokens": answered,
            "total_tokens": asked + answered,
        }

    def _whole(self, request: Request, script: Script) -> Any:
        said = script.says(request)
        if "inputs" in request.body:
            answer = {"generated_text": said}
            return [answer] if request.path == "/" else answer
        message = {"role": "assistant", "content": said}
        choice = {"index": 0, "message": message, "finish_reason": script.finish or None}
        return {
            "id": "",
            "object": "chat.completion",
            "model": request.body.get("model", self.model_id),
            "choices": [choice],
            "usage": self._usage(request, said),
        }

    async def _events(self, request: Request, script: Script) -> AsyncIterator[bytes]:
        """The stream event by event, with the script's faults between them."""
        await asyncio.sleep(script.first_after)
        native = "inputs" in request.body
        head = b"event: message\n" if request.path.startswith("/_inference/") else b""
        said = script.says(request)
        number = 0
        begun = time.monotonic()
        for number, piece in enumerate(_pieces(said, script)):
            if script.pieces_per_second:
                due = begun + number / script.pieces_per_second
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            elif number % 64 == 63:
                await asyncio.sleep(0)
            if script.error_after == number:
                yield head.replace(b"message", b"error") + _error_event(native, script.event)
                if not native:
                    yield b"data: [DONE]\n\n"
                return
            if script.garbage_after == number:
                yield b"data: {not json\n\n"
                return
            if script.comments:
                yield b": still here\n\n"
            yield head + _data(_native(number, piece) if native else _chunk(request, piece))
        if native:
            if script.finish:
                yield _data(_last(number + 1, said, script.finish))
            return
        if script.finish:
            yield head + _data(_chunk(request, "", script.finish))
        if script.usage and (request.body.get("stream_options") or {}).get("include_usage"):
            yield head + _data(_chunk(request, None) | {"usage": self._usage(request, said)})
        if script.done:
            yield head + b"data: [DONE]\n\n"


class _Wire:
    """Writes one answer, byte by byte where the script wants it."""

    def __init__(self, writer: asyncio.StreamWriter, script: Script) -> None:
        self._writer = writer
        self._script = script
        self._body_bytes = 0

    async def whole(
        self, status: int, body: bytes, kind: str, *, headers: Mapping[str, str] | None = None
    ) -> bool:
        lines = {"content-type": kind, "content-length": str(len(body)), **(headers or {})}
        self._head(status, lines)
        await self._send(body)
        await self._writer.drain()
        return self._script.keep_alive

    async def stream(self, events: AsyncIterator[bytes]) -> bool:
        chunked = self._script.chunked
        framing = {"transfer-encoding": "chunked"} if chunked else {"connection": "close"}
        self._head(200, {"content-type": self._script.content_type, **framing})
        await self._writer.drain()
        async for event in events:
            await self._send(event, chunked=chunked)
        if chunked:
            self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()
        return chunked and self._script.keep_alive

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Said So')}"]
        lines += [f"{name}: {value}" for name, value in headers.items() if value]
        self._writer.write("\r\n".join((*lines, "", "")).encode())

    async def _send(self, data: bytes, *, chunked: bool = False) -> None:
        step = self._script.write or len(data) or 1
        for start in range(0, len(data), step):
            part = data[start : start + step]
            cut = self._script.cut_after
            ends = cut is not None and self._body_bytes + len(part) >= cut
            if ends and cut is not None:
                part = part[: cut - self._body_bytes]
            self._body_bytes += len(part)
            if part:
                framed = f"{len(part):x}\r\n".encode() + part + b"\r\n" if chunked else part
                self._writer.write(framed)
            if ends:
                await self._cut()
            if self._script.drip:
                await self._writer.drain()
                await asyncio.sleep(self._script.drip)
        await self._writer.drain()

    async def _cut(self) -> None:
        await self._writer.drain()
        if self._script.reset:
            self._writer.transport.abort()
        raise CutError


async def _read(reader: asyncio.StreamReader, number: int) -> Request | None:
    """The next request on a connection; None when there is none."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    pairs = (line.partition(":") for line in lines if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    raw = await reader.readexactly(int(headers.get("content-length", 0)))
    try:
        body = json.loads(raw) if raw else {}
    except ValueError:
        body = {}
    return Request(method, path.split("?")[0], headers, body, number, time.monotonic())


def _generates(path: str) -> bool:
    return path in _GENERATING or path.startswith("/_inference/")


def _flat(messages: list[dict[str, str]]) -> str:
    return "\n".join(f"{m['role']} : {m['content']}" for m in messages)


def _pieces(said: str, script: Script) -> Iterator[str]:
    while True:
        for start in range(0, len(said), script.piece):
            yield said[start : start + script.piece]
        if not script.endless:
            return


def _data(event: Mapping[str, Any]) -> bytes:
    return b"data: " + json.dumps(event, ensure_ascii=False).encode() + b"\n\n"


def _chunk(request: Request, piece: str | None, finish: str | None = None) -> dict[str, Any]:
    delta = {"role": "assistant", "content": piece}
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return {
        "object": "chat.completion.chunk",
        "id": "",
        "model": request.body.get("model", ""),
        "choices": [] if piece is None else [choice],
        "usage": None,
    }


def _native(number: int, piece: str) -> dict[str, Any]:
    token = {"id": number, "text": piece, "logprob": -0.1, "special": False}
    return {"index": number + 1, "token": token, "generated_text": None, "details": None}


def _last(number: int, said: str, finish: str) -> dict[str, Any]:
    reason = {"stop": "eos_token"}.get(finish, finish)
    details = {"finish_reason": reason, "generated_tokens": number, "seed": None, "input_length": 9}
    token = {"id": 2, "text": "</s>", "logprob": 0.0, "special": True}
    return {"index": number, "token": token, "generated_text": said, "details": details}


def _error_event(native: bool, words: str) -> bytes:
    if native:
        return _data({"error": words, "error_type": "generation"})
    return _data({"error": {"message": words, "http_status_code": 422}})


def _refusal(script: Script) -> tuple[bytes, str]:
    if script.error.startswith(("{", "<")):
        kind = "application/json" if script.error.startswith("{") else "text/html"
        return script.error.encode(), kind
    kinds = {422: "validation", 429: "overloaded", 424: "generation", 503: "healthcheck"}
    kind = kinds.get(script.status, "unknown")
    return json.dumps({"error": script.error, "error_type": kind}).encode(), "application/json"


def main() -> None:
    """Serve until interrupted; for benchmarks, which want a process of its own."""
    parser = argparse.ArgumentParser(description="A generator that says what it is told to.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--text", default="The answer is forty-two, as the passage says [1]. " * 4)
    parser.add_argument("--pieces-per-second", type=float, default=0.0)
    parser.add_argument("--first-after", type=float, default=0.0)
    given = parser.parse_args()
    script = Script(
        text=given.text,
        pieces_per_second=given.pieces_per_second,
        first_after=given.first_after,
    )
    with FakeGenerator(script=script, port=given.port) as fake, suppress(KeyboardInterrupt):
        print(json.dumps({"url": fake.url}), flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
