"""The uploaded vocabulary: which token has which id.

The order of the list is the id.  Merges and scores belong to tokenizations that are not covered
yet; they are checked and kept so that an upload is complete.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from esrag.local.mlnode.problems import Problem


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Tokens in the order of their ids, with the merges and scores that some kinds need."""

    tokens: tuple[str, ...]
    merges: tuple[str, ...] = ()
    scores: tuple[float, ...] = ()


def read_vocabulary(body: bytes) -> Vocabulary:
    """The vocabulary in a request body, or a bad_request that says what is wrong with it."""
    try:
        parsed: Any = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Problem("bad_request", f"The vocabulary is not JSON: {error}") from error
    if not isinstance(parsed, dict) or parsed.get("vocabulary") is None:
        raise Problem("bad_request", "[vocabulary] must not be null.")
    tokens = _strings(parsed, "vocabulary")
    if not tokens:
        raise Problem("bad_request", "[vocabulary] must not be empty")
    scores = parsed.get("scores") or []
    if not isinstance(scores, list) or not all(isinstance(s, int | float) for s in scores):
        raise Problem("bad_request", "[scores] must be a list of numbers")
    if scores and len(scores) != len(tokens):
        raise Problem("bad_request", "[scores] must have same length as [vocabulary]")
    return Vocabulary(tokens, _strings(parsed, "merges"), tuple(float(s) for s in scores))


def _strings(parsed: dict[str, Any], name: str) -> tuple[str, ...]:
    values = parsed.get(name) or []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise Problem("bad_request", f"[{name}] must be a list of strings")
    return tuple(values)
