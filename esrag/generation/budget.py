"""How much fits: the server's own limits and its own token counts, where it tells them.

    TGI          /info              /chat_tokenize
    vLLM, SGLang /v1/models         /tokenize (of messages)
    llama.cpp    /props             /apply-template, /tokenize

What was read is kept for minutes, so that no answer waits for it.  A server that tells nothing is
assumed to take 4,096 tokens, and its tokens are estimated from above.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from esrag.errors import EsragError
from esrag.generation.places import BASE_MODEL
from esrag.generation.protocols import turns
from esrag.prompting import estimated_tokens
from esrag.types import Message

ASSUMED_TOTAL_TOKENS = 4096
KEPT_SECONDS = 600.0

ServerKind = Literal["tgi", "openai", "llama.cpp", "unknown"]
# method, path, body -> status and the JSON of the answer, None when it is none
Ask = Callable[[str, str, Any], tuple[int, Any]]


@dataclass(frozen=True, slots=True)
class Limits:
    """The longest input and the longest input plus answer, in tokens."""

    input_tokens: int
    total_tokens: int
    model_id: str = ""
    kind: ServerKind = "unknown"

    def input_budget(self, max_new_tokens: int) -> int:
        """Tokens a prompt may take when ``max_new_tokens`` are wanted for the answer."""
        return max(0, min(self.input_tokens, self.total_tokens - max_new_tokens))


class Budget:
    """Reads limits once in ten minutes, and counts.  For any number of threads."""

    def __init__(self, ask: Ask, *, model: str, context_tokens: int = 0, told: bool = True) -> None:
        """``told`` is false for what has no such routes; ``context_tokens`` overrules what is."""
        self._ask = ask
        self._model = model
        self._context_tokens = context_tokens
        self._told = told
        self._lock = threading.Lock()
        self._limits: Limits | None = None
        self._read_at = 0.0
        self._failure: EsragError | None = None
        self._failed_at = 0.0
        self._counts = True

    def limits(self) -> Limits:
        """The limits, read now or a while ago; raises what asking raises."""
        came = time.monotonic()
        with self._lock:
            if self._limits is not None and time.monotonic() - self._read_at < KEPT_SECONDS:
                return self._limits
            if self._failure is not None and self._failed_at >= came:
                # all who waited hear it at once, instead of one after the other
                raise self._failure
            try:
                self._limits = self._read()
            except EsragError as error:
                self._failure, self._failed_at = error, time.monotonic()
                raise
            self._read_at = time.monotonic()
            self._counts = True
            return self._limits

    def count(self, messages: Sequence[Message]) -> int:
        """Tokens of ``messages`` as the model will see them, or an upper estimate."""
        kind = self.limits().kind
        if self._counts:
            try:
                found = self._counted(kind, messages)
            except EsragError:
                found = None  # an estimate is as good, and the question itself may still be heard
            if found:
                return found
            self._counts = False
        return estimated_tokens(messages)

    def templated(self, messages: Sequence[Message]) -> str:
        """The text that TGI makes of ``messages`` for its model; "" when it has no template."""
        status, found = self._ask("POST", "/chat_tokenize", {"messages": turns(messages)})
        text = found.get("templated_text") if status == 200 and isinstance(found, dict) else ""
        return text if isinstance(text, str) else ""

    def _read(self) -> Limits:
        found = self._found() if self._told else None
        limits = found or Limits(ASSUMED_TOTAL_TOKENS - 1, ASSUMED_TOTAL_TOKENS)
        total = self._context_tokens
        if not total:
            return limits
        fewest = min(limits.input_tokens, total - 1) if found else total - 1
        return Limits(fewest, total, limits.model_id, limits.kind)

    def _found(self) -> Limits | None:
        status, info = self._ask("GET", "/info", None)
        total = _positive(info.get("max_total_tokens")) if _is_object(status, info) else 0
        if total:
            longest = _positive(info.get("max_input_tokens") or info.get("max_input_length"))
            return Limits(longest or total - 1, total, str(info.get("model_id") or ""), "tgi")
        status, listed = self._ask("GET", "/v1/models", None)
        models = listed.get("data") if _is_object(status, listed) else None
        known = [model for model in models or () if isinstance(model, dict)]
        named = [model for model in known if model.get("id") == self._model] or known
        name = str(named[0].get("id") or "") if named else ""
        total = _positive(named[0].get("max_model_len")) if named else 0
        if total:
            return Limits(total - 1, total, name, "openai")
        status, props = self._ask("GET", "/props", None)
        settings = props.get("default_generation_settings") if _is_object(status, props) else None
        total = _positive(settings.get("n_ctx")) if isinstance(settings, dict) else 0
        return Limits(total - 1, total, name, "llama.cpp") if total else None

    def _counted(self, kind: ServerKind, messages: Sequence[Message]) -> int | None:
        if kind == "tgi":
            # an adapter has the tokens of its base
            _, found = self._ask("POST", "/chat_tokenize", {"messages": turns(messages)})
            return _length(found, "tokenize_response")
        if kind == "openai":
            named = {} if self._model == BASE_MODEL else {"model": self._model}
            _, found = self._ask("POST", "/tokenize", {"messages": turns(messages), **named})
            count = found.get("count") if isinstance(found, dict) else None
            return count if isinstance(count, int) else None
        if kind == "llama.cpp":
            _, found = self._ask("POST", "/apply-template", {"messages": turns(messages)})
            text = found.get("prompt") if isinstance(found, dict) else None
            if not isinstance(text, str):
                return None
            body = {"content": text, "add_special": True}
            _, found = self._ask("POST", "/tokenize", body)
            return _length(found, "tokens")
        return None


def _is_object(status: int, found: Any) -> bool:
    return status == 200 and isinstance(found, dict)


def _positive(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 and value is not True else 0


def _length(found: Any, name: str) -> int | None:
    listed = found.get(name) if isinstance(found, dict) else None
    return len(listed) if isinstance(listed, list) else None
