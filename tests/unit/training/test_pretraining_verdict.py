"""What a pre-training run is said to have done follows from losses before and after."""

from __future__ import annotations

import math
import random

import pytest

from esrag.training.verdict import DocumentLoss, judge, paired


def documents(change: float, *, count: int = 30, spread: float = 0.02) -> list[DocumentLoss]:
    """Documents whose loss a token changes by about so much."""
    drawn = random.Random(5)
    found = []
    for number in range(count):
        tokens = drawn.randint(50, 150)
        before = tokens * drawn.gauss(3.0, 0.3)
        after = before + tokens * drawn.gauss(change, spread)
        found.append(DocumentLoss(str(number), before, after, tokens))
    return found


@pytest.mark.parametrize(
    ("domain", "control", "outcome", "forgot"),
    [
        (-0.30, 0.00, "learnt", False),
        (-0.30, 0.20, "learnt", True),
        (-0.30, -0.30, "alike", False),
        (0.00, 0.00, "nothing", False),
        (0.10, 0.00, "worse", False),
        (0.10, 0.10, "worse", True),
    ],
)
def test_the_outcome_needs_the_control(
    domain: float, control: float, outcome: str, forgot: bool
) -> None:
    """A domain that fell is no evidence where text from outside fell alike."""
    verdict = judge(documents(domain), documents(control))
    assert (verdict.outcome, verdict.forgot) == (outcome, forgot)
    assert verdict.gain == pytest.approx(domain - control, abs=0.02)
    assert verdict.low <= verdict.gain <= verdict.high
    assert ("It forgot" in verdict.words) is forgot


def test_perplexities_are_those_of_all_tokens_together() -> None:
    """By hand: two documents, 4 and 1 tokens, sums of losses 8 and 7."""
    side = [DocumentLoss("a", 8.0, 4.0, 4), DocumentLoss("b", 7.0, 1.0, 1)]
    verdict = judge(side, side)
    assert verdict.domain.before == pytest.approx(math.exp(15 / 5))
    assert verdict.domain.after == pytest.approx(math.exp(5 / 5))
    assert verdict.domain.change == pytest.approx(-2.0)
    assert verdict.domain.percent == pytest.approx(100 * (math.exp(-2) - 1))
    assert verdict.outcome == "alike"


def test_few_and_noisy_documents_prove_nothing() -> None:
    """The interval is wide where documents differ."""
    verdict = judge(documents(-0.05, count=4, spread=0.5), documents(0.0, count=4, spread=0.5))
    assert verdict.high - verdict.low > 0.2
    assert verdict.outcome in ("nothing", "alike")


def test_the_same_losses_give_the_same_verdict() -> None:
    """The draws follow from the seed."""
    domain, control = documents(-0.1), documents(0.0)
    assert judge(domain, control) == judge(domain, control)


def test_documents_are_paired_by_their_keys() -> None:
    """Tokens are those of before, so that another tokenizer changes no unit."""
    before = {"a": (8.0, 4), "b": (1.0, 1), "gone": (1.0, 1)}
    after = {"b": (0.5, 1), "a": (6.0, 2)}
    assert paired(before, after) == [
        DocumentLoss("a", 8.0, 6.0, 4),
        DocumentLoss("b", 1.0, 0.5, 1),
    ]
