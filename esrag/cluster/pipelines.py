"""Reads, writes and tries out ingest pipelines.  Knows no pipeline of ours by name."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from elasticsearch import NotFoundError

from esrag.cluster.client import explained, in_use
from esrag.errors import UnavailableError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch


def read_pipeline(client: Elasticsearch, name: str) -> dict[str, Any] | None:
    """The body of an ingest pipeline, None when there is none."""
    with explained(f"reading ingest pipeline {name}"):
        try:
            answer = client.ingest.get_pipeline(id=name)
        except NotFoundError:
            return None
    body: dict[str, Any] | None = answer.body.get(name)
    return body


def list_pipelines(client: Elasticsearch) -> dict[str, dict[str, Any]]:
    """All ingest pipelines of the cluster, by name, whoever made them."""
    with explained("listing ingest pipelines"):
        try:
            return dict(client.ingest.get_pipeline().body)
        except NotFoundError:
            return {}


def write_pipeline(client: Elasticsearch, name: str, body: Mapping[str, Any]) -> None:
    """Create or replace an ingest pipeline."""
    with explained(f"putting ingest pipeline {name}"):
        client.ingest.put_pipeline(id=name, body=dict(body))


def delete_pipeline(client: Elasticsearch, name: str) -> None:
    """Delete an ingest pipeline; one that is gone is no error."""
    doing = f"deleting ingest pipeline {name}"
    with explained(doing), in_use(doing), suppress(NotFoundError):
        client.ingest.delete_pipeline(id=name)


def simulate_pipeline(
    client: Elasticsearch, name: str, document: Mapping[str, Any]
) -> dict[str, Any]:
    """The document as the pipeline would hand it on; nothing is indexed."""
    with explained(f"simulating ingest pipeline {name}"):
        answer = client.ingest.simulate(id=name, docs=[{"_source": dict(document)}])
    result = answer["docs"][0]
    if "error" in result:
        error = result["error"]
        cause = error.get("caused_by", error)
        raise UnavailableError(
            f"ingest pipeline {name} fails on a simple document: {cause.get('reason', error)}",
            hint="See whether the model is deployed: esrag status",
        )
    source: dict[str, Any] = result["doc"]["_source"]
    return source
