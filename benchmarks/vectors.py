"""What each way of storing vectors finds, and how fast: ``python -m benchmarks.vectors``.

Needs a running local stack with a deployed embedding model (``esrag local up``, ``esrag setup``).
The texts are real: docstrings of the Python library and of the packages installed here, one
passage each, embedded once by the deployment and kept as a file.  The questions are the first
sentences of docstrings that are not indexed.

One index per storage, with the shipped mapping's fields, is filled with the same vectors.  The
truth is exact search: cosine over all vectors, computed here with numpy in double precision.
Each storage is asked with the request of the shipped search templates (k and num_candidates
from their text), and with other values of oversampling; the figures are

    recall@10   share of the ten nearest that are among the first ten hits, mean of all questions
    ratio       the server's milliseconds over those of ``float`` for the same question; the
                storages take turns question by question, and the median is given

``flat`` gives the time of exact search at growing sizes, which is what an index does by itself
below ``flat_index_threshold``.
"""

from __future__ import annotations

import ast
import copy
import json
import os
import random
import re
import statistics
import sysconfig
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmarks.ingest import machine

if TYPE_CHECKING:
    import numpy as np
    from elasticsearch import Elasticsearch

NAME = "esrag-benchmark-vectors"
FIRST = 10
BATCH = 64
STORAGES: dict[str, dict[str, Any]] = {
    "float": {"type": "hnsw"},
    "int8": {"type": "int8_hnsw"},
    "int8 x2": {"type": "int8_hnsw", "rescore_vector": {"oversample": 2}},
    "bbq x3": {"type": "bbq_hnsw", "rescore_vector": {"oversample": 3}},
    "bbq x5": {"type": "bbq_hnsw", "rescore_vector": {"oversample": 5}},
    "exact float": {"type": "flat"},
    "exact int8": {"type": "int8_flat"},
    "exact bbq": {"type": "bbq_flat"},
}
REQUESTS = ({"k": 100, "num_candidates": 200}, {"k": 10, "num_candidates": 100})


@click.command()
@click.option("--passages", default=20_000, show_default=True)
@click.option("--questions", default=300, show_default=True)
@click.option("--sizes", default="2000,10000,20000", show_default=True)
@click.option("--storage", "chosen", multiple=True, help="Only these storages.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path))
def main(
    passages: int, questions: int, sizes: str, chosen: tuple[str, ...], out: Path | None
) -> None:
    """Measure and print one JSON object."""
    from esrag.cli.connection import connect_with
    from esrag.settings import load_settings

    settings = load_settings()
    client = connect_with(settings).options(request_timeout=300)
    vectors, asked = embedded(client, settings.model.id, passages, questions, settings.data_dir)
    storages = {name: STORAGES[name] for name in chosen or STORAGES}
    steps = [int(size) for size in sizes.split(",") if int(size) <= passages]
    rows = [row for size in steps for row in measure(client, storages, vectors[:size], asked, size)]
    report = {
        "machine": machine(),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "model": settings.model.id,
        "questions": len(asked),
        "rows": rows,
    }
    text = json.dumps(report, indent=1)
    if out:
        out.write_text(text + "\n", encoding="utf-8")
    click.echo(text)


def docstrings() -> list[str]:
    """Docstrings of at least twenty words, each once, of all modules of this installation."""
    paths = sysconfig.get_paths()
    found: dict[str, None] = {}
    for folder in (paths["stdlib"], paths["purelib"]):
        for file in sorted(Path(folder).rglob("*.py")):
            try:
                tree = ast.parse(file.read_text(encoding="utf-8"))
            except (SyntaxError, ValueError, OSError, RecursionError):
                continue
            for node in ast.walk(tree):
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                    text = " ".join((ast.get_docstring(node) or "").split())
                    if len(text.split()) >= 20:
                        found[text[:800]] = None
    return list(found)


def embedded(
    client: Elasticsearch, model_id: str, passages: int, questions: int, data_dir: Path
) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of passages and of questions; made once and kept in the data folder."""
    import numpy as np

    kept = data_dir / "benchmarks" / f"vectors-{model_id}-{passages}-{questions}.npz"
    if not kept.exists():
        texts = docstrings()
        if len(texts) < passages + questions:
            raise click.ClickException(f"there are only {len(texts)} docstrings here")
        random.Random(7).shuffle(texts)
        sentences = [re.split(r"(?<=[.!?]) ", text)[0] for text in texts[passages:]]
        asked = list(dict.fromkeys(sentences))[:questions]
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez(
            kept,
            passages=np.array(list(_embed(client, model_id, texts[:passages]))),
            questions=np.array(list(_embed(client, model_id, asked))),
        )
    found = np.load(kept)
    return found["passages"], found["questions"]


def _embed(client: Elasticsearch, model_id: str, texts: Sequence[str]) -> Iterator[list[float]]:
    from esrag.cluster.embedding import embed

    for start in range(0, len(texts), BATCH):
        yield from embed(client, model_id, texts[start : start + BATCH], timeout=120)
        click.echo(f"\rembedded {min(start + BATCH, len(texts)):,}", nl=False, err=True)
    click.echo(err=True)


def measure(
    client: Elasticsearch,
    storages: dict[str, dict[str, Any]],
    vectors: np.ndarray,
    asked: np.ndarray,
    size: int,
) -> list[dict[str, Any]]:
    """One row for each storage and request."""
    truth = nearest(vectors, asked)
    fill_seconds: dict[str, float] = {}
    try:
        for name, options in storages.items():
            click.echo(f"filling {name} with {size:,}", err=True)
            fill_seconds[name] = fill(client, index_name(name), options, vectors)
        return [
            row
            for request in REQUESTS
            for row in ask_all(client, storages, asked, truth, (size, fill_seconds, request))
        ]
    finally:
        for name in storages:
            client.options(ignore_status=404).indices.delete(index=index_name(name))


def index_name(storage: str) -> str:
    """A name that Elasticsearch accepts."""
    return f"{NAME}-{re.sub('[^a-z0-9]', '-', storage)}"


def nearest(vectors: np.ndarray, asked: np.ndarray) -> list[set[str]]:
    """The ids of the ten nearest of each question by cosine, exactly."""
    import numpy as np

    def unit(rows: np.ndarray) -> np.ndarray:
        found: np.ndarray = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return found

    scores = unit(asked) @ unit(vectors).T
    return [{str(i) for i in np.argsort(-row, kind="stable")[:FIRST]} for row in scores]


def fill(client: Elasticsearch, index: str, options: dict[str, Any], vectors: np.ndarray) -> float:
    """An index with these vectors in one segment; the milliseconds that indexing took."""
    from esrag.resources import load_body

    field = copy.deepcopy(
        load_body("mappings/fields.json")["template"]["mappings"]["properties"]["embedding"]
    )
    field["dims"] = len(vectors[0])
    graph = {} if "flat" in options["type"] else {"m": 16, "ef_construction": 100}
    field["index_options"] = {**graph, **options}
    client.options(ignore_status=404).indices.delete(index=index)
    client.indices.create(
        index=index,
        mappings={"properties": {"embedding": field}},
        settings={"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "-1"},
    )
    for start in range(0, len(vectors), 500):
        lines: list[dict[str, Any]] = []
        for number, vector in enumerate(vectors[start : start + 500].tolist(), start=start):
            lines += [{"index": {"_id": str(number)}}, {"embedding": vector}]
        if client.bulk(index=index, operations=lines)["errors"]:
            raise click.ClickException(f"{index} refused vectors")
    client.indices.refresh(index=index)
    client.indices.forcemerge(index=index, max_num_segments=1)
    client.indices.refresh(index=index)
    stats = client.indices.stats(index=index)["_all"]["primaries"]
    return float(
        stats["indexing"]["index_time_in_millis"] + stats["merges"]["total_time_in_millis"]
    )


def ask_all(
    client: Elasticsearch,
    storages: dict[str, dict[str, Any]],
    asked: np.ndarray,
    truth: Sequence[set[str]],
    facts: tuple[int, dict[str, float], dict[str, int]],
) -> list[dict[str, Any]]:
    """Every question to every storage in turn."""
    size, fill_milliseconds, request = facts
    took: dict[str, list[float]] = {name: [] for name in storages}
    recall: dict[str, list[float]] = {name: [] for name in storages}
    warm_up = asked[:20].tolist()
    for number, vector in enumerate([*warm_up, *asked.tolist()]):
        for name in storages:
            milliseconds, ids = ask(client, index_name(name), vector, request)
            if number >= len(warm_up):
                took[name].append(milliseconds)
                recall[name].append(len(truth[number - len(warm_up)] & ids) / FIRST)
    first = next(iter(storages))
    return [
        {
            "vectors": size,
            "storage": name,
            **request,
            "recall@10": round(statistics.fmean(recall[name]), 4),
            "milliseconds": round(statistics.median(took[name]), 3),
            "ratio": round(
                statistics.median(
                    mine / others for mine, others in zip(took[name], took[first], strict=True)
                ),
                2,
            ),
            "index_and_merge_ms": fill_milliseconds[name],
        }
        for name in storages
    ]


def ask(
    client: Elasticsearch, index: str, vector: list[float], request: dict[str, int]
) -> tuple[float, set[str]]:
    """Milliseconds that finding the nearest took, and the ids of the first ten hits."""
    answer = client.search(
        index=index,
        knn={"field": "embedding", "query_vector": vector, **request},
        size=FIRST,
        source=False,
        profile=True,
    )
    shard = answer["profile"]["shards"][0]
    # the graph is walked while the query is rewritten; what it found is then a list of hits
    nanoseconds = sum(
        search["rewrite_time"] + sum(part["time_in_nanos"] for part in search["query"])
        for search in shard["dfs"]["knn"]
    )
    return nanoseconds / 1e6, {hit["_id"] for hit in answer["hits"]["hits"]}


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "2")
    main()
