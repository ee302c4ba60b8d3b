"""A cluster with a Basic licence, driven through the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from elasticsearch import Elasticsearch
from tier_models import built_bundle, lend_bundle
from tier_questions import legs_agree, sameness, sample_questions

from esrag.embedding.process import Embedder
from esrag.names import Names
from esrag.retrieval import Retriever
from esrag.sample import corpus_folder
from esrag.types import Query

if TYPE_CHECKING:
    from conftest import Stack

MODEL = "sentence-transformers__all-minilm-l6-v2"


def test_everything_works_without_licensed_features(
    stack: Stack, basic_stack: Stack, basic_es: Elasticsearch, basic_prefix: str
) -> None:
    """Plan, setup, nothing to do, ingest, again, search, ask; no request for a model."""
    lend_bundle(built_bundle(stack), basic_stack)
    own = ("--set", basic_prefix)
    planned = basic_stack.esrag("plan", *own, "--json")
    assert planned.returncode == 2, planned.stderr
    plan = json.loads(planned.stdout)
    assert plan["tier"]["embedding"] == plan["tier"]["fusion"] == "client"
    assert not {"trained model", "deployment"} & {one["kind"] for one in plan["actions"]}
    done = basic_stack.esrag("setup", *own, "--yes")
    assert done.returncode == 0, done.stderr
    assert "this machine embeds (384 dimensions)" in done.stderr
    assert basic_stack.esrag("plan", *own).returncode == 0

    document = corpus_folder() / "release-notes" / "siltbase-4.2.1.md"
    first = basic_stack.esrag("ingest", *own, str(document))
    assert first.returncode == 0, first.stderr
    assert "1 listed = 1 indexed" in first.stdout
    assert "1 unchanged" in basic_stack.esrag("ingest", *own, str(document)).stdout
    alias = Names(basic_prefix).alias
    embedded = basic_es.count(index=alias, query={"exists": {"field": "embedding"}})["count"]
    assert embedded == basic_es.count(index=alias)["count"] > 0

    asked = basic_stack.esrag("ask", *own, "--quote", "--json", "When did Siltbase 4.2.1 come out?")
    assert asked.returncode == 0, asked.stderr
    answer = json.loads(asked.stdout)
    assert "9 April 2026" in answer["answer"]
    assert answer["degraded"] == ""


@pytest.mark.long
def test_300_questions_find_the_same_on_both_tiers(
    stack: Stack,
    basic_stack: Stack,
    es: Elasticsearch,
    basic_es: Elasticsearch,
    prefix: str,
) -> None:
    """The whole sample corpus, ingested twice: what differs is the order of equal scores alone.

    They are ordered by the place in the index, and two indices are never written in quite the
    same order; a chunk that so gains a rank by words may enter the ten.
    """
    bundle = built_bundle(stack)
    lend_bundle(bundle, basic_stack)
    for one in (stack, basic_stack):
        for arguments in (("setup", "--yes"), ("ingest", str(corpus_folder()))):
            done = one.esrag(arguments[0], "--set", prefix, *arguments[1:], timeout=900)
            assert done.returncode == 0, done.stderr
    names = Names(prefix)
    with Embedder(bundle) as embedder:
        there = Retriever(es, names, model_id=MODEL)
        here = Retriever(basic_es, names, local=lambda _: embedder)
        differing = [
            question
            for question in sample_questions(300)
            if sameness(*(each.retrieve(Query(question, 10)).hits for each in (there, here)))
            == "different"
        ]
    assert [q for q in differing if not legs_agree((es, basic_es), names, q)] == []
    assert len(differing) <= 9  # 4 and 7 in the runs when this was written
