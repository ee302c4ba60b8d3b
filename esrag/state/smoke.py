"""Tries the finished set-up once, without writing: embed one text, run each search template.

Where the client embeds, its own model is tried; a machine that has none sets up all the same, and
only what needs no vector is tried.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from esrag.cluster import pipelines, templates
from esrag.cluster.capabilities import Tier
from esrag.cluster.expansions import EXPANSION_FIELD
from esrag.cluster.profile import Profile
from esrag.errors import UnavailableError, UnsupportedError, UsageError
from esrag.names import ALL_SEARCH_KINDS, SEARCH_KINDS, Names
from esrag.retrieval import NO_VECTOR_KINDS, LocalEmbedder, Retriever

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

SAMPLE = {"context": "Release notes › 4.2.1", "text": "The queue no longer blocks on restart."}
QUESTION = "What changed in 4.2.1?"
# each filter once, so that what it does to the query is tried as well
_ONLY: Mapping[str, object] = {
    "source": ["a.md"],
    "document_id": ["a"],
    "origin": ["a"],
    "author": ["a"],
    "language": ["en"],
    "published_from": "2026-01-01",
    "published_to": "now",
    "modified_from": "2026-01-01",
    "modified_to": "now",
    "metadata": [{"name": "team", "values": ["docs"]}],
    "acl": ["a"],
}
_ASKED: Mapping[str, object] = {
    "query": QUESTION,
    "size": 3,
    "only": _ONLY,
    "facets": True,
    "highlight": True,
    "explain": True,
}
SMOKE_PARAMETERS: Mapping[str, Mapping[str, object]] = {
    "hybrid": _ASKED,
    "linear": _ASKED,
    "lexical": _ASKED,
    "semantic": _ASKED,
    "sparse": _ASKED,
    "context": {"document_id": "a", "position": 1, "before": 1, "after": 1, "only": _ONLY},
}

Local = Callable[[Profile], LocalEmbedder]


def no_embedder(profile: Profile) -> LocalEmbedder:
    """Stands for a machine without a model."""
    raise UnsupportedError(f"no embedder was given for a set that the {profile.embedding} embeds")


@dataclass(frozen=True, slots=True)
class SmokeResult:
    """What came out: the vector's length, and the hits of each search template tried.

    ``untried`` says why nothing was embedded, "" when it was.
    """

    dims: int
    hits: tuple[tuple[str, int], ...]
    untried: str = ""


def smoke_test(
    client: Elasticsearch,
    names: Names,
    *,
    generation: int,
    dims: int | None,
    fields: Collection[str],
    tier: Tier | None = None,
    local: Local = no_embedder,
) -> SmokeResult:
    """Send one text through the embed pipeline and one question through each search template.

    ``local`` makes the embedder of this machine, where ``tier`` says that the client embeds.
    Raises UnavailableError when the vector is missing, of another length than ``dims``, or zero,
    UsageError when the pipeline leaves a field that is not in ``fields``, those of the mapping.
    """
    tier = tier or Tier()
    pipeline = names.embed_pipeline(generation)
    document = pipelines.simulate_pipeline(client, pipeline, SAMPLE)
    unknown = sorted(set(document) - set(fields))
    if unknown:
        raise UsageError(
            f"ingest pipeline {pipeline} leaves fields that the mapping does not "
            f"have: {', '.join(unknown)}; every chunk would be rejected",
            hint="Remove them in pipelines/ingest/embed.json, or add them to mappings/fields.json.",
        )
    profile = Profile(embedding=tier.embedding, fusion=tier.fusion)
    if tier.embedding == "cluster":
        length = _require_vector(document.get("embedding"), dims, pipeline)
        expands = EXPANSION_FIELD in fields
        if expands and EXPANSION_FIELD not in document:
            raise UnavailableError(
                f"{pipeline} did not expand a simple text",
                hint="Is the model of model.sparse_id one of type text_expansion, and deployed?",
            )
        tried = ALL_SEARCH_KINDS if expands else SEARCH_KINDS
        return SmokeResult(length, _searched(client, names, tried, profile, local))
    try:
        embedder = local(profile)
    except UnsupportedError as error:
        kinds = [kind for kind in SEARCH_KINDS if kind in NO_VECTOR_KINDS]
        return SmokeResult(
            dims or 0, _searched(client, names, kinds, profile, local), error.message
        )
    try:
        (vector,) = embedder.embed([SAMPLE["text"]], "ingest")
        length = _require_vector(vector, dims, embedder.bundle.model_id)
        hits = _searched(client, names, SEARCH_KINDS, profile, lambda _: embedder)
        return SmokeResult(length, hits)
    finally:
        embedder.close()


def _require_vector(vector: Any, dims: int | None, maker: str) -> int:
    """The length of a vector that can be indexed."""
    if not isinstance(vector, list) or not any(vector):
        raise UnavailableError(
            f"{maker} made no vector of a simple text",
            hint="See whether the model is deployed: esrag status",
        )
    if dims is not None and len(vector) != dims:
        raise UnavailableError(
            f"{maker} made a vector of {len(vector)} dimensions where the index wants {dims}",
            hint="Compare the model in the pipeline with the mapping: esrag plan",
        )
    return len(vector)


def _searched(
    client: Elasticsearch,
    names: Names,
    kinds: Collection[str],
    profile: Profile,
    local: Local,
) -> tuple[tuple[str, int], ...]:
    hits: list[tuple[str, int]] = []
    for kind in kinds:
        name = names.search_template(kind)
        params = SMOKE_PARAMETERS[kind]
        templates.render_search_template(client, name, params)
        found = Retriever(client, names, profile=profile, local=local).run(kind, params)
        hits.append((name, len(found.hits)))
    return tuple(hits)
