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
import time
from collections.abc import Iterator, Sequence
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
BATCH = 500
WORDS_A_CHUNK = 90
SAMPLE = Path(__file__).resolve().parent.parent / "esrag" / "sample" / "documents"


@click.group()
def main() -> None:
    """Measure, and print one JSON object."""


@main.command()
@click.option("--chunks", default="1000,10000,100000", show_default=True)
@click.option("--vectors", "kinds", default="float,int8,bbq", show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path))
def storage(chunks: str, kinds: str, out: Path | None) -> None:
    """Bytes a chunk, on disk and off the heap, for each storage of vectors."""
    client = _client()
    rows = []
    for count in (int(each) for each in chunks.split(",")):
        for kind in kinds.split(","):
            click.echo(f"{count:,} chunks as {kind}", err=True)
            rows.append(measured_storage(client, kind, count))
            click.echo(json.dumps(rows[-1]), err=True)
    _write({"dims": DIMS, "server": client.info()["version"]["number"], "rows": rows}, out)


def measured_storage(client: Elasticsearch, kind: str, count: int) -> dict[str, Any]:
    """One index, filled, merged and measured."""
    index = f"{NAME}-{kind}"
    client.options(ignore_status=404).indices.delete(index=index)
    _create(client, index, kind)
    try:
        text_bytes, begun = 0, time.monotonic()
        documents = _documents(count)
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


def _create(client: Elasticsearch, index: str, kind: str) -> None:
    from esrag.resources import load_body
    from esrag.templating import with_field_choices

    fields: Any = with_field_choices(
        load_body("mappings/fields.json"),
        dims=DIMS,
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


def _documents(count: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Chunks as ingest sends them, with vectors in base64."""
    import base64

    import numpy as np

    chance = random.Random(5)
    numbers = np.random.default_rng(5)
    words = _vocabulary(chance)
    weights = list(accumulate(1 / (rank + 2) for rank in range(len(words))))
    centres = numbers.normal(size=(500, DIMS)).astype(np.float32)
    for number in range(count):
        vector = centres[number * 7919 % 500] + 0.8 * numbers.normal(size=DIMS)
        vector = (vector / np.linalg.norm(vector)).astype(">f4")
        document, position = divmod(number, 12)
        yield (
            number,
            {
                "document_id": f"guides/part-{document % 97}/document-{document}.md",
                "position": position,
                "start": position * 600,
                "end": position * 600 + 620,
                "text": " ".join(chance.choices(words, cum_weights=weights, k=WORDS_A_CHUNK)),
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


def _client() -> Elasticsearch:
    from esrag.cli.connection import connect_with
    from esrag.settings import load_settings

    return connect_with(load_settings()).options(request_timeout=900)


def _write(report: dict[str, Any], out: Path | None) -> None:
    text = json.dumps(
        {"machine": machine(), "date": f"{datetime.now(UTC):%Y-%m-%d}", **report}, indent=1
    )
    if out:
        out.write_text(text + "\n", encoding="utf-8")
    click.echo(text)


if __name__ == "__main__":
    main()
