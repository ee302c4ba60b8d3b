"""Metrics of answers in a registry of their own, ready for Prometheus.

Labels have few values, all of them ours: no question, no document and no caller is ever one.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from esrag.errors import EsragError
from esrag.observing.prices import Prices
from esrag.types import Answer

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_STEPS = ("rewrite", "retrieve", "rerank", "assess", "prompt", "generate", "verify")


class Metrics:
    """Counts answers; others may add metrics of theirs to ``registry``."""

    def __init__(self, prices: Prices | None = None) -> None:
        self.registry = CollectorRegistry()
        self._prices = prices or Prices()
        registry = self.registry
        self._answers = Counter(
            "esrag_answers", "Answers, by whose words they are.", ["kind"], registry=registry
        )
        self._failures = Counter(
            "esrag_answer_failures", "Answers that failed.", ["error"], registry=registry
        )
        self._seconds = Histogram(
            "esrag_answer_seconds",
            "Seconds of a whole answer.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._steps = Histogram(
            "esrag_step_seconds",
            "Seconds of a step of an answer.",
            ["step"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._first_token = Histogram(
            "esrag_first_token_seconds",
            "Seconds from asking the generator until its first token.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._first_sentence = Histogram(
            "esrag_first_sentence_seconds",
            "Seconds from the question until the first sentence that may be shown.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._tokens = Counter(
            "esrag_tokens",
            "Tokens of prompts and of what was generated.",
            ["of"],
            registry=registry,
        )
        self._cost = Counter(
            "esrag_cost", "Cost of these tokens, by the prices of the settings.", registry=registry
        )
        self._sentences = Counter(
            "esrag_generated_sentences",
            "Generated sentences, by verdict.",
            ["verdict"],
            registry=registry,
        )
        self._invalid = Counter(
            "esrag_invalid_citations",
            "Citations of passages that had not been given.",
            registry=registry,
        )
        self._wasted = Counter(
            "esrag_generations_thrown_away",
            "Generations begun for a question that was then refused.",
            registry=registry,
        )
        self._degraded = Counter(
            "esrag_degraded_answers",
            "Answers for which retrieval had to do without something.",
            registry=registry,
        )
        self._unlogged = Counter(
            "esrag_answer_log_failures",
            "Answers and feedback that the answer log does not have.",
            registry=registry,
        )

    def answered(self, answer: Answer) -> None:
        """Count an answer, also one that is left of a failure."""
        self._answers.labels(answer.kind if answer.complete else "incomplete").inc()
        self._seconds.observe(answer.seconds.get("total", 0.0))
        for step in _STEPS:
            if step in answer.seconds:
                self._steps.labels(step).observe(answer.seconds[step])
        if "first_token" in answer.seconds:
            self._first_token.observe(answer.seconds["first_token"])
        if "first_sentence" in answer.seconds:
            self._first_sentence.observe(answer.seconds["first_sentence"])
        self._tokens.labels("prompt").inc(answer.prompt_tokens)
        self._tokens.labels("generated").inc(answer.generated_tokens)
        self._cost.inc(self._prices.of(answer))
        for verdict in answer.verdicts:
            self._sentences.labels(verdict.kind).inc()
        self._invalid.inc(answer.invalid_citations)
        if answer.steps.get("generate", "").startswith("thrown away"):
            self._wasted.inc()
        if answer.degraded:
            self._degraded.inc()

    def failed(self, error: BaseException) -> None:
        """Count an answer that failed, by the kind of error."""
        name = type(error).__name__ if isinstance(error, EsragError) else "bug"
        self._failures.labels(name).inc()

    def unlogged(self) -> None:
        """Count something that the answer log does not have."""
        self._unlogged.inc()

    def text(self) -> bytes:
        """All metrics of the registry as Prometheus reads them; see CONTENT_TYPE."""
        return generate_latest(self.registry)
