"""Metrics of answers."""

from esrag.observing.metrics import Metrics
from esrag.observing.prices import Prices
from esrag.types import Answer, Verdict

ANSWER = Answer(
    "When?",
    "generated",
    (),
    (),
    prompt_tokens=400,
    generated_tokens=20,
    seconds={"retrieve": 0.02, "generate": 0.4, "first_token": 0.1, "total": 0.5},
    verdicts=(Verdict("a", "supported"), Verdict("b", "unsupported", invalid=(7, 9))),
)


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    """One sample."""
    return metrics.registry.get_sample_value(name, labels)


def test_an_answer_is_counted_with_its_tokens_cost_and_verdicts() -> None:
    """What one answer took and was is what the metrics say after it."""
    metrics = Metrics(Prices(prompt=2.0, generated=10.0))
    metrics.answered(ANSWER)
    assert value(metrics, "esrag_answers_total", kind="generated") == 1
    assert value(metrics, "esrag_tokens_total", of="prompt") == 400
    assert value(metrics, "esrag_tokens_total", of="generated") == 20
    assert value(metrics, "esrag_cost_total") == (400 * 2.0 + 20 * 10.0) / 1e6
    assert value(metrics, "esrag_generated_sentences_total", verdict="unsupported") == 1
    assert value(metrics, "esrag_invalid_citations_total") == 2
    assert value(metrics, "esrag_answer_seconds_sum") == 0.5
    assert value(metrics, "esrag_step_seconds_count", step="retrieve") == 1
    assert value(metrics, "esrag_step_seconds_count", step="verify") is None


def test_a_failure_is_counted_by_kind_and_never_by_its_words() -> None:
    """An unknown error is a bug; labels are names of ours."""
    metrics = Metrics()
    metrics.failed(ValueError("secret"))
    assert value(metrics, "esrag_answer_failures_total", error="bug") == 1
    assert b"secret" not in metrics.text()


def test_two_registries_do_not_share_counts() -> None:
    """Two servers in one process, as in tests, count for themselves."""
    first, second = Metrics(), Metrics()
    first.answered(ANSWER)
    assert value(second, "esrag_answers_total", kind="generated") is None
