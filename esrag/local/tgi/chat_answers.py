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


def finish_reason(reason: FinishReason) -> str:
    """``stop`` is the model's own end of sequence; the others keep their names."""
    return "stop" if reason == "eos_token" else reason


def completion(answer: Answer, *, model: str, logprobs: bool) -> dict[str, Any]:
    """The answer to a chat that is not streamed."""
    end = answer.end
    tops = answer.top_tokens
    return {
        "object": "chat.completion",
        **_head(model),
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": end.text},
                "logprobs": _logprobs(answer.tokens, tops) if logprobs else None,
                "finish_reason": finish_reason(end.finish_reason),
            }
        ],
        "usage": usage(answer.input_length, end.generated_tokens),
    }


def chunk(event: NextToken | Finished, *, model: str, logprobs: bool) -> dict[str, Any]:
    """One token of a streamed chat; special tokens have no content."""
    reason = finish_reason(event.finish_reason) if isinstance(event, Finished) else None
    content = "" if event.token.special else event.token.text
    return {
        "object": "chat.completion.chunk",
        **_head(model),
        "choices": [
            {
                "index": 0,
                "delta": {"role": "assistant", "content": content},
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
        **_head(model),
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


def _head(model: str) -> dict[str, Any]:
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
