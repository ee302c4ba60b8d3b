"""How large a cluster is needed for so many chunks: shards, disk, memory, nodes, hours.

    Load (chunks, vectors) + Node + Speed  ──size──►  Sizing

Pure arithmetic from two kinds of numbers.  Elastic's own rules, each with its page in ``SOURCES``;
and bytes a chunk that were measured with the shipped mapping (``benchmarks.scale``), since no page
says them.  ``docs/scale.md`` sets both beside measured points.  Knows no cluster and no settings.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Vectors = Literal["float", "int8", "bbq"]

GIB = 2**30
SHARD_DOCUMENTS = 200_000_000
SHARD_BYTES = 50 * GIB
SHARD_AIM = 0.8  # of both: an index grows
LUCENE_DOCUMENTS = 2**31 - 129  # in one shard, deleted ones included
SHARDS_A_NODE = 1000
LOW_WATERMARK = 0.85  # of a disk: above it no shard is placed there
LARGEST_HEAP = 31 * GIB
SYSTEM = 2 * GIB  # what the rest of a node's machine takes
GRAPH_M = 16
GRAPH_LEAST = 5_000  # the shipped flat_index_threshold; below about 58,000 there is no graph
CACHED_TEXT = 0.1  # of what is not vectors should be in memory besides

# Measured with the shipped mapping, merged, without vectors: bytes a chunk, and bytes for each
# byte of its text (kept as it is, compressed, and as an inverted index).
FIXED_BYTES = 360.0
BYTES_A_TEXT_BYTE = 1.06
MERGING = 0.15  # segments not yet merged, deleted chunks not yet purged

SOURCES: Mapping[str, str] = {
    "shards": "https://www.elastic.co/docs/deploy-manage/production-guidance/"
    "optimize-performance/size-shards",
    "vectors": "https://www.elastic.co/docs/deploy-manage/production-guidance/"
    "optimize-performance/approximate-knn-search",
    "heap": "https://www.elastic.co/docs/reference/elasticsearch/jvm-settings",
    "watermarks": "https://www.elastic.co/docs/reference/elasticsearch/"
    "configuration-reference/cluster-level-shard-allocation-routing-settings",
}


@dataclass(frozen=True, slots=True)
class Load:
    """What the index is to hold."""

    chunks: int
    dims: int = 384
    vectors: Vectors = "int8"
    text_bytes: int = 600
    replicas: int = 1


@dataclass(frozen=True, slots=True)
class Node:
    """One data node."""

    memory: int = 64 * GIB
    disk: int = 2048 * GIB


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast chunks are embedded by each worker (an allocation or a client), and indexed.

    ``indexing`` is chunks a second and node, merging included; 0 leaves it out.
    """

    workers: int = 1
    chunks_a_second: float = 60.0
    indexing: float = 0.0


@dataclass(frozen=True, slots=True)
class Sizing:
    """What is needed; all sizes in bytes.

    ``vector_memory`` is one copy of the graph and the vectors that are searched; ``page_cache``
    what all copies want of the machines' memory, outside of the heap.
    """

    shards: int
    shard_bytes: float
    disk: float
    disk_with_copies: float
    disk_to_buy: float
    vector_memory: float
    page_cache: float
    heap_a_node: int
    nodes: int
    decided_by: str
    embedding_hours: float
    indexing_hours: float

    @property
    def hours(self) -> float:
        """Embedding and indexing go on at the same time."""
        return max(self.embedding_hours, self.indexing_hours)


def searched_bytes(dims: int, vectors: Vectors) -> float:
    """Bytes of one vector as it is searched; Elastic's table of required memory."""
    return {"float": 4 * dims, "int8": dims + 16, "bbq": dims / 8 + 14}[vectors]


def graph_bytes() -> float:
    """Bytes of one vector's neighbours."""
    return 4 * GRAPH_M


def vector_disk(dims: int, vectors: Vectors) -> float:
    """Bytes on disk: the vector as it came is kept beside the one that is searched."""
    quantised = 0.0 if vectors == "float" else searched_bytes(dims, vectors)
    return 4 * dims + quantised + graph_bytes()


def text_disk(text_bytes: float) -> float:
    """Bytes on disk of everything else that a chunk has."""
    return FIXED_BYTES + BYTES_A_TEXT_BYTE * text_bytes


def size(load: Load, node: Node | None = None, speed: Speed | None = None) -> Sizing:
    """What ``load`` needs on nodes like ``node``."""
    node, speed = node or Node(), speed or Speed()
    copies = 1 + load.replicas
    words = text_disk(load.text_bytes) * load.chunks
    disk = (vector_disk(load.dims, load.vectors) * load.chunks + words) * (1 + MERGING)
    shards = max(
        1,
        math.ceil(disk / (SHARD_AIM * SHARD_BYTES)),
        math.ceil(load.chunks / (SHARD_AIM * SHARD_DOCUMENTS)),
    )
    vector_memory = (searched_bytes(load.dims, load.vectors) + graph_bytes()) * load.chunks
    page_cache = (vector_memory + CACHED_TEXT * words) * copies
    heap = min(LARGEST_HEAP, node.memory // 2)
    wanted = {
        "memory": math.ceil(page_cache / max(1, node.memory - heap - SYSTEM)),
        "disk": math.ceil(disk * copies / (LOW_WATERMARK * node.disk)),
        "shards": math.ceil(shards * copies / SHARDS_A_NODE),
        "copies": copies,
    }
    decided_by = max(wanted, key=lambda name: (wanted[name], name == "copies"))
    nodes = wanted[decided_by]
    indexing = speed.indexing * nodes / copies
    return Sizing(
        shards=shards,
        shard_bytes=disk / shards,
        disk=disk,
        disk_with_copies=disk * copies,
        disk_to_buy=disk * copies / LOW_WATERMARK,
        vector_memory=vector_memory,
        page_cache=page_cache,
        heap_a_node=heap,
        nodes=nodes,
        decided_by=decided_by,
        embedding_hours=load.chunks / (speed.workers * speed.chunks_a_second) / 3600,
        indexing_hours=load.chunks / indexing / 3600 if indexing else 0.0,
    )
