"""What a set's bodies hold besides, when a text_expansion model is wanted: pure, dicts in and out.

    fields ─► the field ``expansion``        embed pipeline ─► a second inference processor

The shipped files stay as they are, so that a set without such a model has nothing of it.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from esrag.cluster.expansions import EXPANSION_FIELD
from esrag.errors import UsageError
from esrag.templating import Body

EXPAND_TAG = "expand"  # of the processor that asks the second model
_LONGEST_META = 50  # characters that the server takes as a value in the meta of a field


def with_expansion_field(fields: Body, model_id: str) -> Body:
    """A component template with the field for weighted words, which says whose they are."""
    changed = copy.deepcopy(fields)
    properties = changed["template"]["mappings"]["properties"]
    own = properties.get(EXPANSION_FIELD, {"type": "sparse_vector"})
    properties[EXPANSION_FIELD] = {**own, "meta": {**own.get("meta", {}), **_says(model_id)}}
    return changed


def with_expansion_processor(pipeline: Body, model_id: str) -> Body:
    """An embed pipeline that asks the second model after the first, with the same text.

    Raises UsageError when a project's own pipeline has no inference processor to go by.
    """
    changed = copy.deepcopy(pipeline)
    processors = changed.get("processors", [])
    for place, processor in enumerate(processors):
        for each in processor.get("inference", {}).get("input_output", ()):
            expand = {
                "tag": EXPAND_TAG,
                "model_id": model_id,
                "input_output": [
                    {"input_field": each["input_field"], "output_field": EXPANSION_FIELD}
                ],
            }
            processors.insert(place + 1, {"inference": expand})
            return changed
    raise UsageError(
        "pipelines/ingest/embed.json has no inference processor with input_output, so nothing "
        "says which text model.sparse_id shall expand",
        hint="Give it one, as the shipped file has, or leave model.sparse_id empty.",
    )


def expansion_of_other_model(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """Why an index cannot stay: its words are weighted by another model; "" when it can."""
    ours, theirs = _said(wanted), _said(found)
    if not ours or not theirs or ours == theirs:
        return ""
    return f"its chunks are expanded by {theirs}, not by {ours}"


def expansion_note(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> tuple[str, ...]:
    """What to do once an index gets the field: the chunks that it holds have nothing in it."""
    if not _said(wanted) or _said(found):
        return ()
    return (
        "the search template sparse finds only chunks that are written from now on; to expand "
        "those that are there: esrag reembed --force --embed-again",
    )


def _says(model_id: str) -> dict[str, str]:
    return {"model": model_id[-_LONGEST_META:]}


def _said(mapping: Mapping[str, Any]) -> str:
    field = (mapping.get("properties") or {}).get(EXPANSION_FIELD) or {}
    return str((field.get("meta") or {}).get("model", ""))
