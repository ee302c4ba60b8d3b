"""The published way to semantic search, as somebody goes it in Dev Tools: raw requests, in order.

Model, pipeline, reindex, vectors, hybrid search, stored template, endpoint, reranking.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cluster_models import BERT, deploy

if TYPE_CHECKING:
    import httpx
    from elasticsearch import Elasticsearch

pytestmark = pytest.mark.suite(
    "walk-through in Dev Tools", "The published steps to semantic search, as raw requests"
)
NOTES = {
    "1": "Tomatoes want sun, water and a stick to climb.",
    "2": "The nightly backup writes to tape at three.",
    "3": "Paris is the capital of France.",
    "4": "Interest rates were raised by a quarter of a point.",
    "5": "A vaccine teaches the body to recognise a virus.",
    "6": "",
}
QUESTION = "How do I grow vegetables?"


@dataclass(frozen=True, slots=True)
class Console:
    """Sends what stands in the console; every step must succeed."""

    server: httpx.Client
    name: str
    model: str

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        """A body that is a list goes out line by line."""
        lines = body if isinstance(body, list) else None
        content = "".join(json.dumps(line) + "\n" for line in lines) if lines else None
        answer = self.server.request(
            method,
            path,
            content=content or (json.dumps(body) if body is not None else None),
            headers={"content-type": "application/x-ndjson" if lines else "application/json"},
        )
        assert answer.status_code in (200, 201), f"{method} {path}: {answer.text}"
        return answer.json()


def ids(answer: Any) -> list[str]:
    """The hits of an answer, best first."""
    return [hit["_id"] for hit in answer["hits"]["hits"]]


def pipeline(console: Console) -> dict[str, Any]:
    """Embeds a text; what cannot be embedded goes to an index of its own, with the reason."""
    embed = {
        "inference": {
            "model_id": console.model,
            "target_field": "text_embedding",
            "field_map": {"text": "text_field"},
        }
    }
    failed = [
        {"set": {"field": "_index", "value": "failed-{{{_index}}}"}},
        {"set": {"field": "ingest.failure", "value": "{{_ingest.on_failure_message}}"}},
    ]
    return {"description": "embeds a text", "processors": [embed], "on_failure": failed}


def store_and_embed(console: Console) -> None:
    """Notes in one index, then in another with their vectors."""
    notes, embedded = f"{console.name}-notes", f"{console.name}-embedded"
    lines: list[Any] = []
    for key, text in NOTES.items():
        lines += [{"index": {"_id": key}}, {"id": key, **({"text": text} if text else {})}]
    assert console("POST", f"/{notes}/_bulk?refresh=true", lines)["errors"] is False
    console("PUT", f"/_ingest/pipeline/{console.name}", pipeline(console))
    tried = console(
        "POST",
        f"/_ingest/pipeline/{console.name}/_simulate",
        {"docs": [{"_source": {"text": NOTES["3"]}}]},
    )
    source = tried["docs"][0]["doc"]["_source"]
    assert len(source["text_embedding"]["predicted_value"]) == 384
    assert source["text_embedding"]["model_id"] == console.model
    vector = {"type": "dense_vector", "dims": 384, "index": True, "similarity": "cosine"}
    properties = {"text_embedding.predicted_value": vector, "text": {"type": "text"}}
    console("PUT", f"/{embedded}", {"mappings": {"properties": properties}})
    started = console(
        "POST",
        "/_reindex?wait_for_completion=false",
        {
            "source": {"index": notes, "size": 3},
            "dest": {"index": embedded, "pipeline": console.name},
        },
    )
    status = wait_for(console, started["task"])
    assert status["response"]["created"] == len(NOTES)
    assert status["response"]["failures"] == []
    console("POST", f"/{embedded},failed-{embedded}/_refresh")
    (aside,) = console("GET", f"/failed-{embedded}/_search")["hits"]["hits"]
    assert aside["_id"] == "6"
    assert "text" in aside["_source"]["ingest"]["failure"]


def wait_for(console: Console, task: str) -> Any:
    """The task when it has ended."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = console("GET", f"/_tasks/{task}")
        if found["completed"]:
            return found
        time.sleep(0.2)
    pytest.fail(f"the task {task} did not end")


def knn(console: Console) -> dict[str, Any]:
    """The server embeds the question."""
    builder = {"text_embedding": {"model_id": console.model, "model_text": QUESTION}}
    return {
        "field": "text_embedding.predicted_value",
        "query_vector_builder": builder,
        "k": 3,
        "num_candidates": 50,
    }


def search(console: Console) -> None:
    """By vector, by both with added scores, by both with fusion."""
    path = f"/{console.name}-embedded/_search"
    found = console("GET", path, {"knn": knn(console), "_source": ["id", "text"]})
    assert ids(found)[0] == "1"
    assert len(ids(found)) == 3
    assert found["hits"]["hits"][0]["_source"] == {"id": "1", "text": NOTES["1"]}
    words = {"match": {"text": {"query": "vaccine", "boost": 9}}}
    added = console("GET", path, {"query": words, "knn": knn(console) | {"boost": 0.1}})
    assert ids(added)[:2] == ["5", "1"]
    rrf = {"retrievers": [{"standard": {"query": words}}, {"knn": knn(console)}]}
    fused = console("GET", path, {"retriever": {"rrf": rrf | {"rank_window_size": 10}}})
    assert set(ids(fused)) == {*ids(found), "5"}
    by_vector = {key: 1 / (61 + place) for place, key in enumerate(ids(found))}
    expected = by_vector | {"5": by_vector.get("5", 0.0) + 1 / 61}
    scores = {hit["_id"]: hit["_score"] for hit in fused["hits"]["hits"]}
    assert scores == pytest.approx(expected)


def search_by_template(console: Console) -> None:
    """Stored once, asked with parameters, and rendered to see what is sent."""
    builder = {"text_embedding": {"model_id": console.model, "model_text": "{{question}}"}}
    body = {
        "knn": knn(console) | {"query_vector_builder": builder},
        "size": "{{size}}{{^size}}2{{/size}}",
        "_source": ["text"],
    }
    source = json.dumps(body)
    script = {"lang": "mustache", "source": source}
    console("PUT", f"/_scripts/{console.name}", {"script": script})
    params = {"question": 'money, "rates" and\nbanks'}
    asked = {"id": console.name, "params": params}
    found = console("GET", f"/{console.name}-embedded/_search/template", asked)
    assert ids(found)[0] == "4"
    assert len(ids(found)) == 2
    shown = console("POST", "/_render/template", asked)["template_output"]
    said = shown["knn"]["query_vector_builder"]["text_embedding"]["model_text"]
    assert said == params["question"]


def ask_the_model(console: Console) -> None:
    """What the pages of the models show: its statistics, and a text tried out."""
    stats = console("GET", f"/_ml/trained_models/{console.model}/_stats")
    (one,) = stats["trained_model_stats"]
    assert one["deployment_stats"]["state"] == "started"
    assert one["deployment_stats"]["nodes"][0]["routing_state"] == {"routing_state": "started"}
    tried = console(
        "POST",
        f"/_ml/trained_models/{console.model}/_infer",
        {"docs": [{"text_field": NOTES["1"]}]},
    )
    assert len(tried["inference_results"][0]["predicted_value"]) == 384


def test_from_the_model_to_the_template(
    server: httpx.Client, prefix: str, dense_model: str
) -> None:
    """Each step builds on the last; the one note without text is put aside and told why."""
    console = Console(server, prefix, dense_model)
    ask_the_model(console)
    store_and_embed(console)
    search(console)
    search_by_template(console)


def test_an_endpoint_over_the_deployed_model(
    server: httpx.Client, prefix: str, dense_model: str
) -> None:
    """The same vector by the endpoint and by the model."""
    console = Console(server, prefix, dense_model)
    settings = {"deployment_id": dense_model}
    made = console(
        "PUT",
        f"/_inference/text_embedding/{prefix}",
        {"service": "elasticsearch", "service_settings": settings},
    )
    assert (made["inference_id"], made["task_type"]) == (prefix, "text_embedding")
    answer = console("POST", f"/_inference/text_embedding/{prefix}", {"input": [NOTES["1"]]})
    docs = {"docs": [{"text_field": NOTES["1"]}]}
    tried = console("POST", f"/_ml/trained_models/{dense_model}/_infer", docs)
    assert answer["text_embedding"][0]["embedding"] == pytest.approx(
        tried["inference_results"][0]["predicted_value"], abs=1e-5
    )


def test_hits_are_put_in_a_better_order(
    server: httpx.Client,
    es: Elasticsearch,
    prefix: str,
    word_models: Path,
) -> None:
    """A cross-encoder behind a rerank endpoint reads question and hits; here it counts words."""
    console = Console(server, prefix, f"{prefix}-similarity")
    tokenization = {"bert": BERT["bert"] | {"truncate": "second"}}
    task = {"text_similarity": {"tokenization": tokenization}}
    deploy(es, console.model, (word_models / "similarity.pt").read_bytes(), task)
    settings = {"deployment_id": console.model}
    rerank = {"service": "elasticsearch", "service_settings": settings}
    console("PUT", f"/_inference/rerank/{prefix}", rerank)
    lines: list[Any] = []
    for key, text in {"a": "red fish", "b": "red red red", "c": "red fish big pond"}.items():
        lines += [{"index": {"_id": key}}, {"text": text}]
    console("POST", f"/{prefix}/_bulk?refresh=true", lines)
    words = {"standard": {"query": {"match": {"text": "red"}}}}
    retriever = {
        "text_similarity_reranker": {
            "retriever": words,
            "field": "text",
            "inference_id": prefix,
            "inference_text": "a red fish in a big pond",
            "rank_window_size": 3,
        }
    }
    found = console("POST", f"/{prefix}/_search", {"retriever": retriever})
    assert ids(found) == ["c", "a", "b"]
