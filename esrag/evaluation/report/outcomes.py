"""What became of each reply, of each question, and of each type of question: counted, not judged.

    Scored + question ─► Outcome      right, wrong, refused, failed: what the reader filters by
                      ─► Colour       the worst verdict in it: what the stacked bars count
    all of a question ─► disagreement

The verdicts and the metric ``right`` are scoring's; nothing is decided anew here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from esrag.evaluation.records import EvaluationRun, Scored, SystemKind
from esrag.questions import KnownQuestion
from esrag.statistics import proportion

Outcome = Literal[
    "right", "wrong", "declined", "refused", "silent", "failed", "unjudged", "missing"
]
"""``declined`` is a refusal where the documents hold no answer, ``refused`` one where they do, and
``silent`` one where nobody has said which."""

OUTCOMES: Mapping[Outcome, tuple[str, str]] = {
    "right": ("✓", "right"),
    "wrong": ("✗", "wrong"),
    "declined": ("✓", "refused, rightly"),
    "refused": ("–", "refused, wrongly"),
    "silent": ("–", "refused"),
    "failed": ("!", "failed"),
    "unjudged": ("·", "not judged"),
    "missing": ("", "not asked yet"),
}
"""Sign and words of each."""

Colour = Literal["supported", "contradicted", "unsupported", "refused", "failed", "unjudged"]
COLOURS: Mapping[Colour, str] = {
    "supported": "all that was judged is supported",
    "unsupported": "something is unsupported",
    "contradicted": "something is contradicted",
    "refused": "refused",
    "failed": "failed",
    "unjudged": "nothing could be judged",
}

RIGHT = "right"
"""The metric that says whether a reply holds the reference answer."""


def outcome_of(scored: Scored | None, question: KnownQuestion, kind: SystemKind = "rag") -> Outcome:
    """What a reply comes to; a failed one is neither right nor hidden.

    A system that only finds passages says nothing that could be right or wrong.
    """
    if scored is None:
        return "missing"
    if scored.reply.status == "failed":
        return "failed"
    if kind == "retrieval":
        return "unjudged"
    if _refused(scored, question):
        return "silent" if question.open else "refused" if question.answerable else "declined"
    right = scored.metrics.get(RIGHT)
    if not question.answerable:
        return "wrong"  # there is nothing right to be said
    if right is None:
        return "unjudged"
    return "right" if right >= 1 else "wrong"


def _refused(scored: Scored, question: KnownQuestion) -> bool:
    """Whether a reply declines, as the measures of refusing have it; else as the system says."""
    name = "wrongly_refused" if question.answerable else "refusal_recall"
    value = None if question.open else scored.metrics.get(name)
    return scored.reply.status == "refused" if value is None else value >= 1


def colour_of(scored: Scored) -> Colour:
    """The worst that was said of a reply."""
    if scored.reply.status != "answered":
        return "failed" if scored.reply.status == "failed" else "refused"
    kinds = {span.kind for span in scored.spans}
    for kind in ("contradicted", "unsupported", "supported"):
        if kind in kinds:
            return kind
    return "refused" if "refusal" in kinds else "unjudged"


@dataclass(frozen=True, slots=True)
class Answered:
    """A question with the reply of each system, in the order of the run's systems."""

    number: int
    question: KnownQuestion
    replies: tuple[Scored | None, ...]
    outcomes: tuple[Outcome, ...]
    disagreement: float


def answered(run: EvaluationRun) -> tuple[Answered, ...]:
    """Every question of the run, numbered from 1."""
    by_system = [
        {scored.reply.question_id: scored for scored in run.scored.get(system.name, ())}
        for system in run.systems
    ]
    made = []
    for number, question in enumerate(run.questions, start=1):
        replies = tuple(of.get(question.id) for of in by_system)
        outcomes = tuple(
            outcome_of(reply, question, system.kind)
            for system, reply in zip(run.systems, replies, strict=True)
        )
        made.append(Answered(number, question, replies, outcomes, _disagreement(replies, outcomes)))
    return tuple(made)


def _disagreement(replies: Sequence[Scored | None], outcomes: Sequence[Outcome]) -> float:
    """Pairs of systems that came to something else, and for the order among those, other words.

    From 0, where all said the same, to 1; words count a hundredth of an outcome.
    """
    words = [
        frozenset(reply.reply.text[:2000].casefold().split()) if reply else None
        for reply in replies
    ]
    differ = unlike = pairs = 0.0
    for one, other in combinations(range(len(replies)), 2):
        ours, theirs = words[one], words[other]
        if ours is None or theirs is None:
            continue
        pairs += 1
        differ += outcomes[one] != outcomes[other]
        union = len(ours | theirs)
        unlike += 1 - len(ours & theirs) / union if union else 0.0
    return (differ + 0.01 * unlike) / (1.01 * pairs) if pairs else 0.0


@dataclass(frozen=True, slots=True)
class Tally:
    """How a system's replies came out; ``missing`` were not asked yet."""

    outcomes: Counter[Outcome]
    colours: Counter[Colour]
    total: int


def tallies(run: EvaluationRun, questions: Sequence[Answered]) -> dict[str, Tally]:
    """A tally for each system, every question counted."""
    made = {}
    for place, system in enumerate(run.systems):
        replies = [each.replies[place] for each in questions]
        made[system.name] = Tally(
            Counter(each.outcomes[place] for each in questions),
            Counter(colour_of(reply) for reply in replies if reply is not None),
            len(replies),
        )
    return made


@dataclass(frozen=True, slots=True)
class TypeShare:
    """How reliable a system is on one type of question: right answers and right refusals."""

    count: int
    of: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """Of those that were judged."""
        return self.count / self.of if self.of else 0.0


def types_of(run: EvaluationRun) -> tuple[str, ...]:
    """The types of questions, in the order in which they come."""
    return tuple(dict.fromkeys(question.kind for question in run.questions))


def reliability(
    run: EvaluationRun, questions: Sequence[Answered]
) -> dict[str, dict[str, TypeShare]]:
    """By type and system, with Wilson's interval; what could not be judged is not in it.

    A question whose statements cannot be told right from wrong is in none of the shares: only the
    refusals of it would be.  A type without any other question is left out.
    """
    made: dict[str, dict[str, TypeShare]] = {}
    writing = [n for n, system in enumerate(run.systems) if system.kind != "retrieval"]
    for kind in types_of(run):
        of_kind = [
            each
            for each in questions
            if each.question.kind == kind
            and not any(each.outcomes[place] == "unjudged" for place in writing)
        ]
        if not of_kind:
            continue
        made[kind] = {}
        for place, system in enumerate(run.systems):
            judged = [
                each.outcomes[place] in ("right", "declined")
                for each in of_kind
                if each.outcomes[place] not in ("unjudged", "silent", "missing")
            ]
            share = proportion(judged)
            low, high = share.interval
            made[kind][system.name] = TypeShare(share.count, share.of, low, high)
    return made
