"""What esrag adds to a generation: ``python -m benchmarks.generation``.

A generator that costs nothing runs as a process of its own (``tests/fake_generator.py``), so what
is measured is the client.  By turns, in one run, the same prompt and answer go through

    bare       ``http.client`` with a kept connection, lines, ``json.loads``: the least there can be
    httpx      ``httpx`` with ``httpx-sse``, a client kept: what most programs use
    stream     ``esrag.generation.generator``: deadlines, tries, calling off
    answer     ``esrag.answering``: prompt, judgement beside the stream, verification; passages are
               given, so retrieval costs nothing, and vectors too

First the milliseconds until the first piece of text, one answer at a time; for ``answer`` from the
moment at which retrieval has returned.  Then so many threads generate at once, several answers in
a row, paced as a generator is and then as fast as it goes: pieces a second; the ratio is to
``bare`` in the same round.  Seconds of the processor are those of this process.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import httpx
import httpx_sse

from esrag.answering import Answerer
from esrag.calibration import Calibration
from esrag.generation.generator import Generator
from esrag.generation.pieces import Piece
from esrag.generation.places import Place
from esrag.generation.protocols import Messages
from esrag.prompting import compose
from esrag.sentences import units
from esrag.testing import make_hit
from esrag.types import Found, Hit, Message, Query

FAKE = Path(__file__).resolve().parent.parent / "tests" / "fake_generator.py"
SAMPLE = Path(__file__).resolve().parent.parent / "esrag" / "sample"
QUESTION = "How many days of leave does each member of the staff get in a year?"
SENTENCES = (
    "Each member of the staff gets 30 days of leave in a year",
    "Leave that is left at the end of March of the next year is lost unless the office agreed",
    "Members of the staff who work in shifts get two more days of leave for each year of shifts",
)
TEXT = " ".join(f"{sentence} [1]." for sentence in SENTENCES)
# clock at the first piece, number of pieces
Result = tuple[float, int]
Way = Callable[[], Result]


@contextmanager
def fake(*, pieces_per_second: float, text: str, first_after: float = 0.0) -> Iterator[str]:
    """The address of a generator in a process of its own."""
    command = [sys.executable, str(FAKE), "--text", text, "--first-after", str(first_after)]
    process = subprocess.Popen(
        [*command, "--pieces-per-second", str(pieces_per_second)], stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.terminate()
        process.wait()


_seen = itertools.count()


def passages() -> tuple[Hit, ...]:
    """Ten passages of the length that ours have, the first with the answer; other ones each time.

    Sentences are the sample's.  Each gets a number that no other has, so that nothing which was
    kept of a text helps with the next one, as it is with questions one after the other.
    """
    chance = random.Random(next(_seen))

    def filler(count: int) -> str:
        chosen = chance.sample(_sentences(), count)
        return " ".join(f"{text[:-1]} (note {next(_seen)})." for text in chosen)

    first = make_hit("0", ". ".join(SENTENCES) + ". " + filler(2), title="Leave")
    others = [make_hit(str(n), filler(4), rank=n + 1, title=f"Part {n}") for n in range(1, 10)]
    return (first, *others)


_VECTORS = [[random.Random(n).gauss(0, 1) for _ in range(384)] for n in range(64)]


def embed(texts: Sequence[str]) -> list[list[float]]:
    """Vectors that cost nothing, as those of a cluster cost this process little."""
    return [_VECTORS[0 if "leave" in text.lower() else hash(text) % 63 + 1] for text in texts]


@cache
def _sentences() -> list[str]:
    """Sentences of the sample documents."""
    texts = [path.read_text("utf-8") for path in sorted(SAMPLE.glob("documents/**/*.md"))]
    found = (unit.text for text in texts for unit in units(text))
    return sorted({text for text in found if 40 < len(text) < 200 and text.endswith(".")})


def prompt() -> tuple[Message, ...]:
    """What all ways send."""
    return compose(QUESTION, passages()[:5], fence="0" * 8)


class Ways:
    """The ways to one generator; each thread has its own connection for those that need one."""

    def __init__(self, url: str, longest: int, answers: int) -> None:
        place = Place(url=url, max_new_tokens=longest)
        self._split = urlsplit(url)
        body = Messages(place).request(prompt(), max_tokens=longest).body
        self._body = json.dumps(body).encode()
        self._json = body
        self._own = threading.local()
        self._httpx = httpx.Client(
            base_url=url, timeout=60, limits=httpx.Limits(max_connections=300), trust_env=False
        )
        self.generator = Generator(place)
        self.generator.limits()
        self._messages = prompt()
        # made before anything is measured
        self._hits = iter([passages() for _ in range(answers)])
        self._taking = threading.Lock()

    def close(self) -> None:
        """Close the connections."""
        self._httpx.close()
        self.generator.close()

    def bare(self) -> Result:
        """``http.client``."""
        connection = getattr(self._own, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection(str(self._split.hostname), self._split.port)
            self._own.connection = connection
        connection.request(
            "POST", "/v1/chat/completions", self._body, {"content-type": "application/json"}
        )
        first, pieces = 0.0, 0
        with connection.getresponse() as response:
            for line in response:
                if not line.startswith(b"data: ") or line.startswith(b"data: [DONE]"):
                    continue
                choices = json.loads(line[6:])["choices"]
                if choices and choices[0]["delta"]["content"]:
                    first = first or time.perf_counter()
                    pieces += 1
        return first, pieces

    def httpx(self) -> Result:
        """``httpx`` and ``httpx-sse``."""
        first, pieces = 0.0, 0
        with httpx_sse.connect_sse(
            self._httpx, "POST", "/v1/chat/completions", json=self._json
        ) as source:
            for event in source.iter_sse():
                if event.data == "[DONE]":
                    break
                choices = json.loads(event.data)["choices"]
                if choices and choices[0]["delta"]["content"]:
                    first = first or time.perf_counter()
                    pieces += 1
        return first, pieces

    def stream(self) -> Result:
        """The generator of esrag."""
        return _read(self.generator.stream(self._messages))

    def answer(self) -> tuple[float, float, int]:
        """A whole answer: when retrieval had returned, the first piece, pieces."""
        watched = _Watched(self.generator)
        retrieved = 0.0

        def retrieve(query: Query) -> Found:
            nonlocal retrieved
            del query
            with self._taking:
                hits = next(self._hits)
            retrieved = time.perf_counter()
            return Found(hits)

        answerer = Answerer(
            retrieve=retrieve,
            embed=embed,
            generator=watched,
            calibration=Calibration(threshold=0.0),
        )
        answer = answerer.answer(QUESTION)
        if answer.kind != "generated":
            raise click.ClickException(f"the answer was {answer.kind}: {answer.steps}")
        return retrieved, watched.first, watched.pieces


class _Watched:
    """A generator that notes when its first piece came."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        self.model = generator.model
        self.count_tokens = generator.count_tokens
        self.budget = generator.budget
        self.close = generator.close
        self.first = 0.0
        self.pieces = 0

    def stream(self, messages: Sequence[Message], **more: Any) -> Iterator[Piece]:
        with closing(self._generator.stream(messages, **more)) as pieces:
            for piece in pieces:
                if piece.text:
                    self.first = self.first or time.perf_counter()
                    self.pieces += 1
                yield piece


def _read(pieces: Iterator[Piece]) -> Result:
    first, count = 0.0, 0
    for piece in pieces:
        if piece.text:
            first = first or time.perf_counter()
            count += 1
    return first, count


def first_token(rounds: int, first_after: float) -> dict[str, Any]:
    """Milliseconds until the first piece, by turns; medians and what esrag adds."""
    taken: dict[str, list[float]] = {name: [] for name in ("bare", "httpx", "stream", "answer")}
    with (
        fake(pieces_per_second=0, text=TEXT, first_after=first_after) as url,
        closing(Ways(url, 160, rounds + 20)) as ways,
    ):
        for turn in range(rounds + 20):
            for name in random.sample(sorted(taken), 4):
                begun = time.perf_counter()
                if name == "answer":
                    begun, first, _ = ways.answer()
                else:
                    first, _ = getattr(ways, name)()
                if turn >= 20:  # connections, caches
                    taken[name].append((first - begun) * 1000)
    found = {name: _spread(values) for name, values in taken.items()}
    bare = statistics.median(taken["bare"])
    found["added_by_esrag_ms"] = round(statistics.median(taken["answer"]) - bare, 2)
    return found


def streams(count: int, each: int, rounds: int, pieces_per_second: float) -> dict[str, Any]:
    """Pieces a second of ``count`` threads at once, each way; ratios to bare in the same round."""
    rates: dict[str, list[float]] = {name: [] for name in ("bare", "httpx", "stream", "answer")}
    processor: dict[str, list[float]] = {name: [] for name in rates}
    with (
        fake(pieces_per_second=pieces_per_second, text=TEXT) as url,
        closing(Ways(url, 200, count * each * (rounds + 1))) as ways,
    ):
        for turn in range(rounds + 1):
            for name in random.sample(sorted(rates), len(rates)):
                rate, seconds = _at_once(count, each, getattr(ways, name))
                if turn:
                    rates[name].append(rate)
                    processor[name].append(seconds * 1e6)
    return {
        name: {
            "pieces_per_second": round(statistics.median(values)),
            "ratio_to_bare": _spread([a / b for a, b in zip(values, rates["bare"], strict=True)]),
            "processor_us_per_piece": round(statistics.median(processor[name]), 1),
        }
        for name, values in rates.items()
    }


def _at_once(count: int, each: int, way: Callable[[], tuple[float, ...]]) -> tuple[float, float]:
    """Pieces a second of all threads, and seconds of the processor for a piece."""
    pieces: list[int] = []
    ready = threading.Barrier(count + 1)

    def work() -> None:
        ready.wait()
        pieces.append(sum(int(way()[-1]) for _ in range(each)))

    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    ready.wait()
    begun, used = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begun
    return sum(pieces) / seconds, (time.process_time() - used) / sum(pieces)


def _spread(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "median": round(statistics.median(ordered), 3),
        "p95": round(ordered[int(0.95 * (len(ordered) - 1))], 3),
        "least": round(ordered[0], 3),
        "most": round(ordered[-1], 3),
    }


@click.command()
@click.option("--rounds", default=200, show_default=True, help="Answers for the first token.")
@click.option("--streams", "count", default=64, show_default=True, help="Streams at once.")
@click.option("--each", default=4, show_default=True, help="Answers of each stream, in a row.")
@click.option("--stream-rounds", default=5, show_default=True)
@click.option("--pace", default=50.0, show_default=True, help="Pieces a second of one stream.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path))
def main(
    rounds: int, count: int, each: int, stream_rounds: int, pace: float, out: Path | None
) -> None:
    """Measure and print one JSON object."""
    found = {
        "machine": {"cores": os.cpu_count(), "load": [round(x, 1) for x in os.getloadavg()]},
        "first_token_ms, from a generator that needs 20 ms for it": first_token(rounds, 0.02),
        "first_token_ms, from one that needs none": first_token(rounds, 0.0),
        f"{count} streams, {pace:g} pieces a second each": streams(
            count, each, stream_rounds, pace
        ),
        f"{count} streams, as fast as it goes": streams(count, each, stream_rounds, 0),
    }
    text = json.dumps(found, indent=2)
    click.echo(text)
    if out is not None:
        out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
