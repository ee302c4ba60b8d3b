"""The records that pass between asking, scoring, comparing and reporting; and their JSON.

Frozen; every field is plain data, so that a run folder can be read without esrag.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from esrag.questions import KnownQuestion

SystemKind = Literal["rag", "extractive", "closed_book", "retrieval"]
"""Generates from passages; quotes them; answers from its weights; only finds passages."""

ReplyStatus = Literal["answered", "refused", "failed"]
SpanKind = Literal["supported", "contradicted", "unsupported", "unsettled", "refusal", "unjudged"]
"""Blue is supported, red is contradicted or unsupported; the rest has no colour."""

COLOURED: tuple[SpanKind, ...] = ("supported", "contradicted", "unsupported")

Better = Literal["higher", "lower", "neither"]
MeasureKind = Literal["yes/no", "number"]
SpanJudge = Literal["reference", "evidence", "verifier", "judge", "none"]


@dataclass(frozen=True, slots=True)
class System:
    """A named combination of settings that yields a reply to each question.

    ``overrides``: settings as they stand in esrag.toml, by ``section.name``; they hold for this
    system only.  ``runs``: names of training runs whose costs are this system's.
    """

    name: str
    kind: SystemKind
    overrides: Mapping[str, object] = field(default_factory=dict)
    runs: tuple[str, ...] = ()
    note: str = ""
    adapter: str = ""


@dataclass(frozen=True, slots=True)
class Passage:
    """A retrieved passage, as far as judging and the report need it; ``rank`` counts from 1.

    ``start`` is where its text begins in the document, in characters; -1 where nobody says.
    ``heading_path`` are the headings above it, outermost first; a cut table has its header there.
    """

    chunk_id: str
    document_id: str
    rank: int
    score: float
    text: str
    title: str = ""
    url: str = ""
    source: str = ""
    start: int = -1
    heading_path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cited:
    """A citation: sentence number in the answer (from 0) and the passage that it names."""

    sentence: int
    chunk_id: str
    document_id: str
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one reply took; seconds are wall clock, tokens as the server counts them."""

    seconds: float = 0.0
    retrieve_seconds: float = 0.0
    generate_seconds: float = 0.0
    prompt_tokens: int = 0
    generated_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """What one system made of one question.

    ``text`` is what a user is shown, without the numbers of citations; ``written`` what the model
    wrote, before verification took sentences out.  ``error`` is empty unless ``failed``.
    """

    question_id: str
    system: str
    status: ReplyStatus
    text: str = ""
    written: str = ""
    passages: tuple[Passage, ...] = ()
    cited: tuple[Cited, ...] = ()
    usage: Usage = field(default_factory=Usage)
    error: str = ""
    error_code: str = ""


@dataclass(frozen=True, slots=True)
class SpanEvidence:
    """The words that support or contradict a span: offsets count characters of the document."""

    document_id: str
    quote: str
    chunk_id: str = ""
    title: str = ""
    url: str = ""
    start: int = -1
    end: int = -1


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a reply's text with its verdict; ``start`` and ``end`` count its characters.

    The spans of a reply do not overlap and are in order; what lies between them has no verdict.
    """

    start: int
    end: int
    kind: SpanKind
    judge: SpanJudge
    why: str = ""
    evidence: tuple[SpanEvidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Scored:
    """A reply with its spans, and a metric by each measure; None where a measure abstains."""

    reply: Reply
    spans: tuple[Span, ...] = ()
    metrics: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Measure:
    """What can be said of a reply as a number.

    ``kind`` chooses interval and test; only ``primary`` measures are corrected for and shown first.
    ``when_failed`` is what a failed reply counts where it has no metric of its own and the measure
    says something of the question; None: it abstains, as seconds do.
    ``wants`` is what there has to be for it to say anything, in words.
    """

    name: str
    title: str
    better: Better = "higher"
    unit: str = ""
    kind: MeasureKind = "number"
    primary: bool = False
    about: str = ""
    when_failed: float | None = None
    wants: str = ""


@dataclass(frozen=True, slots=True)
class Estimate:
    """The mean of a measure over a system's questions with its 95 % interval.

    ``questions`` is how many have a value, ``abstained`` how many have none, ``failed`` how many
    of those with a value are failed replies, counted as wrong.  ``value`` is None, and the
    interval empty of meaning, where nobody has one.
    """

    system: str
    measure: str
    value: float | None
    low: float = 0.0
    high: float = 0.0
    questions: int = 0
    abstained: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class PairedValue:
    """What two systems have by one measure of one question."""

    question_id: str
    baseline: float
    contender: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two systems by one measure, on the questions of which both have a value.

    ``difference`` is contender less baseline with its 95 % interval; ``p_value`` as the ``test``
    gives it, ``corrected`` after Holm over all primary comparisons (None for others);
    ``detectable`` the least difference that so many questions show with a power of 80 %, None
    where none can be named.  Wins are the contender's, in the direction that is better; a measure
    without one has none.  ``test`` is mcnemar, randomisation, or none where no question is shared.
    ``abstained`` counts questions left out because a system has no value, ``missing`` those that
    only one was asked; ``values`` are in the order of question ids; files leave them out, as
    scored/ has them.  ``note`` says what the figures cannot show.
    """

    baseline: str
    contender: str
    measure: str
    questions: int
    difference: float
    low: float
    high: float
    test: str
    p_value: float
    corrected: float | None = None
    detectable: float | None = None
    wins: int = 0
    ties: int = 0
    losses: int = 0
    abstained: int = 0
    missing: int = 0
    baseline_value: float = 0.0
    contender_value: float = 0.0
    values: tuple[PairedValue, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Comparisons:
    """All figures of a comparison."""

    baseline: str
    estimates: tuple[Estimate, ...] = ()
    pairs: tuple[Comparison, ...] = ()
    draws: int = 0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class GateResult:
    """Whether a system is no worse than it was in an earlier run, by one measure.

    Met when ``low``, the lower bound of the difference in the direction that is better, is not
    below ``-allowed``.  ``difference``, ``low`` and ``high`` are above 0 where now is better.
    ``missing`` counts questions that only one of the runs has, ``abstained`` those without a value
    in one of them.  ``compared`` is False where only one run has the system: that neither meets
    nor breaks a gate.  ``why`` says in words what was found, and what so few questions cannot show.
    """

    system: str
    measure: str
    allowed: float
    difference: float
    low: float
    high: float
    questions: int
    missing: int = 0
    met: bool = False
    why: str = ""
    abstained: int = 0
    compared: bool = True
    detectable: float | None = None


@dataclass(frozen=True, slots=True)
class SystemCost:
    """What a system takes; None where it was not measured, which is not 0.

    Seconds are wall clock; tokens are means of a reply, ``answer_seconds`` its median;
    ``update_seconds`` pass from a changed document to an answer that says the new, and
    ``update_how`` says what is done for it, as "index again" or "train again".
    """

    system: str
    training_seconds: float | None = None
    gpu_hours: float | None = None
    index_seconds: float | None = None
    prompt_tokens: float | None = None
    generated_tokens: float | None = None
    answer_seconds: float | None = None
    money_per_thousand: float | None = None
    update_seconds: float | None = None
    update_how: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class UpdateStep:
    """What a system said at one moment of the update experiment; seconds since the change."""

    system: str
    moment: str
    seconds: float | None
    says: str
    says_new: bool
    says_old: bool


@dataclass(frozen=True, slots=True)
class UpdateStory:
    """One fact was changed: what is asked, what was right before and after, who said what.

    ``note`` says what else a reader has to know, such as what was not done.
    """

    question: str
    old: str
    new: str
    document_id: str
    steps: tuple[UpdateStep, ...] = ()
    note: str = ""


RunStatus = Literal["asking", "stopped", "whole"]


@dataclass(frozen=True, slots=True)
class EvaluationRun:
    """A run as the report reads it: systems, questions, what became of each, and the figures.

    ``facts`` say where it comes from, in words: versions, models, fingerprints, index, times.
    ``notes`` say what a reader has to know, such as what could not be asked.  A question that was
    not asked yet has no Scored; ``pools`` holds the evidence by question id.
    """

    name: str
    status: RunStatus
    systems: tuple[System, ...]
    questions: tuple[KnownQuestion, ...]
    scored: Mapping[str, tuple[Scored, ...]]
    measures: tuple[Measure, ...] = ()
    comparisons: Comparisons | None = None
    gates: tuple[GateResult, ...] = ()
    pools: Mapping[str, tuple[Passage, ...]] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    started: str = ""
    finished: str = ""
    costs: tuple[SystemCost, ...] = ()
    updates: tuple[UpdateStory, ...] = ()
