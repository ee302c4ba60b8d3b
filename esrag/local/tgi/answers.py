"""The JSON of TGI's own routes, key for key in TGI's order; pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from esrag.local.tgi.generation.events import Finished, NextToken, PrefillToken, Token
from esrag.local.tgi.state import Engine
from esrag.local.tgi.text import SimpleToken

# what a client needs to know to use TGI's own routes, and who is really answering
ROUTER = "text-generation-router"
VERSION = "3.3.6-dev0"
LABEL = "esrag"
FINGERPRINT = f"{VERSION}-{LABEL}"


@dataclass(frozen=True, slots=True)
class Answer:
    """One whole answer, collected."""

    input_length: int
    prefill: tuple[PrefillToken, ...]
    tokens: tuple[Token, ...]
    top_tokens: tuple[tuple[Token, ...], ...]
    end: Finished

    @property
    def mean_logprob(self) -> float:
        """What ``best_of`` compares."""
        return sum(token.logprob for token in self.tokens) / len(self.tokens)


def to_bytes(value: object) -> bytes:
    """Compact JSON, as serde writes it."""
    return orjson.dumps(value)


def single(value: float | None) -> float | None:
    """A float as its shortest single-precision form; null for what JSON cannot say."""
    if value is None or not math.isfinite(value):
        return None
    return float(str(np.float32(value)))


def token(one: Token) -> dict[str, Any]:
    """A token of an answer."""
    return {
        "id": one.id,
        "text": one.text,
        "logprob": single(one.logprob),
        "special": one.special,
    }


def generated(
    answer: Answer, *, prefix: str, details: bool, losers: Sequence[Answer] | None, top_tokens: bool
) -> dict[str, Any]:
    """The answer of ``/generate``; ``prefix`` is the prompt where the full text is wanted."""
    body: dict[str, Any] = {"generated_text": prefix + answer.end.text}
    if details:
        body["details"] = _details(answer, losers, prefix=prefix, top_tokens=top_tokens)
    return body


def _details(
    answer: Answer, losers: Sequence[Answer] | None, *, prefix: str, top_tokens: bool
) -> dict[str, Any]:
    details = {
        "finish_reason": answer.end.finish_reason,
        "generated_tokens": answer.end.generated_tokens,
        "seed": answer.end.seed,
        **_token_lists(answer),
    }
    if losers is not None:
        details["best_of_sequences"] = [
            _sequence(loser, prefix=prefix, top_tokens=top_tokens) for loser in losers
        ]
    if top_tokens:
        details["top_tokens"] = _tops(answer)
    return details


def _sequence(answer: Answer, *, prefix: str, top_tokens: bool) -> dict[str, Any]:
    body = {
        "generated_text": prefix + answer.end.text,
        "finish_reason": answer.end.finish_reason,
        "generated_tokens": answer.end.generated_tokens,
        "seed": answer.end.seed,
        **_token_lists(answer),
    }
    if top_tokens:
        body["top_tokens"] = _tops(answer)
    return body


def _token_lists(answer: Answer) -> dict[str, Any]:
    return {
        "prefill": [
            {"id": one.id, "text": one.text, "logprob": single(one.logprob)}
            for one in answer.prefill
        ],
        "tokens": [token(one) for one in answer.tokens],
    }


def _tops(answer: Answer) -> list[list[dict[str, Any]]]:
    return [[token(one) for one in place] for place in answer.top_tokens]


def streamed(
    index: int, event: NextToken | Finished, *, prefix: str, details: bool, input_length: int
) -> dict[str, Any]:
    """One event of a native stream; the last one carries the whole text."""
    body: dict[str, Any] = {"index": index, "token": token(event.token)}
    if event.top_tokens:
        body["top_tokens"] = [token(one) for one in event.top_tokens]
    body["generated_text"] = None
    body["details"] = None
    if isinstance(event, Finished):
        body["generated_text"] = prefix + event.text
        if details:
            body["details"] = {
                "finish_reason": event.finish_reason,
                "generated_tokens": event.generated_tokens,
                "seed": event.seed,
                "input_length": input_length,
            }
    return body


def simple_tokens(tokens: Sequence[SimpleToken]) -> list[dict[str, Any]]:
    """The answer of ``/tokenize``."""
    return [
        {"id": one.id, "text": one.text, "start": one.start, "stop": one.stop} for one in tokens
    ]


def info(engine: Engine) -> dict[str, Any]:
    """The answer of ``/info``."""
    limits = engine.limits
    return {
        "model_id": engine.model.model_id,
        "model_sha": engine.model.revision,
        "model_pipeline_tag": engine.model.pipeline_tag,
        "max_concurrent_requests": limits.max_concurrent_requests,
        "max_best_of": limits.max_best_of,
        "max_stop_sequences": limits.max_stop_sequences,
        "max_input_tokens": limits.max_input_tokens,
        "max_total_tokens": limits.max_total_tokens,
        "validation_workers": 1,
        "max_client_batch_size": limits.max_client_batch_size,
        "router": ROUTER,
        "version": VERSION,
        "sha": None,
        "docker_label": LABEL,
    }


def models(engine: Engine) -> dict[str, Any]:
    """The answer of ``/v1/models``: the base model as in TGI, then the adapters as in vLLM.

    ``sha256`` is of an adapter's weights, so that a client can tell which training it gets.
    """
    base = engine.model.model_id
    card = {"object": "model", "created": 0, "owned_by": base}
    adapters = [
        {"id": adapter.name, **card, "parent": base, "sha256": adapter.sha256}
        for adapter in engine.adapters
    ]
    return {"object": "list", "data": [{"id": base, **card}, *adapters]}
