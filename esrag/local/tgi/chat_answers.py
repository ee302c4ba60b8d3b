"""The JSON of the chat route, key for key in TGI's order; pure functions.

TGI's own habits are kept: an empty ``id``, the role in every delta, no OpenAI spelling for an
answer that ended with a stop sequence.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from esrag.local.tgi.answers import FINGERPRINT, Answer, single
from esrag.local.tgi.generation.events import Finished, NextToken, Token
from esrag.local.tgi.generation.stopping import FinishReason
from esrag.local.tgi.tool_calls import Call, Piece


def finish_reason(reason: FinishReason) -> str:
    """``stop`` is the model's own end of sequence; the others keep their names."""
    return "stop" if reason == "eos_token" else reason


def message(text: str, call: Call | None) -> dict[str, Any]:
    """What the assistant says: a text, or a call of a tool, which has no content."""
    if call is None:
        return {"role": "assistant", "content": text}
    function = {"description": None, "name": call.name, "arguments": call.arguments}
    calls = [{"id": "0", "type": "function", "function": function}]
    return {"role": "assistant", "tool_calls": calls}


def completion(
    answer: Answer, *, said: dict[str, Any], prompt_tokens: int, model: str, logprobs: bool
) -> dict[str, Any]:
    """The answer to a chat that is not streamed.

    Where a model chose no tool, ``said`` and ``prompt_tokens`` are of its second answer and the
    rest is of the first: TGI mixes them so.
    """
    end = answer.end
    tops = answer.top_tokens
    return {
        "object": "chat.completion",
        **head(model),
        "choices": [
            {
                "index": 0,
                "message": said,
                "logprobs": _logprobs(answer.tokens, tops) if logprobs else None,
                "finish_reason": finish_reason(end.finish_reason),
            }
        ],
        "usage": usage(prompt_tokens, end.generated_tokens),
    }


def chunk(event: NextToken | Finished, *, model: str, logprobs: bool) -> dict[str, Any]:
    """One token of a streamed chat; special tokens have no content."""
    content = "" if event.token.special else event.token.text
    delta = {"role": "assistant", "content": content}
    return _chunk(event, delta, model=model, logprobs=logprobs)


def call_chunk(piece: Piece, *, call_id: str, model: str, logprobs: bool) -> dict[str, Any]:
    """A part of a streamed call; TGI repeats everything but the name in each of them."""
    event = piece.event
    if event.token.special:
        return chunk(event, model=model, logprobs=logprobs)
    function = {"name": piece.name, "arguments": event.token.text}
    calls = [{"index": 0, "id": call_id, "type": "function", "function": function}]
    delta = {"role": "assistant", "tool_calls": calls}
    return _chunk(event, delta, model=model, logprobs=logprobs)


def _chunk(
    event: NextToken | Finished, delta: dict[str, Any], *, model: str, logprobs: bool
) -> dict[str, Any]:
    reason = finish_reason(event.finish_reason) if isinstance(event, Finished) else None
    return {
        "object": "chat.completion.chunk",
        **head(model),
        "choices": [
            {
                "index": 0,
                "delta": delta,
                "logprobs": _logprobs([event.token], [event.top_tokens]) if logprobs else None,
                "finish_reason": reason,
            }
        ],
        "usage": None,
    }


def usage_chunk(*, model: str, prompt_tokens: int, completion_tokens: int) -> dict[str, Any]:
    """The extra chunk for ``include_usage``: no choices."""
    return {
        "object": "chat.completion.chunk",
        **head(model),
        "choices": [],
        "usage": usage(prompt_tokens, completion_tokens),
    }


def usage(prompt_tokens: int, completion_tokens: int) -> dict[str, int]:
    """Token counts."""
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }


def head(model: str) -> dict[str, Any]:
    """What every OpenAI-like answer begins with, after its ``object``."""
    return {
        "id": "",
        "created": int(time.time()),
        "model": model,
        "system_fingerprint": FINGERPRINT,
    }


def _logprobs(tokens: Sequence[Token], tops: Sequence[Sequence[Token]]) -> dict[str, Any]:
    return {
        "content": [
            {
                "token": token.text,
                "logprob": single(token.logprob),
                "top_logprobs": [
                    {"token": one.text, "logprob": single(one.logprob)} for one in top
                ],
            }
            for token, top in zip(tokens, tops, strict=True)
        ]
    }
