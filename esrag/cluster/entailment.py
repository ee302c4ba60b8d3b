"""Asks a trained model of the cluster whether a passage entails a statement.

The model is one of task zero_shot_classification, which is natural language inference: the
statement is given as the only label, and with ``multi_label`` its probability is that of
entailment against contradiction.  The model's ``hypothesis_template`` has to be "{}", which can
be said only when the model is uploaded; with another one the statement is asked in its words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from elasticsearch import ApiError

from esrag.cluster.client import explained, reason
from esrag.cluster.search import model_down
from esrag.errors import UnavailableError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

TASK = "zero_shot_classification"


def entailment_body(passage: str, statement: str) -> dict[str, Any]:
    """The body of ``POST _ml/trained_models/{id}/_infer`` for one pair."""
    return {
        "docs": [{"text_field": passage}],
        "inference_config": {TASK: {"labels": [statement], "multi_label": True}},
    }


def entailment(
    client: Elasticsearch, model_id: str, passage: str, statement: str, *, timeout: float = 30.0
) -> float:
    """The probability that ``passage`` entails ``statement``.

    Raises ModelDownError when the model does not run, UnavailableError when it gives no result,
    and what ``explained`` raises when it may not be called.
    """
    doing = f"checking a sentence with {model_id}"
    with explained(doing):
        try:
            body = entailment_body(passage, statement)
            answer = client.ml.infer_trained_model(
                model_id=model_id,
                docs=body["docs"],
                inference_config=body["inference_config"],
                timeout=f"{int(timeout)}s",
            )
        except ApiError as error:
            down = model_down(reason(error), doing)
            if down is not None:
                raise down from error
            raise
    (result,) = answer["inference_results"]
    classes = result.get("top_classes") or [
        {"class_probability": result.get("prediction_probability")}
    ]
    probability = classes[0].get("class_probability")
    if not isinstance(probability, int | float):
        raise UnavailableError(
            f"{model_id} gave no probability: {result.get('error', result)}",
            hint=f"answer.nli_model has to be a model of task {TASK}.",
        )
    return float(probability)
