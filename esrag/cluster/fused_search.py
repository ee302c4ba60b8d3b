"""Runs a search template whose rankings the client fuses, or whose question it embedded.

    template ──_render──► legs ──_msearch──► rankings ──fusion──► winners ──_search──► hits

All of it looks at one point in time of the index, as the cluster's own retriever does, so that
ranks, ties and texts belong together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import elastic_transport
from elasticsearch import ApiError

from esrag.cluster.client import explained
from esrag.cluster.rendered import Body, fused_retriever, legs, with_vector
from esrag.cluster.search import parse_hits, require_whole, search_error
from esrag.errors import UnavailableError
from esrag.fusion import Fused, Ranked, fuse, fusion_settings
from esrag.names import search_kind
from esrag.search_parameters import checked_params
from esrag.types import Hit

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

KEEP_ALIVE = "1m"
DEFAULT_SIZE = 10
# What the outer body of a fused search may say about its hits.
_SHOWING = ("_source", "fields", "highlight", "stored_fields", "docvalue_fields")


def run_rendered(
    client: Elasticsearch,
    index: str,
    template_id: str,
    params: Mapping[str, object],
    *,
    vector: Sequence[float] | None = None,
    model_id: str = "",
    expected: Sequence[str] = (),
) -> tuple[Hit, ...]:
    """The hits of one search template, best first, with no licensed feature used but the model's.

    ``vector`` is the question's, made by ``model_id`` outside the cluster; None lets the cluster
    embed.  ``expected`` are the indices that this was prepared for.  Raises IndexMovedError when
    hits come from another, and what ``run_template`` raises.
    """
    doing = f"running search template {template_id} on {index}"
    rendered = _render(client, template_id, checked_params(params, search_kind(template_id)), doing)
    if vector is not None:
        rendered = with_vector(rendered, vector, model_id=model_id)
    fused = fused_retriever(rendered)
    if fused is None:
        with _search_errors(doing):
            answer = client.search(index=index, body=rendered)
        _require_expected([hit["_index"] for hit in answer["hits"]["hits"]], expected)
        return parse_hits(answer.body, doing=doing)
    size = int(str(rendered.get("size", DEFAULT_SIZE)))
    with _point_in_time(client, index, doing) as place:
        best = _fused(client, place, fused, doing)[:size]
        _require_expected([each.index for each in best], expected)
        return _fetch(client, place, rendered, best, doing) if best else ()


class IndexMovedError(UnavailableError):
    """The alias leads elsewhere than it did; whoever asks looks again."""


def _require_expected(found: Sequence[str], expected: Sequence[str]) -> None:
    others = sorted(set(found) - set(expected))
    if expected and others:
        raise IndexMovedError(
            f"hits came from {', '.join(others)}, where {', '.join(expected)} was searched before",
            hint="Another generation took over; ask again.",
        )


def _render(
    client: Elasticsearch, template_id: str, params: Mapping[str, object], doing: str
) -> Body:
    with _search_errors(doing):
        answer = client.render_search_template(id=template_id, params=dict(params))
    body: Body = answer["template_output"]
    return body


def _fused(
    client: Elasticsearch, place: str, fused: Mapping[str, Any], doing: str
) -> tuple[Fused, ...]:
    bodies, weights = legs(fused)
    constant, window = fusion_settings(fused)
    searches: list[Body] = []
    for body in bodies:
        searches += [{}, {**body, "pit": {"id": place, "keep_alive": KEEP_ALIVE}}]
    with _search_errors(doing):
        answer = client.msearch(searches=searches)
        rankings = [_ranking(answer, item, doing) for item in answer["responses"]]
    if len(rankings) != len(bodies):
        raise UnavailableError(f"{len(bodies)} searches were sent, {len(rankings)} answered")
    return fuse(rankings, constant=constant, window=window, weights=weights)


def _ranking(answer: Any, item: Mapping[str, Any], doing: str) -> tuple[Ranked, ...]:
    """The hits of one leg; raises what the leg met."""
    if "error" in item:
        meta = replace(answer.meta, status=int(item.get("status", 500)))
        raise ApiError(str(item["error"].get("type", "")), meta=meta, body=dict(item))
    require_whole(item, doing)
    return tuple(
        Ranked(hit["_index"], hit["_id"], int(hit["sort"][-1])) for hit in item["hits"]["hits"]
    )


def _fetch(
    client: Elasticsearch, place: str, rendered: Body, best: Sequence[Fused], doing: str
) -> tuple[Hit, ...]:
    """The winners with their texts, in the order of the fusion."""
    shown = {name: rendered[name] for name in _SHOWING if name in rendered}
    body = {
        **shown,
        "pit": {"id": place, "keep_alive": KEEP_ALIVE},
        "query": {"ids": {"values": sorted({each.id for each in best})}},
        "size": len(best) * 2,  # an id may stand in two indices
        "track_total_hits": False,
    }
    with _search_errors(doing):
        answer = client.search(body=body)
    require_whole(answer.body, doing)
    found = {(hit["_index"], hit["_id"]): hit for hit in answer["hits"]["hits"]}
    ordered = [
        {**found[each.index, each.id], "_score": each.score}
        for each in best
        if (each.index, each.id) in found
    ]
    return parse_hits({"hits": {"hits": ordered}}, doing=doing)


@contextmanager
def _point_in_time(client: Elasticsearch, index: str, doing: str) -> Iterator[str]:
    with _search_errors(doing):
        opened = client.open_point_in_time(index=index, keep_alive=KEEP_ALIVE)
    try:
        yield opened["id"]
    finally:
        # It ends by itself in a minute; an answer is not lost because this did not arrive.
        with suppress(ApiError, elastic_transport.TransportError):
            client.close_point_in_time(id=opened["id"])


@contextmanager
def _search_errors(doing: str) -> Iterator[None]:
    with explained(doing):
        try:
            yield
        except ApiError as error:
            raise search_error(error, doing) from error
