"""Tries the finished set-up once, without writing: embed one text, run each search template."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from esrag.cluster import pipelines, search, templates
from esrag.errors import UnavailableError, UsageError
from esrag.names import SEARCH_KINDS, Names

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

SAMPLE = {"context": "Release notes › 4.2.1", "text": "The queue no longer blocks on restart."}
QUESTION = "What changed in 4.2.1?"
_ASKED: Mapping[str, object] = {"query": QUESTION, "size": 3}
SMOKE_PARAMETERS: Mapping[str, Mapping[str, object]] = {
    "hybrid": _ASKED,
    "lexical": _ASKED,
    "semantic": _ASKED,
    "filtered": {
        **_ASKED,
        "source": "a.md",
        "document_id": "a",
        "published_from": "2026-01-01",
        "published_to": "now",
        "metadata": [{"name": "team", "value": "docs"}],
    },
    "context": {"document_id": "a", "position": 1, "before": 1, "after": 1},
}


@dataclass(frozen=True, slots=True)
class SmokeResult:
    """What came out: the vector's length, and the hits of each search template."""

    dims: int
    hits: tuple[tuple[str, int], ...]


def smoke_test(
    client: Elasticsearch,
    names: Names,
    *,
    generation: int,
    dims: int | None,
    fields: Collection[str],
) -> SmokeResult:
    """Send one text through the embed pipeline and one question through each search template.

    Raises UnavailableError when the vector is missing, of another length than ``dims``, or zero,
    UsageError when the pipeline leaves a field that is not in ``fields``, those of the mapping.
    """
    pipeline = names.embed_pipeline(generation)
    document = pipelines.simulate_pipeline(client, pipeline, SAMPLE)
    unknown = sorted(set(document) - set(fields))
    if unknown:
        raise UsageError(
            f"ingest pipeline {pipeline} leaves fields that the mapping does not "
            f"have: {', '.join(unknown)}; every chunk would be rejected",
            hint="Remove them in pipelines/ingest/embed.json, or add them to mappings/fields.json.",
        )
    vector = document.get("embedding")
    if not isinstance(vector, list) or not any(vector):
        raise UnavailableError(
            f"ingest pipeline {pipeline} made no vector of a simple text",
            hint="See whether the model is deployed: esrag status",
        )
    if dims is not None and len(vector) != dims:
        raise UnavailableError(
            f"ingest pipeline {pipeline} made a vector of {len(vector)} dimensions "
            f"where the index wants {dims}",
            hint="Compare the model in the pipeline with the mapping: esrag plan",
        )
    hits: list[tuple[str, int]] = []
    for kind in SEARCH_KINDS:
        name = names.search_template(kind)
        params = SMOKE_PARAMETERS[kind]
        templates.render_search_template(client, name, params)
        hits.append((name, len(search.run_template(client, names.alias, name, params))))
    return SmokeResult(dims=len(vector), hits=tuple(hits))
