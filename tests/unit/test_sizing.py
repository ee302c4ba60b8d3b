"""Sizes follow from the rules that they are said to follow from."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from esrag.cli import cli
from esrag.sizing import (
    GIB,
    LUCENE_DOCUMENTS,
    SHARD_BYTES,
    SHARD_DOCUMENTS,
    Load,
    Node,
    Speed,
    Vectors,
    searched_bytes,
    size,
)

loads = st.builds(
    Load,
    chunks=st.integers(1, 10**10),
    dims=st.integers(64, 4096),
    vectors=st.sampled_from(["float", "int8", "bbq"]),
    text_bytes=st.integers(50, 20_000),
    replicas=st.integers(0, 3),
)
nodes = st.builds(
    Node,
    memory=st.integers(8, 512).map(lambda n: n * GIB),
    disk=st.integers(50, 20_000).map(lambda n: n * GIB),
)


@given(loads, nodes)
def test_every_sizing_keeps_elastics_rules(load: Load, node: Node) -> None:
    """Whatever the load: shards within both bounds, a node for each copy, memory for vectors."""
    found = size(load, node)
    assert found.shard_bytes <= SHARD_BYTES
    assert load.chunks / found.shards <= SHARD_DOCUMENTS < LUCENE_DOCUMENTS
    assert found.nodes >= 1 + load.replicas
    assert found.heap_a_node <= node.memory / 2
    assert found.nodes * (node.memory - found.heap_a_node) >= found.page_cache
    assert found.nodes * node.disk >= found.disk_with_copies
    assert found.page_cache >= found.vector_memory * (1 + load.replicas)


@given(loads)
def test_more_chunks_never_need_less(load: Load) -> None:
    """Twice the chunks, at least the same of everything."""
    less, more = size(load), size(replace(load, chunks=2 * load.chunks))
    for name in ("shards", "disk", "vector_memory", "page_cache", "nodes", "hours"):
        assert getattr(more, name) >= getattr(less, name)


@pytest.mark.parametrize(
    ("vectors", "dims", "bytes_"), [("float", 1024, 4096), ("int8", 1024, 1040), ("bbq", 1024, 142)]
)
def test_a_vector_takes_what_is_documented(vectors: Vectors, dims: int, bytes_: int) -> None:
    """The table of required memory, with the bytes that int8 has for corrections since 9.x."""
    assert searched_bytes(dims, vectors) == bytes_


def test_hours_are_those_of_the_slower_side() -> None:
    """Embedding and indexing go on at once."""
    load = Load(3_600_000)
    assert size(load, speed=Speed(10, 100)).hours == 1
    slow = size(load, speed=Speed(10, 100, indexing=1))
    assert slow.hours == slow.indexing_hours > slow.embedding_hours


def test_the_command_says_what_the_model_says() -> None:
    """The same numbers, as JSON and in words."""
    answer = CliRunner().invoke(cli, ["size", "--chunks", "1e8", "--vectors", "bbq", "--json"])
    found = json.loads(answer.output)
    assert found["chunks"] == 100_000_000
    assert found["nodes"] == size(Load(10**8, vectors="bbq")).nodes
    words = CliRunner().invoke(cli, ["size", "--chunks", "100,000,000", "--vectors", "bbq"])
    assert f"{found['shards']} of " in words.output


def test_indexing_is_named_when_its_speed_is_known() -> None:
    """Embedding may be the faster side."""
    asked = ["size", "--chunks", "1e6", "--rate", "100"]
    assert "indexing" not in CliRunner().invoke(cli, asked).output
    assert "indexing " in CliRunner().invoke(cli, [*asked, "--indexing", "50"]).output


@pytest.mark.parametrize("wrong", ["0", "many", "1e13", "nan"])
def test_a_number_that_is_none_is_refused(wrong: str) -> None:
    """Wrong usage, exit code 2."""
    assert CliRunner().invoke(cli, ["size", "--chunks", wrong]).exit_code == 2
