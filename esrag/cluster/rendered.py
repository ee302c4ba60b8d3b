"""Rewrites a rendered search template for a cluster that does not embed or fuse.  Pure.

    rendered template ──with_vector──► no model is called any more
                      └─fusion_of────► the searches of its ``rrf`` or ``linear`` retriever, one
                                       by one, and how their rankings are fused

The template stays the one definition of the query: only what the cluster cannot do is taken out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from esrag.errors import UnsupportedError
from esrag.fusion import Fused, Ranked, combine, fuse, fusion_settings

Body = dict[str, Any]

# What a leg may hold here; anything else would change the ranking if it were left out.
_STANDARD_KEYS = frozenset({"query", "filter", "min_score", "_name"})
_FUSION_KEYS: Mapping[str, frozenset[str]] = {
    "rrf": frozenset({"retrievers", "rank_constant", "rank_window_size", "filter", "_name"}),
    "linear": frozenset({"retrievers", "normalizer", "rank_window_size", "filter", "_name"}),
}
# By score, and equal scores by place in the index: the order in which the server takes them.
_ORDER: tuple[Body, ...] = ({"_score": "desc"}, {"_shard_doc": "asc"})


def with_vector(rendered: Mapping[str, Any], vector: Sequence[float], *, model_id: str) -> Body:
    """A copy in which the question's vector stands where ``model_id`` would have made it.

    A clause of another model finds nothing: it is for another generation of the index.
    """

    def walk(value: Any) -> Any:
        if isinstance(value, list):
            return [walk(item) for item in value]
        if not isinstance(value, Mapping):
            return value
        builder = value.get("query_vector_builder")
        if isinstance(builder, Mapping):
            rest = {k: walk(v) for k, v in value.items() if k != "query_vector_builder"}
            return {"query_vector": list(vector), **rest}
        if _calls_other(value.get("knn"), model_id) and len(value) == 1:
            return {"match_none": {}}
        return {key: walk(item) for key, item in value.items()}

    changed: Body = walk(rendered)
    return changed


def _calls_other(knn: Any, model_id: str) -> bool:
    builder = knn.get("query_vector_builder") if isinstance(knn, Mapping) else None
    wanted = builder.get("text_embedding", {}).get("model_id") if builder else None
    return wanted not in (None, "", model_id)


@dataclass(frozen=True, slots=True)
class Leg:
    """One ranking of a fusion: the search that makes it, and how it counts."""

    name: str
    body: Body
    weight: float = 1.0
    normalizer: str = "none"


@dataclass(frozen=True, slots=True)
class Fusion:
    """A retriever that fuses rankings, taken apart.  ``kind`` is rrf or linear."""

    kind: str
    legs: tuple[Leg, ...]
    constant: int
    window: int

    def fused(self, rankings: Sequence[Sequence[Ranked]]) -> tuple[Fused, ...]:
        """The best documents of the rankings, one for each leg."""
        weights = [leg.weight for leg in self.legs]
        if self.kind == "rrf":
            return fuse(rankings, constant=self.constant, window=self.window, weights=weights)
        normalizers = [leg.normalizer for leg in self.legs]
        return combine(rankings, weights=weights, normalizers=normalizers, window=self.window)

    def named(self, scores: Mapping[int, float]) -> dict[str, float]:
        """The scores of a fused document by the names of the legs."""
        return {self.legs[number].name: score for number, score in scores.items()}

    def all_matches(self) -> Body:
        """A search for whatever any leg finds, without order."""
        queries = [leg.body["query"] for leg in self.legs if "query" in leg.body]
        nearest = [leg.body["knn"] for leg in self.legs if "knn" in leg.body]
        body: Body = {"query": {"bool": {"should": queries}}} if queries else {}
        return body | ({"knn": nearest} if nearest else {})


def fusion_of(rendered: Mapping[str, Any]) -> Fusion | None:
    """The fusing retriever of a template, None when it fuses nothing.

    Raises UnsupportedError for what could not be run one by one with the same outcome.
    """
    retriever = rendered.get("retriever") or {}
    kind = next((kind for kind in _FUSION_KEYS if isinstance(retriever.get(kind), Mapping)), None)
    if kind is None:
        return None
    fused = retriever[kind]
    _require_known(fused, _FUSION_KEYS[kind], kind)
    constant, window = fusion_settings(fused)
    shared = _as_list(fused.get("filter"))
    found = tuple(
        _leg(entry, number, shared=shared, window=window, normalizer=fused.get("normalizer"))
        for number, entry in enumerate(fused.get("retrievers", ()))
    )
    return Fusion(kind, found, constant, window)


def _leg(
    entry: Mapping[str, Any], number: int, *, shared: list[Any], window: int, normalizer: Any
) -> Leg:
    """One entry of ``retrievers``, which holds a retriever or is one."""
    weighted = "retriever" in entry
    retriever = entry["retriever"] if weighted else entry
    options = next(iter(retriever.values()))
    return Leg(
        name=_name_in(options) or str(number),
        body={
            **_search(retriever, shared),
            "size": window,
            "_source": False,
            "sort": list(_ORDER),
            "track_total_hits": False,
        },
        weight=float(entry.get("weight", 1.0)) if weighted else 1.0,
        normalizer=str((entry.get("normalizer") if weighted else None) or normalizer or "none"),
    )


def _name_in(options: Any) -> str:
    """The outermost ``_name``: a retriever's own, else that of a query within.

    A fused retriever gives its own name, or none, to the query that it holds, and with filters to
    what is put around it; only a query further in keeps a name whose score is that of the ranking.
    """
    within = options.values() if isinstance(options, Mapping) else options
    if isinstance(options, Mapping) and isinstance(options.get("_name"), str):
        return str(options["_name"])
    found = (_name_in(each) for each in within if isinstance(each, Mapping | list))
    return next((name for name in found if name), "")


def _search(retriever: Mapping[str, Any], shared: list[Any]) -> Body:
    kind, options = next(iter(retriever.items()))
    if kind == "standard":
        _require_known(options, _STANDARD_KEYS, kind)
        filters = [*_as_list(options.get("filter")), *shared]
        query = options.get("query")
        body: Body = {"query": query if query is not None else {"match_all": {}}}
        if filters:
            musts = {"must": [query]} if query is not None else {}
            body = {"query": {"bool": {**musts, "filter": filters}}}
        return body | ({"min_score": options["min_score"]} if "min_score" in options else {})
    if kind == "knn":
        filters = [*_as_list(options.get("filter")), *shared]
        knn = {k: v for k, v in options.items() if k not in ("filter", "_name", "min_score")}
        body = {"knn": knn | ({"filter": filters} if filters else {})}
        return body | ({"min_score": options["min_score"]} if "min_score" in options else {})
    raise UnsupportedError(
        f"this cluster does not fuse rankings, and the client cannot run a {kind} retriever",
        hint="Use standard and knn retrievers in the search template, or another licence.",
    )


def _require_known(options: Mapping[str, Any], known: frozenset[str], kind: str) -> None:
    unknown = sorted(set(options) - known)
    if unknown:
        raise UnsupportedError(
            f"this cluster does not fuse rankings, and the client cannot follow "
            f"{', '.join(unknown)} of a {kind} retriever",
            hint=f"Leave it out of the search template, or use a licence that covers {kind}.",
        )


def _as_list(clauses: Any) -> list[Any]:
    if clauses is None:
        return []
    return list(clauses) if isinstance(clauses, list) else [clauses]
