"""Did the model learn the domain, or only to predict any text better?  Before and after, by pairs.

    change of a text       ln(perplexity after) - ln(perplexity before); below 0 is better
    learnt of the domain   the domain's change minus the control's, below 0 beyond its interval
    forgotten              the control's change, above 0 beyond its interval

Perplexities count the tokens of the base model's tokenizer on both sides, so that they can be
compared when the tokenizer was extended.  Intervals: 95 %, bootstrap over documents, each with its
losses before and after (Efron 1979), because the tokens of one document are not independent; plain
percentiles, which are too narrow for fewer than some twenty documents (docs/statistics.md).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from esrag.statistics import drawn_questions, percentiles

DRAWS = 2000


@dataclass(frozen=True, slots=True)
class DocumentLoss:
    """Sums of -ln p over one document before and after; ``tokens`` of the base tokenizer."""

    key: str
    before: float
    after: float
    tokens: int


@dataclass(frozen=True, slots=True)
class Change:
    """Perplexity before and after, and the change of its logarithm with its interval."""

    documents: int
    tokens: int
    before: float
    after: float
    change: float
    low: float
    high: float

    @property
    def percent(self) -> float:
        """How much the perplexity rose, in percent; negative when it fell."""
        return 100 * math.expm1(self.change)


@dataclass(frozen=True, slots=True)
class Verdict:
    """``gain``: the domain's change beyond the control's, with its interval.

    ``outcome`` is one of learnt, alike, nothing, worse; ``forgot`` says that text from outside
    became harder.  ``words`` say it plainly.
    """

    domain: Change
    control: Change
    gain: float
    low: float
    high: float
    outcome: str
    forgot: bool
    words: str

    def to_json(self) -> dict[str, Any]:
        """As it stands in run.json and in the report."""
        return asdict(self)


def judge(
    domain: Sequence[DocumentLoss], control: Sequence[DocumentLoss], *, seed: int = 7
) -> Verdict:
    """What the losses of both say; each wants at least two documents."""
    draws = np.random.default_rng(seed)
    drawn_domain, drawn_control = _draws(domain, draws), _draws(control, draws)
    inside, outside = _change(domain, drawn_domain), _change(control, drawn_control)
    low, high = percentiles(drawn_domain - drawn_control)
    gain = inside.change - outside.change
    forgot = outside.low > 0
    if inside.low > 0:
        outcome = "worse"
    elif inside.high >= 0:
        outcome = "nothing"
    else:
        outcome = "learnt" if high < 0 else "alike"
    return Verdict(
        inside,
        outside,
        gain,
        low,
        high,
        outcome,
        forgot,
        _words(outcome, inside, outside, forgot=forgot),
    )


def paired(
    before: Mapping[str, tuple[float, int]], after: Mapping[str, tuple[float, int]]
) -> list[DocumentLoss]:
    """Losses of the same documents, in the order of their keys; tokens are those of before."""
    return [
        DocumentLoss(key, before[key][0], after[key][0], before[key][1])
        for key in sorted(before.keys() & after.keys())
    ]


def _draws(documents: Sequence[DocumentLoss], draws: np.random.Generator) -> Any:
    """The change of the logarithm in DRAWS samples of the documents, with replacement."""
    before, after, tokens = (
        np.array([getattr(each, name) for each in documents], dtype=float)
        for name in ("before", "after", "tokens")
    )
    return np.concatenate(
        [
            (after[chosen].sum(axis=1) - before[chosen].sum(axis=1)) / tokens[chosen].sum(axis=1)
            for chosen in drawn_questions(len(documents), seed=draws, draws=DRAWS)
        ]
    )


def _change(documents: Sequence[DocumentLoss], drawn: Any) -> Change:
    tokens = sum(each.tokens for each in documents)
    before = sum(each.before for each in documents) / tokens
    after = sum(each.after for each in documents) / tokens
    low, high = percentiles(drawn)
    return Change(
        documents=len(documents),
        tokens=tokens,
        before=math.exp(min(before, 700.0)),
        after=math.exp(min(after, 700.0)),
        change=after - before,
        low=low,
        high=high,
    )


def _words(outcome: str, domain: Change, control: Change, *, forgot: bool) -> str:
    said = {
        "learnt": "The model learnt the domain: its text became easier to predict than text from "
        "outside did, beyond chance.",
        "alike": "No evidence that the model learnt the domain: text from outside became as much "
        "easier to predict.",
        "nothing": "The model learnt nothing of the domain that can be measured on held-out text.",
        "worse": "The domain's held-out text became harder to predict: the run did harm.",
    }[outcome]
    measured = (
        f"Perplexity of held-out domain text {domain.before:.2f} → {domain.after:.2f} "
        f"({domain.percent:+.1f} %), of text from outside {control.before:.2f} → "
        f"{control.after:.2f} ({control.percent:+.1f} %)."
    )
    lost = " It forgot: text from outside became harder, beyond chance." if forgot else ""
    return f"{said} {measured}{lost}"
