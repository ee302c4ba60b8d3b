"""A model in use, in every way that a client can reach it; faults are made in this scene."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ml_calls import DIMENSIONS, Caller, Reply, upload

Refusal = tuple[int, str, str]
START = "deployment/_start?wait_for=started&timeout=60s"


@dataclass(frozen=True, slots=True)
class Scene:
    """A deployed model with an endpoint, two pipelines, an index and a search template over it."""

    admin: Caller
    name: str

    @property
    def path(self) -> str:
        """The trained model's address."""
        return f"/_ml/trained_models/{self.name}"

    def build(self, definition: bytes, *, queue_capacity: int = 10_000) -> None:
        """Make everything, model first."""
        upload(self.admin, self.name, definition)
        self.start(queue_capacity)
        settings = {"deployment_id": self.name, "num_threads": 1, "num_allocations": 1}
        endpoint = {
            "service": "elasticsearch",
            "service_settings": {"model_id": self.name, **settings},
        }
        self.admin.ok("PUT", f"/_inference/text_embedding/{self.name}-endpoint", endpoint)
        bare = {"input_output": [{"input_field": "text", "output_field": "vector"}]}
        whole = {"field_map": {"text": "text_field"}, "target_field": "result"}
        for kind, options in {"bare": bare, "whole": whole}.items():
            processors = [{"inference": {"model_id": self.name, **options}}]
            pipeline = f"/_ingest/pipeline/{self.name}-{kind}"
            self.admin.ok("PUT", pipeline, {"processors": processors})
        vector = {"type": "dense_vector", "dims": DIMENSIONS}
        properties = {"text": {"type": "text"}, "vector": vector}
        self.admin.ok("PUT", f"/{self.name}", {"mappings": {"properties": properties}})
        self.index("bare")
        self.admin.ok("PUT", f"/_scripts/{self.name}", self._template())

    def start(self, queue_capacity: int = 10_000) -> None:
        """Deploy the model."""
        self.admin.ok("POST", f"{self.path}/{START}&queue_capacity={queue_capacity}")

    def stop(self) -> None:
        """Stop the deployment although pipelines refer to it."""
        self.admin.ok("POST", f"{self.path}/deployment/_stop?force=true")

    def delete(self) -> None:
        """Delete the model although it is deployed."""
        self.admin.ok("DELETE", f"{self.path}?force=true")

    def ways(self) -> dict[str, Callable[[], Reply]]:
        """What a client can do that needs the model."""
        return {
            "_infer": lambda: self.infer("a"),
            "endpoint": lambda: self.admin(
                "POST", f"/_inference/{self.name}-endpoint", {"input": "a"}
            ),
            "document with output_field": lambda: self.index("bare"),
            "document with target_field": lambda: self.index("whole"),
            "knn search": lambda: self.admin("POST", f"/{self.name}/_search", {"knn": self.knn()}),
            "search template": lambda: self.admin(
                "POST", f"/{self.name}/_search/template", {"id": self.name, "params": {"q": "a"}}
            ),
        }

    def infer(self, text: str) -> Reply:
        """One text."""
        return self.admin("POST", f"{self.path}/_infer?timeout=60s", {"docs": {"text_field": text}})

    def index(self, kind: str) -> Reply:
        """One document through a pipeline."""
        path = f"/{self.name}/_doc?refresh=true&pipeline={self.name}-{kind}"
        return self.admin("POST", path, {"text": "a b"})

    def bulk(self) -> Reply:
        """Two documents in one request: one that needs the model, one that does not."""
        return self.admin(
            "POST",
            f"/{self.name}/_bulk",
            [{"index": {"pipeline": f"{self.name}-bare"}}, {"text": "a"}, {"index": {}}, {}],
        )

    def knn(self, text: str = "a") -> dict[str, Any]:
        """A vector search whose vector the model makes."""
        builder = {"text_embedding": {"model_id": self.name, "model_text": text}}
        return {"field": "vector", "k": 5, "num_candidates": 5, "query_vector_builder": builder}

    def _template(self) -> dict[str, Any]:
        words = {"standard": {"query": {"match": {"text": "{{q}}"}}}}
        body = {"retriever": {"rrf": {"retrievers": [words, {"knn": self.knn("{{q}}")}]}}}
        return {"script": {"lang": "mustache", "source": json.dumps(body)}}
