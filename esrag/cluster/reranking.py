"""Scores texts for a question by a rerank inference endpoint of the cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from esrag.cluster.client import explained
from esrag.errors import UnavailableError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch


def rerank(
    client: Elasticsearch, inference_id: str, question: str, texts: Sequence[str]
) -> list[float]:
    """One score for each text, better ones higher.

    Raises UnavailableError when the answer lacks a text, and what ``explained`` raises.
    """
    doing = f"reranking {len(texts)} passages by {inference_id}"
    with explained(doing):
        answer = client.perform_request(
            "POST",
            f"/_inference/rerank/{quote(inference_id, safe='')}",
            headers={"accept": "application/json", "content-type": "application/json"},
            body={"query": question, "input": list(texts)},
        ).body
    try:
        scores = {int(i["index"]): float(i["relevance_score"]) for i in answer["rerank"]}
        return [scores[index] for index in range(len(texts))]
    except (KeyError, TypeError, ValueError) as error:
        raise UnavailableError(
            f"Elasticsearch did not score every text while {doing}: {error!r}",
            hint=f"Has it a top_n among its settings? GET _inference/rerank/{inference_id}",
        ) from error
