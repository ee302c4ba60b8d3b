"""Writes ``docs/scale.md``: tables of the sizing model, and the model beside what was measured."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from esrag.sizing import (
    BYTES_A_TEXT_BYTE,
    CACHED_TEXT,
    FIXED_BYTES,
    GIB,
    GRAPH_M,
    MERGING,
    SOURCES,
    Load,
    Node,
    Speed,
    Vectors,
    graph_bytes,
    searched_bytes,
    size,
    text_disk,
    vector_disk,
)

MEASURED = Path(__file__).parent.parent / "benchmarks" / "results" / "2026-11-23-scale.json"
VECTORS: tuple[Vectors, ...] = ("float", "int8", "bbq")
CHUNKS = (10**6, 10**8, 10**9)
WORKERS = (1, 4, 16, 64, 256)
RATE = 60.0
HAS_GRAPH = 60_000

_INTRODUCTION = """\
# Scale: how large a cluster, for how many chunks

`esrag size` answers this for your own numbers; it needs no cluster.

```console
$ esrag size --chunks 1e8 --vectors bbq --workers 16 --rate 60
```

The tables below are what the same model says for 384 dimensions, {text_bytes} bytes of text a \
chunk, one replica, and data nodes of {memory} GiB of memory and {disk} GiB of disk.
A million chunks are some 100 million words, or 100,000 documents of ten chunks.
"""

_RULES = """\
## Rules

| what | rule | from |
|---|---|---|
| shards | at most 50 GiB and 200 million chunks each; planned for 80 % of that, since an index \
grows. Lucene's limit of 2,147,483,519 documents in a shard is never near | [shards]({shards}) |
| vectors in memory | bytes a vector: `float` 4 × dims, `int8` dims + 16, `bbq` dims / 8 + 14; \
and {graph:.0f} for the graph (4 × m, m = {m}) | [vectors]({vectors}); there `int8` is dims + 4, \
and 9.5.3 stores 16 |
| page cache | that, for every copy, and a share of {cached:.0%} of everything else | \
[vectors]({vectors}): "leave a buffer"; the share is ours |
| heap | half of the memory, at most 31 GiB | [heap]({heap}) |
| disk of vectors | the vector as it came (4 × dims), the one that is searched, the graph | \
measured |
| disk of the rest | {fixed:.0f} bytes a chunk and {text} for each byte of its text | measured |
| disk to buy | {merging:.0%} for segments that are not merged yet, all copies, and the low \
watermark of 85 % | [watermarks]({watermarks}); the first is ours |
| data nodes | the largest of: page cache, disk, 1000 shards a node, copies. Add dedicated \
masters and ML nodes | |
| hours | chunks / (workers × their rate) | measure the rate: `esrag ingest` shows it |

The shards of an index are set when it is made: put `number_of_shards` into \
`mappings/settings.json` of your project, and `esrag setup` makes the index so.
"""

_LIMITS = """\
## What the model does not know

- Questions: how many a second, and how fast they must be answered. More replicas and more \
processors answer more; the model only sees to it that the graph is in memory.
- Merging takes processor time of its own; above it is part of "merged".
- Rescoring reads a few vectors as they came, from disk when they are not in the cache.
- Snapshots, and a second generation during [re-embedding](reembedding.md): that doubles disk \
for as long as both exist.
- Nothing here was tried with more than 100,000 chunks. What lies beyond follows from the rules, \
and from bytes a chunk that did not change from 10,000 to 100,000.
"""


def scale_page(note: str) -> str:
    """The whole page."""
    node = Node()
    parts = [
        note,
        _INTRODUCTION.format(
            text_bytes=Load(1).text_bytes, memory=node.memory // GIB, disk=node.disk // GIB
        ),
        _sizes(),
        _hours(),
        _RULES.format(
            **SOURCES,
            graph=graph_bytes(),
            m=GRAPH_M,
            cached=CACHED_TEXT,
            fixed=FIXED_BYTES,
            text=BYTES_A_TEXT_BYTE,
            merging=MERGING,
        ),
    ]
    found = json.loads(MEASURED.read_text(encoding="utf-8"))
    return "\n".join([*parts, _checked(found), _simulated(found), _LIMITS])


def _sizes() -> str:
    rows = []
    for chunks in CHUNKS:
        for vectors in VECTORS:
            found = size(Load(chunks, vectors=vectors))
            rows.append(
                [
                    f"{chunks:,}",
                    f"`{vectors}`",
                    f"{found.shards}",
                    _gib(found.shard_bytes),
                    _gib(found.disk),
                    _gib(found.disk_to_buy),
                    _gib(found.vector_memory),
                    _gib(found.page_cache),
                    f"{found.nodes} ({found.decided_by})",
                ]
            )
    head = [
        "chunks",
        "vectors",
        "shards",
        "a shard",
        "disk a copy",
        "disk to buy",
        "vectors in memory, a copy",
        "page cache in all",
        "data nodes (decided by)",
    ]
    return "## Sizes\n\n" + _table(head, rows)


def _hours() -> str:
    rows = [
        [
            f"{workers}",
            *(_duration(size(Load(n), speed=Speed(workers, RATE)).hours) for n in CHUNKS),
        ]
        for workers in WORKERS
    ]
    head = ["workers", *(f"{chunks:,} chunks" for chunks in CHUNKS)]
    words = (
        "## Hours to ingest\n\n"
        "A worker is an allocation of the deployment, or a client that embeds (`local` vectors).\n"
        f"The table takes {RATE:.0f} chunks a second for each, about what one allocation of two "
        "threads does with all-MiniLM-L6-v2 on the machine where esrag is developed; a GPU, or "
        "the AMX of a whole processor, does many times that.\n\n"
    )
    return words + _table(head, rows)


def _checked(found: dict[str, Any]) -> str:
    rows = []
    for row in found["storage"]:
        vectors, dims, off_heap = row["vectors"], row["dims"], row["off_heap"]
        graph = graph_bytes() if row["chunks"] >= HAS_GRAPH else 0.0
        stored = 0.0 if vectors == "float" else 4 * dims
        disk = vector_disk(dims, vectors) - graph_bytes() + graph + text_disk(row["text_bytes"])
        memory = searched_bytes(dims, vectors) + graph
        rows.append(
            [
                f"{row['chunks']:,}",
                f"`{vectors}`",
                f"{dims}",
                f"{row['text_bytes']}",
                *_pair(disk, row["disk"]),
                *_pair(memory, off_heap["total"] - stored),
                _rate(row, "chunks_a_second"),
                _rate(row, "chunks_a_second_with_merging"),
            ]
        )
    head = [
        "chunks",
        "vectors",
        "dims",
        "text bytes",
        "disk: model",
        "measured",
        "",
        "memory: model",
        "measured",
        "",
        "chunks/s",
        "merged",
    ]
    words = (
        "## Checked against measurement\n\n"
        "Bytes a chunk, one shard merged to one segment, no replica; `python -m benchmarks.scale "
        f"storage` on Elasticsearch {found['server']}, {found['date']}.\n"
        f"Machine: {found['machine']}; other work ran beside it.\n"
        "Vectors and words are random but realistic; ids, hashes, headings and addresses are those "
        "of real chunks.\n"
        "Memory is what the server reports as off the heap, without the vectors as they came where "
        "others are searched.\n"
        "Below some 58,000 chunks a segment the shipped `flat_index_threshold` builds no graph, "
        "and search is exact.\n"
        "The last two columns are chunks a second with vectors that are ready, before and with "
        "merging to one segment, one client sending one request at a time; rows without them ran "
        "on a stack started with `--fast-start`, whose compiler makes vector instructions slow.\n"
        f"{found['notes']}\n\n"
    )
    return words + _table(head, rows)


def _simulated(found: dict[str, Any]) -> str:
    facts = found["ingest"]
    rows = [
        [
            f"{row['size']}",
            f"{row['at_once']}",
            "yes" if row["knows_queue"] else "no",
            *_pair(row["predicted"], row["measured"]),
            f"{row['refused_predicted']}",
            ", ".join(str(each) for each in row["refused"]),
        ]
        for row in facts["rows"]
    ]
    head = [
        "chunks a request",
        "requests at once",
        "knows the queue",
        "chunks/s: simulation",
        "measured",
        "",
        "refused: simulation",
        "measured, each round",
    ]
    words = (
        "## Ingest by simulation\n\n"
        "`benchmarks/simulation.py` plays the way of chunks through a deployment: requests, a "
        "queue of limited length, allocations, refusals with 429, and esrag's own window, which "
        "halves and grows.\n"
        "The seconds of a chunk and of a request come from two runs with one request at a time "
        f"({1000 * facts['chunk_seconds']:.1f} ms and {1000 * facts['request_seconds']:.0f} ms); "
        "the rows are other runs, predicted and then measured (`python -m benchmarks.scale "
        f"ingest`), with a queue of {facts['queue']} and {facts['allocations']} allocation.\n"
        "What fits into the queue is met to 36 %, on a machine whose other work changed meanwhile."
        "\n"
        "Where the queue is overrun, refusals come out 15 to 45 % too few, and throughput up to "
        "three times too high: a refused chunk has been through the pipeline for nothing, which "
        "the simulation leaves out.\n"
        "`esrag ingest` knows the queue where it may read the deployment's statistics, and is then "
        "in the rows without refusals.\n\n"
    )
    return words + _table(head, rows)


def _rate(row: dict[str, Any], name: str) -> str:
    return "–" if row.get("fast_start") else f"{row[name]:,}"


def _pair(model: float, measured: float) -> list[str]:
    return [f"{model:,.0f}", f"{measured:,.0f}", f"{(model - measured) / measured:+.0%}"]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def _gib(number: float) -> str:
    gib = number / GIB
    if gib >= 10_240:
        return f"{gib / 1024:,.0f} TiB"
    return f"{gib:,.0f} GiB" if gib >= 10 else f"{gib:.1f} GiB"


def _duration(hours: float) -> str:
    if hours < 1:
        return f"{60 * hours:.0f} min"
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:,.0f} days"
