"""Runs a search template whose rankings the client fuses, or whose question it embedded.

    template ──_render──► legs ──_msearch──► rankings ──fusion──► winners ──_search──► hits

All of it looks at one point in time of the index, as the cluster's own retriever does, so that
ranks, ties and texts belong together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import elastic_transport
from elasticsearch import ApiError

from esrag.cluster.client import explained
from esrag.cluster.rendered import Body, Fusion, fusion_of, with_vector
from esrag.cluster.search import parse_found, require_found, require_whole, search_error
from esrag.errors import UnavailableError
from esrag.fusion import Fused, Ranked
from esrag.names import search_kind
from esrag.search_parameters import checked_params
from esrag.types import Found

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
) -> Found:
    """What one search template finds, with no licensed feature used but the model's.

    ``vector`` is the question's, made by ``model_id`` outside the cluster; None lets the cluster
    embed.  ``expected`` are the indices that this was prepared for.  Raises IndexMovedError when
    hits come from another, and what ``run_template`` raises.
    """
    doing = f"running search template {template_id} on {index}"
    checked = checked_params(params, search_kind(template_id))
    rendered = _render(client, template_id, checked, doing)
    if vector is not None:
        rendered = with_vector(rendered, vector, model_id=model_id)
    fusion = fusion_of(rendered)
    explain = bool(checked.get("explain"))
    if fusion is None:
        with _search_errors(doing):
            answer = client.search(
                index=index, body=rendered, include_named_queries_score=explain or None
            )
        _require_expected([hit["_index"] for hit in answer["hits"]["hits"]], expected)
        return parse_found(answer.body, doing=doing)
    size = int(str(rendered.get("size", DEFAULT_SIZE)))
    with _point_in_time(client, index, doing) as place:
        ranked, counted = _fused(client, place, fusion, rendered.get("aggs"), doing)
        best = ranked[:size]
        _require_expected([each.index for each in best], expected)
        named = fusion.named if explain else None
        hits = _fetch(client, place, rendered, best, named) if best else []
    return parse_found({"hits": {"hits": hits}, "aggregations": counted}, doing=doing)


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
    client: Elasticsearch, place: str, fusion: Fusion, aggs: Any, doing: str
) -> tuple[tuple[Fused, ...], Mapping[str, Any]]:
    """The fused ranking, and what ``aggs`` counted in all that any leg found; one request."""
    bodies = [leg.body for leg in fusion.legs]
    if aggs:
        bodies.append({**fusion.all_matches(), "size": 0, "aggs": aggs, "track_total_hits": False})
    searches: list[Body] = []
    for body in bodies:
        searches += [{}, {**body, "pit": {"id": place, "keep_alive": KEEP_ALIVE}}]
    with _search_errors(doing):
        answer = client.msearch(searches=searches)
        items = answer["responses"]
        for item in items:
            require_found(answer.meta, item, doing)
    if len(items) != len(bodies):
        raise UnavailableError(f"{len(bodies)} searches were sent, {len(items)} answered")
    rankings = [_ranking(item) for item in items[: len(fusion.legs)]]
    return fusion.fused(rankings), items[-1].get("aggregations", {}) if aggs else {}


def _ranking(item: Mapping[str, Any]) -> tuple[Ranked, ...]:
    """The hits of one leg."""
    return tuple(
        Ranked(hit["_index"], hit["_id"], int(hit["sort"][-1]), float(hit["sort"][0]))
        for hit in item["hits"]["hits"]
    )


def _fetch(
    client: Elasticsearch,
    place: str,
    rendered: Body,
    best: Sequence[Fused],
    named: Callable[[Mapping[int, float]], Mapping[str, float]] | None,
) -> list[Body]:
    """The winners with their texts, in the order of the fusion, as a search answer has them.

    ``named`` gives the scores of the legs their names, where they are wanted.
    """
    doing = "fetching the texts of the best"
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
    return [
        {
            **found[each.index, each.id],
            "_score": each.score,
            "matched_queries": named(each.scores) if named else None,
        }
        for each in best
        if (each.index, each.id) in found
    ]


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
