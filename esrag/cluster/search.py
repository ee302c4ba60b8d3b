"""Runs a stored search template and turns the answer into hits.

Place in the flow: question -> **hits**.  The query itself is not here: it is the search template
(``pipelines/search/``), which Kibana users run as well.  Knows nothing of prompts or answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from elasticsearch import ApiError

from esrag.cluster.client import NOT_ALLOCATED, api_error, explained, reason
from esrag.cluster.expansions import HOW_TO_GET_SPARSE
from esrag.errors import ConflictError, ModelDownError, UnavailableError, UsageError
from esrag.names import SPARSE_KIND, search_kind
from esrag.search_parameters import checked_params
from esrag.types import Facet, Found, Hit

if TYPE_CHECKING:
    from elastic_transport import ApiResponseMeta
    from elasticsearch import Elasticsearch

# What the templates put around the words that matched; no keyboard has them.
MARK, UNMARK = "\ue000", "\ue001"
HEADERS = {"accept": "application/json", "content-type": "application/json"}
# With it, matched_queries holds the score of each named ranking, where the template asks for them.
NAMED_SCORES = {"include_named_queries_score": "true"}

_EVERY_CHUNK_HAS = ("document_id", "text", "position", "start", "end")


def run_template(
    client: Elasticsearch, index: str, template_id: str, params: Mapping[str, object]
) -> Found:
    """What one search template call finds, hits best first; one request.

    ``params`` are the template's, as ``search_parameters`` lists them; UsageError is raised for
    others.  Raises ConflictError when the alias, the template or the deployment is missing,
    UnavailableError when the deployment is starting, shards failed or time ran out.
    """
    kind = search_kind(template_id)
    checked = checked_params(params, kind)
    doing = f"running search template {template_id} on {index}"
    with explained(doing):
        try:
            answer = client.perform_request(
                "POST",
                f"/{quote(index, safe=',*')}/_search/template",
                params=NAMED_SCORES if checked.get("explain") else None,
                headers=HEADERS,
                body={"id": template_id, "params": checked},
            )
        except ApiError as error:
            raise search_error(error, doing, kind) from error
    return parse_found(answer.body, doing=doing)


def run_templates(
    client: Elasticsearch,
    index: str,
    template_id: str,
    calls: Sequence[Mapping[str, object]],
) -> tuple[Found, ...]:
    """What several calls of one search template find; one request.  Raises as ``run_template``."""
    doing = f"running search template {template_id} on {index}"
    kind = search_kind(template_id)
    lines: list[dict[str, object]] = []
    for params in calls:
        lines += [{}, {"id": template_id, "params": checked_params(params, kind)}]
    with explained(doing):
        try:
            answer = client.msearch_template(index=index, search_templates=lines)
            items = answer.get("responses", ())
            for item in items:
                require_found(answer.meta, item, doing)
        except ApiError as error:
            raise search_error(error, doing) from error
    if len(items) != len(calls):
        raise UnavailableError(f"{len(calls)} searches were sent, {len(items)} answered")
    return tuple(parse_found(item, doing=doing) for item in items)


def require_found(meta: ApiResponseMeta, item: Mapping[str, Any], doing: str) -> None:
    """Raise what one of several searches of a request met."""
    if "error" in item:
        status = replace(meta, status=int(item.get("status", 500)))
        raise ApiError(str(item["error"].get("type", "")), meta=status, body=dict(item))
    require_whole(item, doing)


def parse_found(answer: Any, *, doing: str) -> Found:
    """What a search answer holds.  A partial answer is an error, as it would look whole."""
    try:
        require_whole(answer, doing)
        hits = answer["hits"]["hits"]
        _require_ours(hits, doing)
        return Found(
            hits=tuple(_hit(raw, rank) for rank, raw in enumerate(hits, start=1)),
            facets=_facets(answer.get("aggregations", {})),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UnavailableError(
            f"Elasticsearch sent something that is not a search answer while {doing}: {error!r}",
            hint="Is there a proxy in between?",
        ) from error


def _require_ours(hits: Sequence[Mapping[str, Any]], doing: str) -> None:
    """Raise ConflictError when what was found are no chunks: the alias leads to another index."""
    for raw in hits:
        source = raw.get("_source") or {}
        lacking = [name for name in _EVERY_CHUNK_HAS if name not in source]
        if lacking:
            raise ConflictError(
                f"{raw['_index']} does not hold chunks of esrag: its documents lack "
                f"{', '.join(lacking)} ({doing})",
                hint="Where does the alias lead? See: esrag plan",
            )


def require_whole(answer: Mapping[str, Any], doing: str) -> None:
    """Raise UnavailableError when some of the index did not take part in a search."""
    shards = answer.get("_shards", {})
    if shards.get("failed"):
        failures = shards.get("failures") or [{}]
        why = (failures[0].get("reason") or {}).get("reason", "no reason given")
        raise UnavailableError(
            f"{shards['failed']} of {shards.get('total', '?')} shards failed while {doing}: {why}"
        )
    if answer.get("timed_out"):
        raise UnavailableError(f"Elasticsearch gave up before the end while {doing}")


def _facets(aggregations: Mapping[str, Any]) -> tuple[Facet, ...]:
    """The fields that have values, in the order of the template."""
    found = []
    for field, counted in aggregations.items():
        buckets = counted.get("buckets", ())
        counts = [(str(b.get("key_as_string", b["key"])), int(b["doc_count"])) for b in buckets]
        if counts:
            counts.sort(key=lambda pair: -pair[1])
            found.append(Facet(field, tuple(counts)))
    return tuple(found)


def _hit(raw: Mapping[str, Any], rank: int) -> Hit:
    source = raw["_source"]
    text = str(source["text"])
    return Hit(
        id=str(raw["_id"]),
        document_id=str(source["document_id"]),
        rank=rank,
        score=float(raw.get("_score") or 0.0),
        text=text,
        title=str(source.get("title") or ""),
        heading_path=_strings(source.get("heading_path")),
        source=str(source.get("source") or ""),
        url=str(source.get("url") or ""),
        position=int(source["position"]),
        start=int(source["start"]),
        end=int(source["end"]),
        published=str(source.get("published") or ""),
        metadata={
            str(name): _text(value) for name, value in (source.get("metadata") or {}).items()
        },
        page=int(source.get("page") or 0),
        last_page=int(source.get("last_page") or 0),
        author=str(source.get("author") or ""),
        language=str(source.get("language") or ""),
        origin=str(source.get("origin") or ""),
        modified=str(source.get("modified") or ""),
        highlights=_highlights(raw.get("highlight"), text),
        scores=_scores(raw.get("matched_queries")),
    )


def _highlights(marked: Any, text: str) -> tuple[tuple[int, int], ...]:
    """The marked stretches as offsets; none when the marks stand in the text itself."""
    pieces = (marked or {}).get("text") or [""]
    found: list[tuple[int, int]] = []
    plain, *rest = pieces[0].split(MARK)
    length = len(plain)
    for piece in rest:
        inside, _, after = piece.partition(UNMARK)
        found.append((length, length + len(inside)))
        length += len(inside) + len(after)
        plain += inside + after
    return tuple(found) if plain == text else ()


def _scores(matched: Any) -> Mapping[str, float]:
    """The score of each named ranking; a list says only which of them matched."""
    if not isinstance(matched, Mapping):
        return {}
    return {str(name): float(score) for name, score in matched.items()}


def _strings(value: object) -> tuple[str, ...]:
    """A field as a tuple: Elasticsearch gives a single value back as it came."""
    if value is None:
        return ()
    if isinstance(value, list):
        return tuple(str(item) for item in value)
    return (str(value),)


def _text(value: object) -> str:
    return ", ".join(str(item) for item in value) if isinstance(value, list) else str(value)


def search_error(error: ApiError, doing: str, kind: str = "") -> Exception:
    """Name the missing piece; the server's own wording speaks of scripts and inference."""
    text = reason(error)
    status = error.meta.status
    if kind == SPARSE_KIND and status == 404 and "script" in text:
        return ConflictError(
            f"this document set has no search template for sparse retrieval ({doing}): {text}",
            hint=HOW_TO_GET_SPARSE,
        )
    if status == 404 and "script" in text:
        return ConflictError(
            f"there is no such search template in the cluster ({doing}): {text}",
            hint="Run: esrag setup",
        )
    if status == 404 and "Inference endpoint not found" in text:
        return ConflictError(
            f"there is no such inference endpoint ({doing}): {text}",
            hint="retrieval.rerank_endpoint names it. The cluster's own: GET _inference/rerank",
        )
    if status == 404 and "index" in text:
        return ConflictError(f"there is no such index ({doing}): {text}", hint="Run: esrag setup")
    if status == 400 and "failed to parse date field" in text:
        return UsageError(f"a date cannot be read ({doing}): {text}", hint="Write: 2026-03-31")
    down = model_down(text, doing)
    if down is not None and kind == SPARSE_KIND:
        return ModelDownError(
            f"the model that expands questions does not run ({doing}): {text}",
            hint="Start the deployment of model.sparse_id: esrag setup. "
            "Meanwhile --allow-degraded searches by words alone.",
        )
    return down if down is not None else api_error(error, doing)


def model_down(text: str, doing: str) -> ModelDownError | None:
    """The error when the server's words say that the deployment does not run."""
    if NOT_ALLOCATED in text:
        return ModelDownError(
            f"the embedding model is deployed and runs nowhere yet ({doing}): {text}",
            hint="It may be starting: try again, or look with: esrag model list. "
            "Meanwhile --allow-degraded searches by words alone.",
        )
    if "must be deployed" in text or "is not an inference service model" in text:
        return ModelDownError(
            f"the embedding model is not deployed ({doing}): {text}",
            hint="Run: esrag model deploy. Meanwhile --allow-degraded searches by words alone.",
        )
    return None
