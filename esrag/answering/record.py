"""The one JSON form of an answer: ``ask --json``, the HTTP API, the log and the page have it.

    Answer ─► AnswerRecord ─► JSON        schema: docs/answer.schema.json, made from this module

The fields are always there and always in this order; what does not apply is null or empty.
Citations point into the document: ``start`` and ``end`` count Unicode characters of its text.  This
module knows nothing of how an answer comes about or is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from esrag.types import (
    Answer,
    AnswerKind,
    Citation,
    Facet,
    Filters,
    Found,
    Hit,
    Prompt,
    Sentence,
    Verdict,
    VerdictKind,
)

FORMAT = 1


class _Record(BaseModel):
    # built when first used: a question whose answer is shown as text does not pay for it
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _encodable(cls, given: Any) -> Any:
        return _without_surrogates(given)


class CitationRecord(_Record):
    """A link from a sentence to the words of a passage that support it."""

    number: int = Field(ge=1, description="Number of the source, as printed in brackets.")
    chunk_id: str = Field(description="The passage.")
    document_id: str = Field(description="Its document.")
    quote: str = Field(description="The supporting words, as they stand in the document.")
    start: int = Field(ge=0, description="Offset of the quote in the document, in characters.")
    end: int = Field(ge=0, description="Offset behind the quote.")


class SentenceRecord(_Record):
    """A sentence that is shown."""

    text: str
    supported: bool = Field(
        description="False: no passage supports it, and whoever shows it has to say so."
    )
    citations: list[CitationRecord]


class SourceRecord(_Record):
    """A cited passage, by the number that stands in brackets."""

    number: int = Field(ge=1)
    chunk_id: str
    document_id: str
    title: str
    heading_path: list[str] = Field(description="Headings above the passage, outermost first.")
    source: str = Field(description="Path of the document below its origin.")
    url: str = Field(description="Where it can be read; empty when nothing is known.")
    origin: str
    page: int | None = Field(description="First page of the passage; null without pages.")
    last_page: int | None
    published: str
    modified: str


class HitRecord(_Record):
    """A retrieved passage."""

    rank: int = Field(ge=1)
    chunk_id: str
    document_id: str
    title: str
    heading_path: list[str]
    source: str
    url: str
    origin: str
    author: str
    language: str
    published: str
    modified: str
    page: int | None
    last_page: int | None
    position: int = Field(description="Number of the chunk in its document, from 0.")
    start: int = Field(description="Offset of the passage in the document, in characters.")
    end: int
    score: float
    scores: dict[str, float] = Field(description="Score of each ranking, where it was asked for.")
    text: str
    highlights: list[tuple[int, int]] = Field(
        description="Stretches of the text that the words of the question matched, as offsets in "
        "the text."
    )
    metadata: dict[str, str]


class CountRecord(_Record):
    """How many candidates have a value."""

    value: str
    count: int


class FacetRecord(_Record):
    """Counts of one field's values among the candidates, most first."""

    field: str
    counts: list[CountRecord]


class VerdictRecord(_Record):
    """What verification found about one generated sentence."""

    text: str
    kind: VerdictKind
    cited: list[int] = Field(description="Passages of the prompt that it cited.")
    invalid: list[int] = Field(description="Numbers that it cited and that were not given.")
    why: str
    support: CitationRecord | None = Field(description="The words that carry it, if any do.")
    scores: dict[str, float]


class MessageRecord(_Record):
    """One turn of the prompt."""

    role: Literal["system", "user", "assistant"]
    content: str


class PromptRecord(_Record):
    """What was sent to the generator."""

    messages: list[MessageRecord]
    passages: list[str] = Field(description="Chunk ids; the prompt numbers them from 1.")
    tokens: int


class FiltersRecord(_Record):
    """What passages had to fulfil; empty where anything would do."""

    source: list[str] = []
    document_id: list[str] = []
    origin: list[str] = []
    author: list[str] = []
    language: list[str] = []
    published_from: str = ""
    published_to: str = ""
    modified_from: str = ""
    modified_to: str = ""
    metadata: list[tuple[str, str]] = Field([], description="Pairs of name and value.")
    acl: list[str] | None = Field(
        None, description="Who asked, for passages that not all may read; null: not looked at."
    )


class FailureRecord(_Record):
    """Why the answer is not complete."""

    message: str
    hint: str


class AnswerRecord(_Record):
    """An answer as esrag gives it to programs."""

    format: int = Field(FORMAT, description="Version of this form; grows when a field changes.")
    id: str = Field(description="Under which the answer log and feedback know it.")
    question: str
    standalone: str = Field(
        description="The question that was searched for, when a follow-up was rewritten."
    )
    filters: FiltersRecord = Field(
        default_factory=FiltersRecord, description="What the question was narrowed to."
    )
    kind: AnswerKind = Field(
        description="generated: the generator's words, checked; quoted: the passages' own words; "
        "refused: the documents do not answer."
    )
    complete: bool = Field(description="False when the generator failed or broke off.")
    answer: str = Field(description="The sentences as one text, without numbers.")
    sentences: list[SentenceRecord]
    sources: list[SourceRecord] = Field(description="The cited passages, by number.")
    confidence: float = Field(description="How well the passages answer, 0 to 1.")
    threshold: float = Field(description="Confidence below which the answer is a refusal.")
    degraded: str = Field(description="What retrieval had to do without; empty: nothing.")
    notes: list[str] = Field(description="What was done otherwise than asked, in words.")
    steps: dict[str, str] = Field(description="Each step, in order, and how it ended.")
    verdicts: list[VerdictRecord]
    dropped: list[str] = Field(description="Generated sentences that are not shown.")
    invalid_citations: int = Field(description="How often a passage was cited that was not given.")
    generated_text: str = Field(description="What the generator wrote, shown or not.")
    model: str = Field(description="The generator's model; empty: nothing was generated.")
    prompt_tokens: int
    generated_tokens: int
    seconds: dict[str, float] = Field(description="Time of each step.")
    hits: list[HitRecord] | None = Field(description="The passages; null unless asked for.")
    prompt: PromptRecord | None = Field(description="The prompt; null unless asked for.")
    error: FailureRecord | None = Field(description="Why it is incomplete, if it is.")


def as_record(
    answer: Answer,
    *,
    hits: bool = False,
    prompt: bool = False,
    error: tuple[str, str] | None = None,
) -> dict[str, Any]:
    """``answer`` as plain data.

    ``hits`` and ``prompt`` add the retrieved passages and what was sent to the generator; ``error``
    is the message and the hint of what cut the answer short.
    """
    return record_of(answer, hits=hits, prompt=prompt, error=error).model_dump(mode="json")


def record_of(
    answer: Answer,
    *,
    hits: bool = False,
    prompt: bool = False,
    error: tuple[str, str] | None = None,
) -> AnswerRecord:
    """The record behind ``as_record``."""
    return AnswerRecord(
        id=answer.id,
        question=answer.question,
        standalone=answer.standalone,
        filters=_filters(answer.filters),
        kind=answer.kind,
        complete=answer.complete and error is None,
        answer=answer.text,
        sentences=[sentence_record(sentence) for sentence in answer.sentences],
        sources=[_source(number, hit) for number, hit in cited(answer.sentences)],
        confidence=round(answer.confidence, 4),
        threshold=round(answer.threshold, 4),
        degraded=answer.degraded,
        notes=list(answer.notes),
        steps=dict(answer.steps),
        verdicts=[_verdict(verdict) for verdict in answer.verdicts],
        dropped=list(answer.dropped),
        invalid_citations=answer.invalid_citations,
        generated_text=answer.generated_text,
        model=answer.model,
        prompt_tokens=answer.prompt_tokens,
        generated_tokens=answer.generated_tokens,
        seconds=_rounded(answer.seconds),
        hits=[hit_record(hit) for hit in answer.hits] if hits else None,
        prompt=_prompt(answer.prompt) if prompt and answer.prompt else None,
        error=FailureRecord(message=error[0], hint=error[1]) if error else None,
    )


def filters_of(record: FiltersRecord) -> Filters:
    """The filters, to ask with them again."""
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in record.model_dump().items()
    }
    return Filters(**values)


def cited(sentences: Iterable[Sentence]) -> tuple[tuple[int, Hit], ...]:
    """The cited hits with their numbers, in the order of the numbers."""
    found = {c.number: c.hit for sentence in sentences for c in sentence.citations}
    return tuple(sorted(found.items(), key=lambda pair: pair[0]))


def sentence_record(sentence: Sentence) -> SentenceRecord:
    """A sentence with its citations."""
    return SentenceRecord(
        text=sentence.text,
        supported=sentence.supported,
        citations=[citation_record(citation) for citation in sentence.citations],
    )


def citation_record(citation: Citation) -> CitationRecord:
    """A citation; its offsets count from the beginning of the document."""
    return CitationRecord(
        number=citation.number,
        chunk_id=citation.hit.id,
        document_id=citation.hit.document_id,
        quote=citation.quote,
        start=citation.hit.start + citation.start,
        end=citation.hit.start + citation.end,
    )


def found_record(question: str, found: Found) -> dict[str, Any]:
    """What a search found: ``search --json`` and ``/v1/search`` have it."""
    return {
        "question": question,
        "hits": [hit_record(hit).model_dump(mode="json") for hit in found.hits],
        "facets": [facet_record(facet).model_dump(mode="json") for facet in found.facets],
        "degraded": found.degraded,
        "notes": list(found.notes),
        "seconds": {step: round(value, 4) for step, value in found.seconds.items()},
    }


def hit_record(hit: Hit) -> HitRecord:
    """A retrieved passage."""
    return HitRecord(
        rank=hit.rank,
        chunk_id=hit.id,
        document_id=hit.document_id,
        title=hit.title,
        heading_path=list(hit.heading_path),
        source=hit.source,
        url=hit.url,
        origin=hit.origin,
        author=hit.author,
        language=hit.language,
        published=hit.published,
        modified=hit.modified,
        page=hit.page or None,
        last_page=hit.last_page or None,
        position=hit.position,
        start=hit.start,
        end=hit.end,
        score=hit.score,
        scores=dict(hit.scores),
        text=hit.text,
        highlights=list(hit.highlights),
        metadata=dict(hit.metadata),
    )


def facet_record(facet: Facet) -> FacetRecord:
    """The counts of one field."""
    counts = [CountRecord(value=value, count=count) for value, count in facet.counts]
    return FacetRecord(field=facet.field, counts=counts)


def schema() -> dict[str, Any]:
    """The JSON schema of what ``as_record`` gives."""
    found = AnswerRecord.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}


def _without_surrogates(given: Any) -> Any:
    """Half characters, which a generator may send as \\ud800, cannot be written as UTF-8."""
    if isinstance(given, str):
        return given if given.isascii() else given.encode("utf-8", "replace").decode("utf-8")
    if isinstance(given, dict):
        return {_without_surrogates(key): _without_surrogates(each) for key, each in given.items()}
    if isinstance(given, list):
        return [_without_surrogates(each) for each in given]
    return given


def _source(number: int, hit: Hit) -> SourceRecord:
    return SourceRecord(
        number=number,
        chunk_id=hit.id,
        document_id=hit.document_id,
        title=hit.title,
        heading_path=list(hit.heading_path),
        source=hit.source,
        url=hit.url,
        origin=hit.origin,
        page=hit.page or None,
        last_page=hit.last_page or None,
        published=hit.published,
        modified=hit.modified,
    )


def _filters(filters: Filters) -> FiltersRecord:
    values = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(filters).items()
    }
    return FiltersRecord(**values)


def _verdict(verdict: Verdict) -> VerdictRecord:
    return VerdictRecord(
        text=verdict.text,
        kind=verdict.kind,
        cited=list(verdict.cited),
        invalid=list(verdict.invalid),
        why=verdict.why,
        support=citation_record(verdict.support) if verdict.support else None,
        scores={name: round(score, 4) for name, score in verdict.scores.items()},
    )


def _prompt(prompt: Prompt) -> PromptRecord:
    return PromptRecord(
        messages=[MessageRecord(role=turn.role, content=turn.content) for turn in prompt.messages],
        passages=[hit.id for hit in prompt.hits],
        tokens=prompt.tokens,
    )


def _rounded(seconds: Mapping[str, float]) -> dict[str, float]:
    return {step: round(value, 4) for step, value in seconds.items()}
