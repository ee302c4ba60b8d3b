"""How much fits: the server's own limits and its own token counts, where it tells them.

TGI answers ``GET /info`` and ``POST /chat_tokenize``.  Servers that have neither are assumed to
take 4,096 tokens, and tokens are then over-estimated from characters, which can only make the
prompt shorter than it might have been.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from esrag.generation.endpoint import Endpoint, explained, refused
from esrag.types import Message

ASSUMED_TOTAL_TOKENS = 4096
_CHARACTERS_PER_TOKEN = 2.5
_TOKENS_PER_MESSAGE = 8


@dataclass(frozen=True, slots=True)
class Limits:
    """The longest input and the longest input plus answer, in tokens."""

    input_tokens: int
    total_tokens: int
    model_id: str = ""

    def input_budget(self, max_new_tokens: int) -> int:
        """Tokens a prompt may take when ``max_new_tokens`` are wanted for the answer."""
        return max(0, min(self.input_tokens, self.total_tokens - max_new_tokens))


class Tokenizer:
    """Counts the tokens of messages with the server's own template, or estimates them."""

    def __init__(self, endpoint: Endpoint, client: httpx.Client) -> None:
        self._endpoint = endpoint
        self._client = client
        self._exact = True

    def count(self, messages: Sequence[Message]) -> int:
        """Tokens of ``messages`` as the model will see them, or an upper estimate."""
        if self._exact:
            body = {"messages": [{"role": m.role, "content": m.content} for m in messages]}
            with explained(self._endpoint, "counting tokens"):
                response = self._client.post("chat_tokenize", json=body)
            if response.status_code == 200:
                return len(response.json()["tokenize_response"])
            self._exact = False
        return sum(estimate(message) for message in messages)


def estimate(message: Message) -> int:
    """An upper estimate of a message's tokens for a server that does not count them."""
    return int(len(message.content) / _CHARACTERS_PER_TOKEN) + _TOKENS_PER_MESSAGE


def read_limits(endpoint: Endpoint, client: httpx.Client) -> Limits:
    """Ask ``/info``; a server without it gets the assumed limits."""
    with explained(endpoint, "reading its limits"):
        response = client.get("info")
    if response.status_code in (401, 403, 429) or response.status_code >= 500:
        raise refused(endpoint, response.status_code, response.content)
    try:
        info = response.json()
        total = int(info["max_total_tokens"])
        return Limits(int(info.get("max_input_tokens", total - 1)), total, str(info["model_id"]))
    except (ValueError, KeyError, TypeError):
        return Limits(ASSUMED_TOTAL_TOKENS - 1, ASSUMED_TOTAL_TOKENS)
