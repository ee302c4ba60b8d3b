"""Sparse retrieval with a model that somebody brought: set up, written, searched."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from elasticsearch import Elasticsearch
from ml_calls import Caller, upload

from esrag.bundle import ModelBundle
from esrag.errors import ConflictError, ModelDownError
from esrag.names import DLQ_INDEX, Names
from esrag.retrieval import Retriever
from esrag.roles import role
from esrag.state.apply import apply_plan
from esrag.state.desired import Choices
from esrag.state.smoke import smoke_test
from esrag.state.survey import take_survey
from esrag.types import Filters, Query

if TYPE_CHECKING:
    from tests.conftest import Stack

TEXTS = {"one": "a a b", "two": "b b b b c", "three": "d e"}


@pytest.fixture
def expander(stack: Stack, prefix: str, tmp_path: Path) -> Iterator[str]:
    """A text_expansion model, not deployed: it weighs a word by how often it occurs."""
    script = Path(__file__).parents[1] / "ml" / "ranking_modules.py"
    subprocess.run([sys.executable, "-W", "ignore", str(script), str(tmp_path)], check=True)
    model_id = f"{prefix}-expander"
    login = httpx.BasicAuth(stack.username, stack.password)
    with httpx.Client(base_url=stack.elasticsearch_url, auth=login, timeout=120) as client:
        definition = (tmp_path / "expansion.pt").read_bytes()
        upload(Caller(client), model_id, definition, inference_config={"text_expansion": {}})
        yield model_id


def set_up(client: Elasticsearch, choices: Choices, bundle: ModelBundle) -> list[str]:
    """One run of setup; the names of what it changed."""
    found = take_survey(client, choices, bundle)
    apply_plan(client, found.desired, found.observed, found.plan)
    return [action.name for action in found.plan.changes]


def write(client: Elasticsearch, names: Names, texts: dict[str, str]) -> None:
    """Chunks as another producer writes them: by the index's own pipeline."""
    for number, (name, text) in enumerate(texts.items()):
        document = {"document_id": name, "position": 0, "start": 0, "end": len(text)}
        document |= {"text": text, "context": "", "source": f"{name}.md", "published": "2026-01-01"}
        client.index(index=names.alias, id=f"{name}-{number}", document=document)
    client.indices.refresh(index=names.alias)


def test_sparse_retrieval_from_setup_to_hits(
    stack: Stack, es: Elasticsearch, choices: Choices, bundle: ModelBundle, expander: str
) -> None:
    """Setup adds it to a set that is there; whoever may search finds by the weighted words."""
    names, wanted = Names(choices.set), replace(choices, sparse_id=expander)
    retriever = Retriever(es, names, "sparse", model_id=choices.model_id)
    set_up(es, choices, bundle)
    with pytest.raises(ConflictError, match="no search template for sparse") as caught:
        retriever.retrieve(Query("a", 3))
    assert "model.sparse_id" in caught.value.hint

    assert set(set_up(es, wanted, bundle)) == {
        expander,
        names.embed_pipeline(1),
        names.mappings_template,
        names.search_template("sparse"),
        names.index(1),
    }
    assert take_survey(es, wanted, bundle).plan.changes == ()
    fields = take_survey(es, wanted, bundle).desired.mapping["properties"]
    sample = smoke_test(es, names, generation=1, dims=bundle.dims, fields=fields)
    assert names.search_template("sparse") in dict(sample.hits)
    with pytest.raises(ConflictError, match="no chunk of"):
        retriever.retrieve(Query("a", 3))

    write(es, names, TEXTS)
    query = Query("a b", 3, facets=True, highlight=True, explain=True)
    found = retriever.retrieve(query)
    # halves of how often: a 1.0 * 0.5 + b 0.5 * 0.5, and b 2.0 * 0.5
    assert [(hit.document_id, hit.score) for hit in found.hits] == [
        ("two", pytest.approx(1.0)),
        ("one", pytest.approx(0.75)),
    ]
    assert all(hit.scores == {"expansion": hit.score} for hit in found.hits)
    assert found.hits[0].highlights
    assert "source" in [facet.field for facet in found.facets]
    only = replace(query, filters=Filters(source=("one.md",)))
    assert [hit.document_id for hit in retriever.retrieve(only).hits] == ["one"]
    assert retriever.retrieve(Query("j", 3)).hits == ()

    descriptor = role("search", choices.set).descriptor()
    key = es.security.create_api_key(name=f"{choices.set}-reader", role_descriptors=descriptor)
    with Elasticsearch(stack.elasticsearch_url, api_key=key["encoded"]) as reader:
        mine = Retriever(reader, names, "sparse").retrieve(query)
    assert [hit.id for hit in mine.hits] == [hit.id for hit in found.hits]


def test_a_model_that_stopped_loses_nothing(
    es: Elasticsearch, choices: Choices, bundle: ModelBundle, expander: str
) -> None:
    """A chunk that could not be expanded is kept aside whole; a question says what to do."""
    names, wanted = Names(choices.set), replace(choices, sparse_id=expander)
    set_up(es, wanted, bundle)
    write(es, names, {"one": "a b"})
    es.ml.stop_trained_model_deployment(model_id=expander, force=True)
    write(es, names, {"two": "b c"})
    es.indices.refresh(index=DLQ_INDEX)
    kept = es.search(index=DLQ_INDEX, query={"term": {"error.index": names.alias}})["hits"]["hits"]
    (letter,) = (hit["_source"] for hit in kept)
    assert (letter["error"]["tag"], letter["text"]) == ("expand", "b c")
    assert "embedding_input" not in letter
    with pytest.raises(ModelDownError, match="expands questions") as caught:
        Retriever(es, names, "sparse").retrieve(Query("b", 3))
    assert "esrag setup" in caught.value.hint
    degraded = Retriever(es, names, "sparse", allow_degraded=True).retrieve(Query("b", 3))
    assert [hit.document_id for hit in degraded.hits] == ["one"]
    assert degraded.degraded
    assert set_up(es, wanted, bundle) == [expander]
