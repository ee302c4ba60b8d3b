"""Holds the sizes of ``esrag.sizing`` against a real cluster: ``python -m benchmarks.scale``.

    python -m benchmarks.scale storage [--chunks 1000,10000,100000] [--out FILE]
    python -m benchmarks.scale ingest  [--chunks 2000] [--out FILE]

``storage`` makes an index for each storage of vectors with the shipped mapping and settings, fills
it with chunks of random but realistic words and vectors (Zipf's law over a vocabulary; points
around centres, not evenly in all directions), and prints beside the model's figures what the
cluster says: bytes on disk, bytes off the heap for the graph and for the vectors it searches, and
chunks a second.  Before it is measured an index is merged to one segment, as the model means it.

``ingest`` sends chunks without vectors through the set's own pipeline with esrag's own sender, at
several sizes of request, and prints beside it what ``benchmarks.simulation`` predicts for the
deployment's allocations and the milliseconds that one chunk takes.

Both need a running local stack and write only to indices of their own, which they remove.
"""

from __future__ import annotations

import json
import random
import re
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import accumulate, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmarks.ingest import machine

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

NAME = "esrag-benchmark-scale"
DIMS = 384
BATCH = 200
WORDS_A_CHUNK = 90
WORDS_SENT = 20  # through the model: short ones, so that refusals are soon met
SAMPLE = Path(__file__).resolve().parent.parent / "esrag" / "sample" / "documents"


@click.group()
def main() -> None:
    """Measure, and print one JSON object."""


@main.command()
@click.option("--chunks", default="1000,10000,100000", show_default=True)
@click.option("--vectors", "kinds", default="float,int8,bbq", show_default=True)
@click.option("--dims", default=DIMS, show_default=True)
@click.option("--words", default=WORDS_A_CHUNK, show_default=True, help="Words of a chunk.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path))
def storage(chunks: str, kinds: str, dims: int, words: int, out: Path | None) -> None:
    """Bytes a chunk, on disk and off the heap, for each storage of vectors."""
    client = _client()
    rows = []
    for count in (int(each) for each in chunks.split(",")):
        for kind in kinds.split(","):
            click.echo(f"{count:,} chunks as {kind}", err=True)
            rows.append(measured_storage(client, kind, count, dims=dims, words=words))
            click.echo(json.dumps(rows[-1]), err=True)
    _write({"server": client.info()["version"]["number"], "storage": rows}, out)


def measured_storage(
    client: Elasticsearch, kind: str, count: int, *, dims: int, words: int
) -> dict[str, Any]:
    """One index, filled, merged and measured."""
    index = f"{NAME}-{kind}"
    client.options(ignore_status=404).indices.delete(index=index)
    _create(client, index, kind, dims)
    try:
        text_bytes, begun = 0, time.monotonic()
        documents = _documents(count, dims, words)
        while batch := list(islice(documents, BATCH)):
            lines: list[Any] = []
            for number, source in batch:
                text_bytes += len(source["text"].encode())
                lines += [{"index": {"_id": f"{number:040d}"}}, source]
            if client.bulk(index=index, operations=lines)["errors"]:
                raise click.ClickException(f"{index} refused chunks")
        client.indices.refresh(index=index)
        indexed = time.monotonic() - begun
        client.indices.forcemerge(index=index, max_num_segments=1)
        client.indices.refresh(index=index)
        client.indices.flush(index=index, force=True)
        merged = time.monotonic() - begun
        return {
            "vectors": kind,
            "dims": dims,
            "chunks": count,
            "text_bytes": round(text_bytes / count),
            "chunks_a_second": round(count / indexed),
            "chunks_a_second_with_merging": round(count / merged),
            **_sizes(client, index, count),
        }
    finally:
        client.options(ignore_status=404).indices.delete(index=index)


def _sizes(client: Elasticsearch, index: str, count: int) -> dict[str, Any]:
    stats = client.indices.stats(index=index, metric=["dense_vector", "segments"])
    primaries = stats["_all"]["primaries"]
    usage = client.indices.disk_usage(index=index, run_expensive_tasks=True)[index]
    fields = usage["fields"]
    off_heap = primaries["dense_vector"].get("off_heap") or {}
    return {
        "segments": primaries["segments"]["count"],
        "disk": usage["store_size_in_bytes"] / count,
        "disk_vectors": fields["embedding"]["total_in_bytes"] / count,
        "disk_fields": {
            name: round(field["total_in_bytes"] / count, 1)
            for name, field in sorted(fields.items(), key=lambda one: -one[1]["total_in_bytes"])[:8]
        },
        "off_heap": {
            name.removesuffix("_size_bytes"): size / count
            for name, size in off_heap.items()
            if isinstance(size, int)
        },
    }


def _create(client: Elasticsearch, index: str, kind: str, dims: int) -> None:
    from esrag.resources import load_body
    from esrag.templating import with_field_choices

    fields: Any = with_field_choices(
        load_body("mappings/fields.json"),
        dims=dims,
        language="english",
        vectors=kind,  # type: ignore[arg-type]
    )["template"]
    settings = load_body("mappings/settings.json")["template"]["settings"]
    own = {"number_of_replicas": 0, "refresh_interval": "-1"}
    for name in ("default_pipeline", "final_pipeline"):
        settings.get("index", settings).pop(name, None)
    settings = {"index": {**fields["settings"]["index"], **settings.get("index", {}), **own}}
    for name in ("auto_expand_replicas", "number_of_replicas"):
        settings["index"].pop(name, None)
    settings["index"]["number_of_replicas"] = 0
    client.indices.create(index=index, mappings=fields["mappings"], settings=settings)


def _documents(
    count: int, dims: int, length: int, *, seed: int = 5
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Chunks as ingest sends them, with vectors in base64."""
    import base64

    import numpy as np

    chance = random.Random(seed)
    numbers = np.random.default_rng(5)
    words = _vocabulary(chance)
    weights = list(accumulate(1 / (rank + 2) for rank in range(len(words))))
    centres = numbers.normal(size=(500, dims)).astype(np.float32)
    for number in range(count):
        vector = centres[number * 7919 % 500] + 0.8 * numbers.normal(size=dims)
        vector = (vector / np.linalg.norm(vector)).astype(">f4")
        document, position = divmod(number, 12)
        yield (
            number,
            {
                "document_id": f"guides/part-{document % 97}/document-{document}.md",
                "position": position,
                "start": position * 600,
                "end": position * 600 + 620,
                "text": " ".join(chance.choices(words, cum_weights=weights, k=length)),
                "title": f"Document {document} on {words[document % 200]}",
                "heading_path": [f"Part {position // 3}", f"Section {words[position]}"],
                "context": f"Document {document} › Part {position // 3} › {words[position]}",
                "source": f"guides/part-{document % 97}/document-{document}.md",
                "url": f"https://docs.example.org/guides/{document}",
                "mime_type": "text/markdown",
                "content_hash": f"{chance.getrandbits(256):064x}",
                "document_hash": f"{document * 2**200:064x}",
                "run_id": "20261123T000000-000000",
                "origin": "file:///srv/docs",
                "chunk_count": 12,
                "indexed_at": "2026-11-23T00:00:00Z",
                "embedding": base64.b64encode(vector.tobytes()).decode(),
            },
        )


def _vocabulary(chance: random.Random) -> list[str]:
    """The sample's words by how often they come, and as many rare ones made of their parts."""
    found: dict[str, int] = {}
    for file in SAMPLE.rglob("*.md"):
        for word in re.findall(r"\w+", file.read_text(encoding="utf-8").lower()):
            found[word] = found.get(word, 0) + 1
    common = sorted(found, key=lambda word: -found[word])
    return common + [chance.choice(common) + chance.choice(common)[-4:] for _ in range(60_000)]


@main.command()
@click.option("--chunks", default=400, show_default=True)
@click.option("--set", "set_name", default="scale", show_default=True)
@click.option("--rounds", default=1, show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path))
def ingest(chunks: int, set_name: str, rounds: int, out: Path | None) -> None:
    """Chunks a second and refusals, predicted and measured; the set must be set up.

    The two runs with one request at once give the seconds of a chunk and of a request; what is
    predicted from them are the others.
    """
    from benchmarks.simulation import Client, Server, simulate
    from esrag.settings import load_settings

    settings = load_settings(index={"set": set_name})
    client = _client()
    small, large = 8, min(64, _queue_capacity(client, settings.model.id))
    taken: dict[int, list[float]] = {small: [], large: []}
    for _ in range(rounds + 1):  # by turns, so that a busy while of the machine meets both
        for size, seconds in taken.items():
            run = _sent(client, set_name, settings.model.id, chunks, size, 1, None)
            seconds.append(run["seconds_a_request"])
    alone = {size: statistics.median(seconds) for size, seconds in taken.items()}
    a_chunk = (alone[large] - alone[small]) / (large - small)
    a_request = max(0.0, alone[small] - small * a_chunk)
    capacity = _queue_capacity(client, settings.model.id)
    server = Server(settings.model.allocations, capacity, a_chunk, a_request)
    rows = []
    for size, at_once, knows in (
        (8, 2, True),
        (32, 2, True),
        (capacity, 2, True),
        (capacity, 2, False),
        (4 * capacity, 2, False),
        (4 * capacity, 4, False),
    ):
        runs = [
            _sent(
                client,
                set_name,
                settings.model.id,
                chunks,
                size,
                at_once,
                capacity if knows else None,
            )
            for _ in range(rounds)
        ]
        played = [
            simulate(server, Client(size, at_once, knows), chunks, seed=seed) for seed in range(7)
        ]
        predicted = sorted(played, key=lambda one: one.chunks_a_second)[len(played) // 2]
        rows.append(
            {
                "size": size,
                "at_once": at_once,
                "knows_queue": knows,
                "measured": statistics.median(run["chunks_a_second"] for run in runs),
                "predicted": round(predicted.chunks_a_second, 1),
                "refused": [run["refused"] for run in runs],
                "refused_predicted": statistics.median(one.refused for one in played),
                "busy_predicted": round(predicted.busy, 3),
            }
        )
        click.echo(json.dumps(rows[-1]), err=True)
    facts = {
        "allocations": server.allocations,
        "queue": capacity,
        "chunk_seconds": round(a_chunk, 5),
        "request_seconds": round(a_request, 5),
    }
    _write({"server": client.info()["version"]["number"], "ingest": {**facts, "rows": rows}}, out)


def _sent(
    client: Elasticsearch,
    set_name: str,
    deployment: str,
    count: int,
    size: int,
    at_once: int,
    capacity: int | None,
) -> dict[str, Any]:
    """One run of esrag's sender over chunks that no cache knows."""
    from esrag.cluster.bulk import Action
    from esrag.cluster.chunk_index import ChunkIndex
    from esrag.cluster.delivery import Delivery, Sender
    from esrag.cluster.pressure import Window
    from esrag.names import Names

    index = ChunkIndex(client, Names(set_name))
    index.require()
    window = Window(size, at_once=at_once, most_at_once=at_once, capacity=capacity)
    sender = Sender(Delivery(index.send, window))
    run = f"{time.time_ns():x}"
    actions = []
    for number, source in _documents(count, 2, WORDS_SENT, seed=time.time_ns()):
        del source["embedding"]  # the pipeline makes it
        body = json.dumps({**source, "run_id": run}).encode()
        actions.append(Action("index", f"{run}{number:08d}", number, body))
    before = _refused(client, deployment)
    begun, requests = time.monotonic(), 0
    while actions or sender.in_flight:
        while actions and not sender.is_full:
            batch, actions = actions[: window.size], actions[window.size :]
            sender.submit(batch)
            requests += 1
        for item in sender.collect(timeout=300):
            if item.status not in (200, 201):
                raise click.ClickException(f"refused: {item.code} {item.reason}")
    seconds = time.monotonic() - begun
    client.delete_by_query(
        index=Names(set_name).alias, query={"term": {"run_id": run}}, refresh=True
    )
    return {
        "chunks_a_second": round(count / seconds, 1),
        "seconds_a_request": seconds / requests,
        "refused": _refused(client, deployment) - before,
    }


def _refused(client: Elasticsearch, deployment: str) -> int:
    from esrag.cluster.deployments import read_deployment

    found = read_deployment(client, deployment)
    return found.rejected_count if found else 0


def _queue_capacity(client: Elasticsearch, deployment: str) -> int:
    from esrag.cluster.deployments import read_deployment

    found = read_deployment(client, deployment)
    if found is None:
        raise click.ClickException(f"{deployment} is not deployed")
    return found.queue_capacity


def _client() -> Elasticsearch:
    from esrag.cli.connection import connect_with
    from esrag.settings import load_settings

    return connect_with(load_settings()).options(
        request_timeout=900, max_retries=10, retry_on_status=(429,)
    )


def _write(report: dict[str, Any], out: Path | None) -> None:
    text = json.dumps(
        {"machine": machine(), "date": f"{datetime.now(UTC):%Y-%m-%d}", **report}, indent=1
    )
    if out:
        out.write_text(text + "\n", encoding="utf-8")
    click.echo(text)


if __name__ == "__main__":
    main()
