"""How much ``esrag serve`` bears: ``python -m benchmarks.serving``.

A generator that costs nothing runs as a process of its own (``tests/fake_generator.py``, 20 ms a
token), the server as another, and the callers are in this one.

    bare    callers stream from the generator itself: what the same load is without esrag
    serve   callers stream from ``/v1/ask``

Both take turns, with ``--callers`` streams at once, each caller asking again as soon as he has
his answer; then ``serve`` alone for ``--seconds``; then ``--burst`` ask in one moment.  An answer
counts when its stream ended with the event ``answer``.  Without ``--cluster`` passages and vectors
are given, so that HTTP and answering are measured and no search; with it the real command runs on
the document set of the settings, its limits aside.  Memory and open files are the server's.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).resolve().parent.parent
FAKE = ROOT / "tests" / "fake_generator.py"
QUESTION = "How many days of leave does each member of the staff get in a year?"
TEXT = "Each member of the staff gets 30 days of leave in a year [1]. " * 4
PIECES_PER_SECOND = 50.0
PLACES, QUEUE = 64, 128
COMMAND = [sys.executable, "-c", "from esrag.cli import main; main()"]


@dataclass
class Load:
    """What callers saw, in seconds; ``errors`` are what came instead of answers."""

    first_byte: list[float] = field(default_factory=list)
    first_words: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    without_retry_after: int = 0
    errors: list[str] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        """Medians and 95th percentiles in milliseconds."""
        parts = ("first_byte", "first_words", "whole", "refused")
        return {
            "answers": len(self.whole),
            "refused": len(self.refused),
            "without_retry_after": self.without_retry_after,
            "errors": len(self.errors),
            "first_errors": self.errors[:3],
            **{f"{part}_ms": _spread(getattr(self, part)) for part in parts if getattr(self, part)},
        }


@dataclass(frozen=True, slots=True)
class Target:
    """Where callers stream from; ``words`` mark the first words, ``end`` a whole stream."""

    port: int
    path: str
    body: dict[str, Any]
    words: bytes
    end: bytes

    @property
    def request(self) -> bytes:
        """The whole request; the answer ends with the connection."""
        body = json.dumps(self.body).encode()
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        return head.encode() + body


async def ask(target: Target, load: Load) -> None:
    """One stream."""
    began = time.monotonic()
    first_byte = first_words = 0.0
    got = b""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
        writer.write(target.request)
        while piece := await reader.read(65536):
            now = time.monotonic()
            got += piece
            if not first_byte and b"\r\n\r\n" in got and not got.endswith(b"\r\n\r\n"):
                first_byte = now - began
            if not first_words and target.words in got:
                first_words = now - began
            if got.endswith(b"\r\n0\r\n\r\n"):
                break  # the whole body; not every server closes after it
        writer.close()
    except OSError as error:
        load.errors.append(repr(error))
        return
    took = time.monotonic() - began
    if got.startswith(b"HTTP/1.1 429"):
        load.refused.append(took)
        load.without_retry_after += not re.search(rb"(?i)\r\nretry-after: [1-9]", got)
    elif got.startswith(b"HTTP/1.1 200") and target.end in got:
        load.first_byte.append(first_byte)
        load.first_words.append(first_words)
        load.whole.append(took)
    else:
        load.errors.append(got[-200:].decode("utf-8", "replace"))


async def steadily(target: Target, callers: int, seconds: float) -> Load:
    """So many callers, each asking again at once, for a while."""
    load = Load()
    end = time.monotonic() + seconds

    async def caller(number: int) -> None:
        await asyncio.sleep(number / callers)  # not all in one moment
        while time.monotonic() < end:
            await ask(target, load)

    await asyncio.gather(*(caller(number) for number in range(callers)))
    return load


async def at_once(target: Target, callers: int) -> Load:
    """So many in one moment."""
    load = Load()
    await asyncio.gather(*(ask(target, load) for _ in range(callers)))
    return load


@contextlib.contextmanager
def process(command: list[str], **environment: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A server and its port, which it prints as part of an address."""
    running = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **environment},
        cwd=ROOT,
    )
    try:
        assert running.stdout is not None
        for line in running.stdout:
            found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
            if found:
                yield running, int(found[1])
                return
        raise click.ClickException("the server did not start")
    finally:
        running.terminate()
        running.wait(60)


def server_of_given_passages(generator: str) -> None:
    """The server without a cluster: passages and vectors are given."""
    from benchmarks.generation import passages
    from esrag.answering import Answerer
    from esrag.generation.generator import Generator
    from esrag.generation.places import Place
    from esrag.server.application import Limits, create_app
    from esrag.server.callers import Door
    from esrag.server.gate import Rules
    from esrag.server.serving import bind, serve
    from esrag.testing import WordEmbedder
    from esrag.types import Found

    hits = passages()
    answerer = Answerer(
        retrieve=lambda _query: Found(hits),
        embed=WordEmbedder(),
        generator=Generator(Place(url=generator)),
    )

    class Given:
        """The service; the others of its methods are not called."""

        set_name, generates, takes_feedback = "given", True, False

        def answer(
            self, caller: Any, asked: Any, *, on_event: Any, cancel: Any, wishes: Any
        ) -> Any:
            del caller, wishes
            return answerer.answer(asked, on_event=on_event, cancel=cancel)

    app = create_app(
        Given(),  # type: ignore[arg-type]
        rules=Rules(door=Door("shared-key")),
        limits=Limits(PLACES, QUEUE),
    )
    with bind("127.0.0.1", 0) as bound:
        serve(
            app,
            bound,
            drain=5,
            most_connections=1_000,
            started=lambda listening: print(listening.url, flush=True),
        )


@click.command()
@click.option("--callers", default=64, show_default=True)
@click.option("--rounds", default=3, show_default=True, help="Turns of bare and serve.")
@click.option("--round-seconds", default=15.0, show_default=True)
@click.option("--seconds", default=300.0, show_default=True, help="How long serve runs alone.")
@click.option("--burst", default=256, show_default=True)
@click.option("--cluster", is_flag=True, help="The real command, on the set of the settings.")
@click.option("--question", default=QUESTION, help="Asked with --cluster.")
@click.option("--text", default=TEXT, help="What the generator says.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--generator", hidden=True, help="Be the server without a cluster.")
def main(
    *,
    callers: int,
    rounds: int,
    round_seconds: float,
    seconds: float,
    burst: int,
    cluster: bool,
    question: str,
    text: str,
    out: Path | None,
    generator: str | None,
) -> None:
    """Measure and print one JSON object."""
    if generator:
        server_of_given_passages(generator)
        return
    pace = ["--pieces-per-second", str(PIECES_PER_SECOND)]
    with process([sys.executable, str(FAKE), "--text", text, *pace]) as (_, fake_port):
        url = f"http://127.0.0.1:{fake_port}"
        command = [*COMMAND, "serve", "--port", "0", "--generator-url", url]
        if not cluster:
            command = [sys.executable, "-m", "benchmarks.serving", "--generator", url]
        unlimited = {"ESRAG_SERVE_REQUESTS_PER_MINUTE": "0"}
        with process(command, **unlimited) as (server, port):
            found = measured(
                server.pid,
                bare=_bare(fake_port),
                served=_served(port, question),
                plan=(callers, rounds, round_seconds, seconds, burst),
            )
    told = {"cluster": cluster, "cores": os.cpu_count(), "load": os.getloadavg()[0], **found}
    words = json.dumps(told, indent=2)
    click.echo(words)
    if out:
        out.write_text(words + "\n", encoding="utf-8")


def measured(
    pid: int, *, bare: Target, served: Target, plan: tuple[int, int, float, float, int]
) -> dict[str, Any]:
    """All phases, one after the other."""
    callers, rounds, round_seconds, seconds, burst = plan
    run: Callable[..., Load] = lambda work: asyncio.run(work)  # noqa: E731
    run(at_once(served, callers))  # everything is loaded, all connections were open once
    run(at_once(served, callers))
    files, memory, ratios = open_files(pid), resident(pid), []
    loads: dict[str, list[Load]] = {"bare": [], "serve": []}
    for _ in range(rounds):
        turns = {"bare": bare, "serve": served}
        for name in random.sample(sorted(turns), 2):
            loads[name].append(run(steadily(turns[name], callers, round_seconds)))
        last = {name: rate(loads[name][-1], callers) for name in turns}
        ratios.append(last["serve"] / last["bare"])
    processor, began = processor_seconds(pid), time.monotonic()
    soak = run(steadily(served, callers, seconds))
    busy = (processor_seconds(pid) - processor) / (time.monotonic() - began)
    after_soak = resident(pid)
    rush = run(at_once(served, burst))
    time.sleep(2)
    return {
        "callers": callers,
        "streams_to_bare": {"ratios": ratios, "median": statistics.median(ratios)},
        "bare": loads["bare"][-1].told(),
        "serve": loads["serve"][-1].told(),
        "soak": {"seconds": seconds, **soak.told(), "processor_share": busy},
        "burst": {"callers": burst, **rush.told()},
        "memory_mib": {"before": memory, "after_soak": after_soak, "at_the_end": resident(pid)},
        "open_files": {"before": files, "at_the_end": open_files(pid)},
    }


def rate(load: Load, callers: int) -> float:
    """Streams a second that so many callers get, by the time that each takes."""
    return callers / statistics.mean(load.whole)


def _bare(port: int) -> Target:
    body = {
        "model": "tgi",
        "messages": [{"role": "user", "content": QUESTION}],
        "max_tokens": 160,
        "stream": True,
    }
    return Target(port, "/v1/chat/completions", body, b'"content"', b"[DONE]")


def _served(port: int, question: str) -> Target:
    body = {"question": question, "stream": True}
    return Target(port, "/v1/ask", body, b"event: sentence", b"event: answer")


def _spread(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {
        "p50": round(1000 * statistics.median(ordered), 1),
        "p95": round(1000 * ordered[int(0.95 * (len(ordered) - 1))], 1),
        "most": round(1000 * ordered[-1], 1),
    }


def resident(pid: int) -> float:
    """Memory of a process, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return round(int(found[1]) / 1024, 1) if found else 0.0


def open_files(pid: int) -> int:
    """How many files and sockets a process holds."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def processor_seconds(pid: int) -> float:
    """What a process has used of the processors."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
