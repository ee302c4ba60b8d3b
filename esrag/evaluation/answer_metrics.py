"""What is measured of a reply: the measures, and their values for one reply.

    question + reply + spans ─► metrics by name, None where a measure has nothing to say

A measure is described here once: its name, the direction that is better, its unit, and who
abstains.  Exact match and F1 are SQuAD's (``esrag.answer_measures``).  A failed reply counts as
wrong wherever right and wrong are told apart; measures of what a reply states abstain, as nothing
was stated: to fail would else be a way to invent less.  Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from esrag.answer_measures import f1
from esrag.evaluation.expected import Expected, expected_of, is_exact
from esrag.evaluation.pool import hit_of
from esrag.evaluation.records import COLOURED, Measure, Passage, Reply, Span, SystemKind
from esrag.evaluation.stretches import readable
from esrag.evaluation.values import NUMERIC, values
from esrag.questions import KnownQuestion, supports

_LONGEST_REFERENCE = 6  # words, as where questions are brought along
STATING = (*COLOURED, "unsettled")


@dataclass(frozen=True, slots=True)
class Prices:
    """What tokens and time cost, in any one currency; 0 for what costs nothing."""

    prompt_per_million: float = 0.0
    generated_per_million: float = 0.0
    per_hour: float = 0.0


@dataclass(frozen=True)  # without slots, as it remembers what several measures ask for
class Judged:
    """A reply with all that the measures read."""

    question: KnownQuestion
    reply: Reply
    spans: tuple[Span, ...]
    pool: tuple[Passage, ...] = ()
    kind: SystemKind = "rag"
    prices: Prices | None = None

    @property
    def failed(self) -> bool:
        """Whether there is no reply."""
        return self.reply.status == "failed"

    @property
    def states(self) -> bool:
        """Whether it states anything, whatever is known of it."""
        return any(span.kind in STATING for span in self.spans)

    @property
    def refused(self) -> bool:
        """Whether it declines, and states nothing: an empty reply does so too.

        What only repeats the question, or breaks off, states nothing and declines nothing.
        """
        if self.failed or self.states:
            return False
        declines = any(span.kind == "refusal" for span in self.spans)
        return declines or not self.reply.text.strip() or self.reply.status == "refused"

    @property
    def expected(self) -> Expected:
        """What the reference says."""
        return expected_of(self.question)

    @cached_property
    def right(self) -> float | None:
        """Whether it holds the reference; a reply may have ten thousands of stretches."""
        return _right(self)


_Value = Callable[[Judged], float | None]


def _has_reference(judged: Judged) -> bool:
    """Whether a reply can be held against the reference word by word.

    A sentence or more without accepted forms is repeated by nobody: it is no sign of anything that
    a reply does not hold it.
    """
    question = judged.question
    if not question.answerable or not judged.expected.wanted:
        return False
    return bool(question.answer_groups) or len(question.answer.split()) <= _LONGEST_REFERENCE


def _right(judged: Judged) -> float | None:
    if not _has_reference(judged):
        return None
    if judged.failed:
        return 0.0
    held: set[int] = set()
    for span in judged.spans:
        # what denies the reference, or has it beside another value, does not say it
        if span.kind in ("supported", "unsupported", "unsettled", "unjudged"):
            stated = judged.reply.text[span.start : span.end]
            held |= judged.expected.held(readable(stated))
    groups = range(len(judged.expected.groups)) or range(1)
    return float(held >= set(groups))


def _right_or_refuses(judged: Judged) -> float | None:
    if judged.question.answerable:
        return judged.right
    return float(judged.refused)


def _exact(judged: Judged) -> float | None:
    if not _has_reference(judged):
        return None
    return float(not judged.failed and is_exact(readable(judged.reply.text), judged.expected))


def _token_f1(judged: Judged) -> float | None:
    if not judged.question.answerable or not judged.expected.wanted:
        return None
    if judged.failed or judged.refused:
        return 0.0
    groups = [group.forms for group in judged.expected.groups]
    text = readable(judged.reply.text)
    whole = f1(text, [[judged.question.answer]]) if judged.question.answer else 0.0
    return max(f1(text, groups) if groups else 0.0, whole)


def _equal(judged: Judged, kinds: frozenset[str]) -> float | None:
    wanted = [
        group
        for group in judged.expected.groups
        if any(value.kind in kinds for value in group.values)
    ]
    if not wanted or not judged.question.answerable:
        return None
    if judged.failed:
        return 0.0
    stated = values(readable(judged.reply.text))
    return float(
        all(
            any(judged.expected.agrees(value, other) for value in stated for other in group.values)
            for group in wanted
        )
    )


def _share(kind: str) -> _Value:
    def share(judged: Judged) -> float | None:
        coloured = [span for span in judged.spans if span.kind in COLOURED]
        if not coloured or judged.failed:
            return None
        return sum(span.kind == kind for span in coloured) / len(coloured)

    return share


def _unsettled(judged: Judged) -> float | None:
    stating = [span for span in judged.spans if span.kind in STATING]
    if not stating or judged.failed:
        return None
    return sum(span.kind == "unsettled" for span in stating) / len(stating)


def _citation_precision(judged: Judged) -> float | None:
    if judged.failed or not judged.question.evidence or not judged.reply.cited:
        return None
    led = [bool(pieces) for pieces in _cited_pieces(judged)]
    return sum(led) / len(led)


def _citation_recall(judged: Judged) -> float | None:
    if judged.kind == "closed_book" or not judged.question.evidence:
        return None
    if judged.failed:
        return 0.0
    found = frozenset[int]().union(*_cited_pieces(judged))
    return len(found) / len(judged.question.evidence)


def _cited_pieces(judged: Judged) -> list[frozenset[int]]:
    """Which pieces of the evidence the passage of each citation holds."""
    passages = {p.chunk_id: p for p in (*judged.pool, *judged.reply.passages)}
    found = []
    for cited in judged.reply.cited:
        passage = passages.get(cited.chunk_id)
        pieces = judged.question.evidence
        found.append(
            frozenset(n for n, piece in enumerate(pieces) if supports(hit_of(passage), piece))
            if passage
            else frozenset()
        )
    return found


def _refusal_precision(judged: Judged) -> float | None:
    if judged.question.open or not judged.refused:
        return None
    return float(not judged.question.answerable)


def _refusal_recall(judged: Judged) -> float | None:
    return None if judged.question.answerable else float(judged.refused)


def _wrongly_refused(judged: Judged) -> float | None:
    if judged.failed or judged.question.open or not judged.question.answerable:
        return None  # to fail is no way not to refuse
    return float(judged.refused)


def _invented(judged: Judged) -> float | None:
    right = judged.right
    if judged.failed or (judged.question.answerable and right is None):
        return None
    return float(judged.states and not right)


def _words(judged: Judged) -> float | None:
    return None if judged.failed else float(len(judged.reply.text.split()))


def _seconds(judged: Judged) -> float | None:
    return judged.reply.usage.seconds if judged.reply.usage.seconds > 0 else None


def _tokens(judged: Judged) -> float | None:
    return float(judged.reply.usage.generated_tokens) or None


def _prompt_tokens(judged: Judged) -> float | None:
    return float(judged.reply.usage.prompt_tokens) or None


def _cost(judged: Judged) -> float | None:
    if judged.prices is None or judged.failed:
        return None
    return cost_of([judged.reply], judged.prices)


def _unjudged(judged: Judged) -> float | None:
    if judged.failed:
        return None
    return float(sum(span.kind == "unjudged" for span in judged.spans))


_NUMBERS = NUMERIC
_DATES = frozenset({"date", "time"})

_REFERENCE = "a reference answer"
_EITHER = "a reference answer, or questions that the documents do not answer"
_STATED = "replies that state something"
_REPLY = "replies"
_WRITES = "a model that writes, and a server that counts"

# each measure beside the function that gives its value
_REGISTERED: tuple[tuple[Measure, _Value], ...] = (
    (
        Measure(
            "right", "Right", kind="yes/no", unit="share", primary=True,
            about="Holds the reference answer, in any accepted form, date form or unit. "
            "Abstains where the documents hold no answer, and where the reference is a sentence "
            "without accepted forms.",
            wants=_REFERENCE,
        ),
        lambda judged: judged.right,
    ),
    (
        Measure(
            "right_or_refuses", "Right, or rightly refused", kind="yes/no", unit="share",
            primary=True,
            about="Right where the documents answer, a refusal where they do not.",
            wants=_EITHER,
        ),
        _right_or_refuses,
    ),
    (
        Measure(
            "invented", "Invented", better="lower", kind="yes/no", unit="share", primary=True,
            about="States something, and is not right. Abstains for failed replies.",
            wants="replies to questions with a reference answer, or with none in the documents",
        ),
        _invented,
    ),
    (
        Measure(
            "supported_share", "Supported", unit="share", primary=True,
            about="Share of the coloured spans that are blue. Abstains where there are none.",
            wants=_STATED,
        ),
        _share("supported"),
    ),
    (
        Measure(
            "contradicted_share", "Contradicted", better="lower", unit="share",
            about="Share of the coloured spans that the reference or a passage contradicts.",
            wants=_STATED,
        ),
        _share("contradicted"),
    ),
    (
        Measure(
            "unsupported_share", "Unsupported", better="lower", unit="share",
            about="Share of the coloured spans that no passage says.",
            wants=_STATED,
        ),
        _share("unsupported"),
    ),
    (
        Measure(
            "unsettled_share", "Unsettled", better="neither", unit="share",
            about="Share of what is stated to which the evidence is near, so that the rules "
            "cannot tell whether it says so; it has no colour.",
            wants=_STATED,
        ),
        _unsettled,
    ),
    (
        Measure(
            "exact_match", "Exact match", kind="yes/no", unit="share",
            about="Nothing but the reference answer, in normal form (SQuAD).",
            wants=_REFERENCE,
        ),
        _exact,
    ),
    (
        Measure(
            "token_f1", "Token F1", unit="share",
            about="F1 of the words against the reference answer (SQuAD), of the best form.",
            wants=_REFERENCE,
        ),
        _token_f1,
    ),
    (
        Measure(
            "numeric_equality", "Numbers equal", kind="yes/no", unit="share",
            about="All numbers of the reference are stated, with their unit. "
            "Abstains where it has none.",
            wants="a reference answer with a number",
        ),
        lambda judged: _equal(judged, _NUMBERS),
    ),
    (
        Measure(
            "date_equality", "Dates equal", kind="yes/no", unit="share",
            about="All dates and times of the reference are stated, in any form. "
            "Abstains where it has none.",
            wants="a reference answer with a date",
        ),
        lambda judged: _equal(judged, _DATES),
    ),
    (
        Measure(
            "citation_precision", "Citation precision", unit="share",
            about="Share of the citations that lead to a passage with evidence. "
            "Abstains where nothing is cited.",
            wants="replies that cite, and evidence of the question",
        ),
        _citation_precision,
    ),
    (
        Measure(
            "citation_recall", "Citation recall", unit="share",
            about="Share of the evidence that is cited. Abstains for closed book.",
            wants="evidence of the question, and systems that are given passages",
        ),
        _citation_recall,
    ),
    (
        Measure(
            "refusal_precision", "Refusal precision", kind="yes/no", unit="share",
            about="Of the refusals, the share to questions without an answer. "
            "Abstains for replies that do not refuse.",
            wants="refusals",
        ),
        _refusal_precision,
    ),
    (
        Measure(
            "refusal_recall", "Refusal recall", kind="yes/no", unit="share",
            about="Of the questions without an answer, the share that is refused. "
            "Abstains for all others.",
            wants="questions that the documents do not answer",
        ),
        _refusal_recall,
    ),
    (
        Measure(
            "wrongly_refused", "Wrongly refused", better="lower", kind="yes/no", unit="share",
            about="Of the questions with an answer, the share that is refused. "
            "Abstains for failed replies.",
            wants="questions that the documents answer",
        ),
        _wrongly_refused,
    ),
    (
        Measure(
            "unjudged_spans", "Spans without a verdict", better="neither", unit="number",
            about="Stretches that state nothing, or are too long to be checked.",
            wants=_REPLY,
        ),
        _unjudged,
    ),
    (
        Measure("words", "Words", better="neither", unit="words", about="Words of the reply.",
            wants=_REPLY,
        ),
        _words,
    ),
    (
        Measure(
            "seconds", "Seconds", better="lower", unit="seconds",
            about="From question to whole reply, wall clock.",
            wants="replies whose time was taken",
        ),
        _seconds,
    ),
    (
        Measure(
            "tokens", "Tokens generated", better="neither", unit="tokens",
            about="As the server counts them. Abstains where nothing is generated.",
            wants=_WRITES,
        ),
        _tokens,
    ),
    (
        Measure(
            "prompt_tokens", "Tokens of the prompt", better="lower", unit="tokens",
            about="As the server counts them. Abstains where nothing is generated.",
            wants=_WRITES,
        ),
        _prompt_tokens,
    ),
    (
        Measure(
            "cost", "Cost", better="lower", unit="money",
            about="Tokens and seconds at the prices given. Abstains without prices.",
            wants="prices: observe.prompt_token_cost, observe.generated_token_cost",
        ),
        _cost,
    ),
)  # fmt: skip
MEASURES: tuple[Measure, ...] = tuple(measure for measure, _ in _REGISTERED)
OF_ALL = frozenset({"seconds"})
"""The measures that a system which only finds passages has too."""


def metrics_of(judged: Judged) -> Mapping[str, float | None]:
    """The value of each measure for one reply; a system that only finds passages has few."""
    silent = judged.kind == "retrieval"
    return {
        measure.name: None if silent and measure.name not in OF_ALL else value(judged)
        for measure, value in _REGISTERED
    }


def cost_of(replies: Sequence[Reply], prices: Prices) -> float:
    """What all replies took together, at these prices."""
    return sum(
        (
            usage.prompt_tokens * prices.prompt_per_million
            + usage.generated_tokens * prices.generated_per_million
        )
        / 1_000_000
        + usage.seconds * prices.per_hour / 3600
        for usage in (reply.usage for reply in replies)
    )
