"""A run of a comparison made by hand: the sample's questions, five systems, every kind of reply.

The figures are those of its replies; nothing in it was measured.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from esrag.evaluation.answer_metrics import MEASURES
from esrag.evaluation.comparing import compare
from esrag.evaluation.records import (
    COLOURED,
    Cited,
    EvaluationRun,
    Passage,
    Reply,
    Scored,
    Span,
    SpanEvidence,
    SpanKind,
    System,
    SystemCost,
    UpdateStep,
    UpdateStory,
    Usage,
)
from esrag.questions import KnownQuestion, load_questions

SAMPLE = Path(__file__).parents[1] / "esrag" / "sample" / "questions.jsonl"
REFUSAL = "The documents do not answer this question."
SYSTEMS = (
    System("base", "closed_book", note="SmolLM2-360M-Instruct as it is"),
    System(
        "fine-tuned",
        "closed_book",
        overrides={"generator.adapter": "sample-facts"},
        runs=("sample-facts",),
    ),
    System("rag", "rag", overrides={"answer.verify": "off"}),
    System(
        "rag-fine-tuned",
        "rag",
        overrides={"answer.verify": "off", "generator.adapter": "sample-facts"},
        runs=("sample-facts",),
    ),
    System("extractive", "extractive", note="no model writes; the documents' own words"),
)
CHANCES = {"base": 0.06, "fine-tuned": 0.3, "rag": 0.62, "rag-fine-tuned": 0.68, "extractive": 0.8}


def sample_run(questions: int = 40, *, seed: int = 7, draws: int = 200) -> EvaluationRun:
    """A run over the first so many questions of the sample, unanswerable ones among them."""
    chosen = _chosen(questions)
    chance = random.Random(seed)
    scored = {
        system.name: tuple(_scored(system, question, chosen, chance) for question in chosen)
        for system in SYSTEMS
    }
    return EvaluationRun(
        name="sample",
        status="whole",
        systems=SYSTEMS,
        questions=chosen,
        scored=scored,
        measures=MEASURES,
        comparisons=compare(scored, baseline="base", measures=MEASURES, draws=draws),
        facts={
            "Index": "esrag-sample, 1,204 chunks of 61 documents, generation 3",
            "Embedding model": "all-MiniLM-L6-v2",
            "Generator": "SmolLM2-360M-Instruct, temperature 0",
            "esrag": "0.7.0",
        },
        notes=("The questions were written by the people who wrote the documents.",),
        started="2026-11-23 14:02 UTC",
        finished="2026-11-23 14:13 UTC",
        costs=_costs(),
        updates=(_update(),),
    )


def _chosen(count: int) -> tuple[KnownQuestion, ...]:
    loaded = load_questions(SAMPLE)
    by_kind: dict[str, list[KnownQuestion]] = {}
    for question in loaded:
        by_kind.setdefault(question.kind, []).append(question)
    chosen: list[KnownQuestion] = []
    while len(chosen) < min(count, len(loaded)):
        for left in by_kind.values():
            if left and len(chosen) < count:
                chosen.append(left.pop(0))
    return tuple(chosen)


def _scored(
    system: System,
    question: KnownQuestion,
    questions: Sequence[KnownQuestion],
    chance: random.Random,
) -> Scored:
    usage = Usage(
        seconds=round(chance.lognormvariate(0.4 if system.kind != "extractive" else -2.2, 0.5), 3),
        prompt_tokens=38 if system.kind == "closed_book" else chance.randrange(500, 900),
        generated_tokens=0 if system.kind == "extractive" else chance.randrange(12, 64),
    )
    passages = () if system.kind == "closed_book" else _passages(question, questions, chance)
    draw = chance.random()
    if draw > 0.97:
        reply = Reply(
            question.id,
            system.name,
            "failed",
            error="TGI answered 503: Model is overloaded",
            error_code="generator_overloaded",
            usage=Usage(seconds=30.0),
        )
        return Scored(reply, (), _metrics(question, reply, ()))
    right = draw < CHANCES[system.name]
    if (not question.answerable and right) or (question.answerable and 0.8 < draw < 0.87):
        reply = Reply(question.id, system.name, "refused", REFUSAL, REFUSAL, passages, usage=usage)
        span = Span(0, len(REFUSAL), "refusal", "none", "It says that it does not know.")
        return Scored(reply, (span,), _metrics(question, reply, (span,)))
    return _stated(system, question, passages, usage, right, chance)


def _stated(
    system: System,
    question: KnownQuestion,
    passages: tuple[Passage, ...],
    usage: Usage,
    right: bool,
    chance: random.Random,
) -> Scored:
    quote = question.evidence[0] if question.evidence else None
    evidence = (
        (
            SpanEvidence(
                quote.document_id,
                quote.quote,
                title=_title(quote.document_id),
                url=_url(quote.document_id),
            ),
        )
        if quote
        else ()
    )
    parts: list[tuple[str, SpanKind, str, tuple[SpanEvidence, ...]]] = []
    if right and quote and system.kind == "extractive":
        parts.append((quote.quote, "supported", "The document says it in these words.", evidence))
    elif right and quote:
        said = f"The answer is {question.answer}."
        parts.append(
            (said, "supported", f"It holds the reference answer, {question.answer}.", evidence)
        )
    elif quote:
        wrong = chance.choice(("12 May 2024", "48 hours", "port 8080", "2,500 points", "4 GiB"))
        why = f"The evidence says {question.answer}, and this says {wrong}."
        parts.append((f"It is {wrong}.", "contradicted", why, evidence))
    if not parts or chance.random() < 0.3:
        parts.append(
            (
                "You can change this at any time in the settings.",
                "unsupported",
                "No passage of the evidence says this.",
                (),
            ),
        )
    if len(parts) == 2:
        parts.append(
            (
                "The settings page is where this is changed by administrators.",
                "unsettled",
                "A passage has nearly all of its words, and whether it says so cannot be told.",
                (),
            ),
        )
    if chance.random() < 0.15:
        parts.append(
            ("Is there anything else?", "unjudged", "It is a question and states nothing.", ())
        )
    text, spans = "", []
    for words, kind, why, told in parts:
        text += " " if text else ""
        spans.append(
            Span(
                len(text),
                len(text) + len(words),
                kind,
                "reference" if kind == "supported" else "verifier",
                why,
                told,
            )
        )
        text += words
    cited = tuple(Cited(0, each.chunk_id, each.document_id) for each in passages[:1])
    written = f"{text} And so it is." if system.name == "rag" and right else text
    reply = Reply(question.id, system.name, "answered", text, written, passages, cited, usage)
    return Scored(reply, tuple(spans), _metrics(question, reply, spans))


def _metrics(
    question: KnownQuestion, reply: Reply, spans: Sequence[Span]
) -> dict[str, float | None]:
    """Of the measures that the report shows first, and a few others."""
    coloured = [span.kind for span in spans if span.kind in COLOURED]
    holds = "supported" in coloured and question.answerable
    fits = holds or (not question.answerable and reply.status == "refused")
    failed = reply.status == "failed"
    return {
        "right": float(holds) if question.answerable else None,
        "right_or_refuses": float(fits),
        "invented": None if failed else float(bool(coloured) and not holds),
        "supported_share": coloured.count("supported") / len(coloured) if coloured else None,
        "contradicted_share": coloured.count("contradicted") / len(coloured) if coloured else None,
        "unsupported_share": coloured.count("unsupported") / len(coloured) if coloured else None,
        "words": None if failed else float(len(reply.text.split())),
        "seconds": None if failed else reply.usage.seconds,
        "tokens": None if failed else float(reply.usage.generated_tokens),
    }


def _passages(
    question: KnownQuestion, questions: Sequence[KnownQuestion], chance: random.Random
) -> tuple[Passage, ...]:
    places = [
        each.evidence[0]
        for each in chance.sample(list(questions), min(8, len(questions)))
        if each.evidence
    ][:4]
    if question.evidence and chance.random() < 0.85:
        places.insert(chance.randrange(0, 2), question.evidence[0])
    unique = {place.quote: place for place in places}
    return tuple(
        Passage(
            f"{place.document_id}#{abs(hash_of(place.quote))}",
            place.document_id,
            rank,
            round(1 / (60 + rank), 4),
            f"This part is about what operators ask most. {place.quote} It holds for all regions "
            "unless the release notes say otherwise, and it is looked at again each quarter.",
            _title(place.document_id),
            _url(place.document_id),
            place.document_id,
        )
        for rank, place in enumerate(unique.values(), start=1)
    )


def hash_of(text: str) -> int:
    """A number that is the same in every process."""
    return sum((place + 1) * ord(letter) for place, letter in enumerate(text))


def _title(document_id: str) -> str:
    return document_id.rpartition("/")[2].rpartition(".")[0].replace("-", " ").capitalize()


def _url(document_id: str) -> str:
    return f"https://docs.example/{document_id}"


def _costs() -> tuple[SystemCost, ...]:
    return (
        SystemCost("base", generated_tokens=38.0, prompt_tokens=38.0, answer_seconds=1.5),
        SystemCost(
            "fine-tuned",
            512.0,
            0.0,
            None,
            38.0,
            41.2,
            1.4,
            None,
            512.0,
            "train again",
            "trained on two cores, without a GPU",
        ),
        SystemCost("rag", None, None, 61.0, 690.0, 36.0, 1.6, None, 4.1, "index again"),
        SystemCost("rag-fine-tuned", 512.0, 0.0, 61.0, 702.0, 33.0, 1.6, None, 4.1, "index again"),
        SystemCost("extractive", None, None, 61.0, None, None, 0.11, None, 4.0, "index again"),
    )


def _update() -> UpdateStory:
    asked = "How many points can I put into one batch with Siltbase 4.2.0?"
    return UpdateStory(
        asked,
        "5,000",
        "6,000",
        "release-notes/siltbase-4.2.0.md",
        (
            UpdateStep("rag", "before", None, "A batch may hold up to 5,000 points.", False, True),
            UpdateStep(
                "rag", "indexed again", 4.1, "A batch may hold up to 6,000 points.", True, False
            ),
            UpdateStep("fine-tuned", "before", None, "5,000 points.", False, True),
            UpdateStep("fine-tuned", "indexed again", 4.1, "5,000 points.", False, True),
            UpdateStep("fine-tuned", "trained again", 512.0, "6,000 points.", True, False),
        ),
    )
