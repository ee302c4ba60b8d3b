"""Embeds short texts with the deployed model, for comparing sentences with a question.

One ``_infer`` call for all texts; documents are never embedded this way, the ingest pipeline
does that inside the cluster.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from esrag.cluster.client import explained
from esrag.errors import UnavailableError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch


def infer_body(texts: Sequence[str], *, input_field: str = "text_field") -> dict[str, Any]:
    """The body of ``POST _ml/trained_models/{id}/_infer`` for ``texts``."""
    return {"docs": [{input_field: text} for text in texts]}


def embed(
    client: Elasticsearch, model_id: str, texts: Sequence[str], *, timeout: float = 30.0
) -> list[list[float]]:
    """One vector for each text, in order.

    Raises UnavailableError when a text could not be embedded, and what ``explained`` raises
    when the model is not deployed or may not be called.
    """
    with explained(f"embedding {len(texts)} texts with {model_id}"):
        answer = client.ml.infer_trained_model(
            model_id=model_id, docs=infer_body(texts)["docs"], timeout=f"{int(timeout)}s"
        )
    vectors: list[list[float]] = []
    for result in answer["inference_results"]:
        if "predicted_value" not in result:
            raise UnavailableError(
                f"{model_id} could not embed a text: {result.get('error', result)}",
                hint="See the deployment: esrag status",
            )
        vectors.append(result["predicted_value"])
    return vectors
