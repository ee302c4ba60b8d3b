"""What the stack adds to a search: ``python -m benchmarks.overhead``.

Needs a running local stack with a deployed embedding model (``esrag local up``, ``esrag setup``).
An index of its own is filled with documents made of the sample's sentences and with seeded
vectors, so nothing is embedded.  Then the same two searches, words and vectors, are asked in two
ways, by turns, each time with another question:

    one call  a stored search template whose retriever is rrf over both
    two calls ``_search`` for the words and ``_search`` for the vectors, one after the other

Both ways ask each leg for the same number of hits and bring the same hits' source back.  The ratio
is one call over two calls; a round is many questions, and the median of the rounds is the result.
``took_ratio`` is the same of the milliseconds that the server itself reports.
It is measured twice: with the vector in the request, and with the model turning the question into
one.  Index and template are removed afterwards.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

NAME = "esrag-benchmark-overhead"
DIMENSIONS = 384
SOURCE = ["text", "title"]
SAMPLE = Path(__file__).resolve().parent.parent / "esrag" / "sample"


@dataclass(frozen=True, slots=True)
class Legs:
    """The two searches of one question, as they stand in a retriever and in a request."""

    words: dict[str, Any]
    vectors: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Result:
    """Milliseconds are medians over all questions of all rounds; a ratio is one round's."""

    documents: int
    window: int
    size: int
    questions: int
    one_call_ms: float
    two_calls_ms: float
    ratios: list[float]
    ratio: float
    took_ratio: float


@click.command()
@click.option("--documents", default=5_000, show_default=True)
@click.option("--rounds", default=7, show_default=True)
@click.option("--questions", default=60, show_default=True, help="Questions a round.")
@click.option("--window", default=50, show_default=True, help="Hits that each leg is asked for.")
@click.option("--size", default=10, show_default=True, help="Hits that come back with source.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path))
def main(
    documents: int, rounds: int, questions: int, window: int, size: int, out: Path | None
) -> None:
    """Measure and print one JSON object."""
    from esrag.cli.connection import connect_with
    from esrag.settings import load_settings

    settings = load_settings()
    client = connect_with(settings)
    seeded = random.Random(7)
    asked = [item["question"] for item in _lines(SAMPLE / "questions.jsonl")]
    with index(client, documents, seeded):
        found = {}
        for way, vector_of in {
            "vector given": lambda _: {"query_vector": _vector(seeded)},
            "vector by the model": lambda question: {
                "query_vector_builder": {
                    "text_embedding": {"model_id": settings.model.id, "model_text": question}
                }
            },
        }.items():
            make = _maker(vector_of, window)
            found[way] = measure(client, make, asked, (rounds, questions, window, size), documents)
    report = {
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        **{way: asdict(result) for way, result in found.items()},
    }
    text = json.dumps(report, indent=1)
    if out:
        out.write_text(text + "\n", encoding="utf-8")
    click.echo(text)


def _maker(vector_of: Callable[[str], dict[str, Any]], window: int) -> Callable[[str], Legs]:
    def make(question: str) -> Legs:
        return Legs(
            words={"match": {"text": question}},
            vectors={
                "field": "embedding",
                "k": window,
                "num_candidates": 2 * window,
                **vector_of(question),
            },
        )

    return make


def measure(
    client: Any,
    make: Callable[[str], Legs],
    asked: Sequence[str],
    plan: tuple[int, int, int, int],
    documents: int,
) -> Result:
    """Both ways by turns; the first round warms both up and is dropped."""
    rounds, questions, window, size = plan
    ratios, singles, pairs = [], [], []
    took = {one_call: 0, two_calls: 0}
    number = 0
    for round_number in range(rounds + 1):
        one: list[float] = []
        two: list[float] = []
        for turn in range(questions):
            # another word each time, so that no cache answers for the model
            question = f"{asked[number % len(asked)]} {number}"
            number += 1
            legs = make(question)
            ways = [(one, one_call), (two, two_calls)]
            for times, way in ways if turn % 2 else reversed(ways):
                started = time.perf_counter()
                served = way(client, legs, window, size)
                times.append(time.perf_counter() - started)
                took[way] += served if round_number else 0
        if round_number:
            ratios.append(sum(one) / sum(two))
            singles += one
            pairs += two
    return Result(
        documents,
        window,
        size,
        len(singles),
        round(statistics.median(singles) * 1000, 2),
        round(statistics.median(pairs) * 1000, 2),
        [round(ratio, 3) for ratio in ratios],
        round(statistics.median(ratios), 3),
        round(took[one_call] / took[two_calls], 3),
    )


def one_call(client: Any, legs: Legs, window: int, size: int) -> int:
    """The stored template with rrf; returns the server's milliseconds, as ``two_calls`` does."""
    parameters = {"words": legs.words, "vectors": legs.vectors, "window": window, "size": size}
    answer = client.search_template(index=NAME, id=NAME, params=parameters)
    return _took(answer, size)


def two_calls(client: Any, legs: Legs, window: int, size: int) -> int:
    """Two requests; the second brings the source, as the one call does for its hits."""
    words = client.search(
        index=NAME, query=legs.words, size=window, source=False, track_total_hits=False
    )
    vectors = client.search(
        index=NAME, knn=legs.vectors, size=size, source=SOURCE, track_total_hits=False
    )
    return _took(words, window) + _took(vectors, size)


def _took(answer: Any, expected: int) -> int:
    if len(answer["hits"]["hits"]) != expected:
        raise click.ClickException(f"{len(answer['hits']['hits'])} hits instead of {expected}")
    return int(answer["took"])


TEMPLATE = """{
  "retriever": {"rrf": {"rank_window_size": {{window}}, "retrievers": [
    {"standard": {"query": {{#toJson}}words{{/toJson}}}},
    {"knn": {{#toJson}}vectors{{/toJson}}}
  ]}},
  "size": {{size}}, "track_total_hits": false, "_source": ["text", "title"]
}"""


@contextmanager
def index(client: Any, documents: int, seeded: random.Random) -> Iterator[None]:
    """The filled index and the template, removed afterwards."""
    from elasticsearch.helpers import bulk

    quiet = client.options(ignore_status=404)
    patient = client.options(request_timeout=300)
    quiet.indices.delete(index=NAME)
    properties = {
        "text": {"type": "text"},
        "title": {"type": "text"},
        "embedding": {"type": "dense_vector", "dims": DIMENSIONS, "similarity": "cosine"},
    }
    settings = {"number_of_shards": 1, "number_of_replicas": 0}
    client.indices.create(index=NAME, mappings={"properties": properties}, settings=settings)
    try:
        client.put_script(id=NAME, script={"lang": "mustache", "source": TEMPLATE})
        bulk(patient, _documents(documents, seeded), index=NAME, chunk_size=250)
        patient.indices.forcemerge(index=NAME, max_num_segments=1)
        client.indices.refresh(index=NAME)
        yield
    finally:
        quiet.indices.delete(index=NAME)
        quiet.delete_script(id=NAME)


def _documents(number: int, seeded: random.Random) -> Iterator[dict[str, Any]]:
    files = sorted(path for path in (SAMPLE / "documents").rglob("*.md"))
    sentences = [
        sentence.strip()
        for path in files
        for sentence in path.read_text(encoding="utf-8").split(". ")
        if 20 < len(sentence) < 400
    ]
    for position in range(number):
        yield {
            "title": f"Document {position}",
            "text": ". ".join(seeded.choices(sentences, k=6)),
            "embedding": _vector(seeded),
        }


def _vector(seeded: random.Random) -> list[float]:
    return [round(seeded.gauss(0, 1), 4) for _ in range(DIMENSIONS)]


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


if __name__ == "__main__":
    main()
