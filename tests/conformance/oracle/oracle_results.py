"""Takes the values out of an answer of ``_infer``, as the oracle wants them for each task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Result = dict[str, Any]
Read = Callable[[Result, str], dict[str, Any]]


def _common(result: Result, field: str) -> dict[str, Any]:
    return {"results_field": field, "is_truncated": result.get("is_truncated", False)}


def _classes(result: Result) -> list[dict[str, Any]]:
    return [
        {"name": entry["class_name"], "probability": entry["class_probability"]}
        for entry in result.get("top_classes", [])
    ]


def _embedding(result: Result, field: str) -> dict[str, Any]:
    return _common(result, field) | {"values": result[field]}


def _similarity(result: Result, field: str) -> dict[str, Any]:
    return _common(result, field) | {"value": result[field]}


def _expansion(result: Result, field: str) -> dict[str, Any]:
    tokens = [{"token": token, "weight": weight} for token, weight in result[field].items()]
    return _common(result, field) | {"tokens": tokens}


def _classification(result: Result, field: str) -> dict[str, Any]:
    return _common(result, field) | {
        "label": result[field],
        "probability": result["prediction_probability"],
        "classes": _classes(result),
    }


def _fill_mask(result: Result, field: str) -> dict[str, Any]:
    return _classification(result, field) | {"sequence": result[f"{field}_sequence"]}


def _ner(result: Result, field: str) -> dict[str, Any]:
    return _common(result, field) | {"annotated": result[field], "entities": result["entities"]}


def _question_answering(result: Result, field: str) -> dict[str, Any]:
    top = [
        {
            "answer": entry["answer"],
            "score": entry["score"],
            "start_offset": entry["start_offset"],
            "end_offset": entry["end_offset"],
        }
        for entry in result.get("top_classes", [])
    ]
    return _common(result, field) | {
        "answer": result[field],
        "start_offset": result["start_offset"],
        "end_offset": result["end_offset"],
        "probability": result["prediction_probability"],
        "top": top,
    }


def _pass_through(result: Result, field: str) -> dict[str, Any]:
    return _common(result, field) | {"tensor": result[field]}


VALUES_OF: dict[str, Read] = {
    "text_embedding": _embedding,
    "text_similarity": _similarity,
    "text_expansion": _expansion,
    "text_classification": _classification,
    "zero_shot_classification": _classification,
    "fill_mask": _fill_mask,
    "ner": _ner,
    "question_answering": _question_answering,
    "pass_through": _pass_through,
}
