"""Hears how answers come about, and passes it on to whoever keeps spans, metrics or a log.

    answering ──► Observing ──┬─ tracing   a span for the answer and one for each step
                              ├─ metrics   counters and histograms
                              └─ log       the answer itself, in an index

Each part is optional.  None of them may fail an answer or hold it up.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from esrag.observing.prices import Prices
from esrag.types import Answer, Asked, Prompt

if TYPE_CHECKING:
    from esrag.observing.metrics import Metrics
    from esrag.observing.tracing import Tracing

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Observing:
    """The parts that are wanted; many threads may tell of their answers at once."""

    tracing: Tracing | None = None
    metrics: Metrics | None = None
    prices: Prices = field(default_factory=Prices)

    @contextmanager
    def answering(self, answer_id: str, asked: Asked) -> Iterator[Facts]:
        """Around one answer; what is put into the facts is told of it."""
        facts: Facts = {"esrag.answer.id": answer_id, "esrag.turns": len(asked.history)}
        if self.tracing is None:
            yield facts
            return
        if self.tracing.content:
            facts["esrag.question"] = asked.question
        with self.tracing.span("esrag.answer", facts):
            yield facts

    @contextmanager
    def step(self, name: str) -> Iterator[Facts]:
        """Around one step; what is put into the facts is told of it."""
        facts: Facts = {}
        if self.tracing is None:
            yield facts
            return
        with self.tracing.span(name, facts, client=name in ("retrieve", "generate")):
            yield facts

    def passed(self, name: str, seconds: float, facts: Facts) -> None:
        """A step has just ended that ran in the course of another one."""
        if self.tracing is not None:
            self.tracing.passed(name, seconds, facts)

    def answered(self, answer: Answer, facts: Facts) -> None:
        """An answer is there; ``facts`` are those of ``answering``."""
        facts |= answer_facts(answer, self.prices)
        if self.tracing is not None and self.tracing.content:
            facts["esrag.shown"] = answer.text
        if self.metrics is not None:
            self.metrics.answered(answer)

    def failed(self, error: BaseException) -> None:
        """An answer failed."""
        if self.metrics is not None:
            self.metrics.failed(error)

    def trace_id(self) -> str:
        """The trace of the answer that is under way in this thread; "" without one."""
        return self.tracing.trace_id() if self.tracing is not None else ""

    def close(self) -> None:
        """Send what waits, for a few seconds at most."""
        if self.tracing is not None:
            self.tracing.close()

    def generation(self, prompt: Prompt, answer: Answer) -> Facts:
        """What is told of a generation, by OpenTelemetry's conventions."""
        facts: Facts = {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": answer.model,
            "gen_ai.usage.input_tokens": answer.prompt_tokens,
            "gen_ai.usage.output_tokens": answer.generated_tokens,
            "esrag.cost": self.prices.of(answer),
        }
        if self.tracing is not None and self.tracing.content:
            facts["gen_ai.input.messages"] = _messages(prompt)
            facts["gen_ai.output.messages"] = json.dumps(
                [_message("assistant", answer.generated_text)], ensure_ascii=False
            )
        return facts


def answer_facts(answer: Answer, prices: Prices) -> Facts:
    """What is told of a whole answer: figures and names of ours, no text."""
    return {
        "esrag.answer.id": answer.id,
        "esrag.answer.kind": answer.kind,
        "esrag.answer.complete": answer.complete,
        "esrag.hits": len(answer.hits),
        "esrag.confidence": round(answer.confidence, 4),
        "esrag.threshold": answer.threshold,
        "esrag.sentences.shown": len(answer.sentences),
        "esrag.sentences.dropped": len(answer.dropped),
        "esrag.citations.invalid": answer.invalid_citations,
        "esrag.degraded": bool(answer.degraded),
        "gen_ai.usage.input_tokens": answer.prompt_tokens,
        "gen_ai.usage.output_tokens": answer.generated_tokens,
        "esrag.cost": prices.of(answer),
    }


def _messages(prompt: Prompt) -> str:
    messages = [_message(message.role, message.content) for message in prompt.messages]
    return json.dumps(messages, ensure_ascii=False)


def _message(role: str, content: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": content}]}
