"""Embeds short texts with the deployed model, for comparing sentences with a question.

One ``_infer`` call for all texts; documents are never embedded this way, the ingest pipeline
does that inside the cluster.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from elasticsearch import ApiError

from esrag.cluster.client import explained, reason
from esrag.cluster.search import model_down
from esrag.errors import ModelDownError, UnavailableError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch


def infer_body(texts: Sequence[str], *, input_field: str = "text_field") -> dict[str, Any]:
    """The body of ``POST _ml/trained_models/{id}/_infer`` for ``texts``."""
    return {"docs": [{input_field: text} for text in texts]}


def embed(
    client: Elasticsearch, model_id: str, texts: Sequence[str], *, timeout: float = 30.0
) -> list[list[float]]:
    """One vector for each text, in order.

    Raises UnavailableError when a text could not be embedded, ModelDownError when the model does
    not run, and what ``explained`` raises when it may not be called.
    """
    doing = f"embedding {len(texts)} texts with {model_id}"
    with explained(doing):
        try:
            answer = client.ml.infer_trained_model(
                model_id=model_id, docs=infer_body(texts)["docs"], timeout=f"{int(timeout)}s"
            )
        except ApiError as error:
            down = model_down(reason(error), doing)
            if down is None and error.meta.status == 404:
                down = ModelDownError(
                    f"the cluster has no trained model {model_id} ({doing})",
                    hint="Run: esrag setup",
                )
            if down is not None:
                raise down from error
            raise
    vectors: list[list[float]] = []
    for result in answer["inference_results"]:
        if "predicted_value" not in result:
            raise UnavailableError(
                f"{model_id} could not embed a text: {result.get('error', result)}",
                hint="See the deployment: esrag status",
            )
        vectors.append(result["predicted_value"])
    return vectors
