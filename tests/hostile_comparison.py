"""A comparison in which whatever others wrote is hostile: a question for each text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from esrag.evaluation.records import (
    Cited,
    Comparison,
    Comparisons,
    Estimate,
    EvaluationRun,
    GateResult,
    Measure,
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
from esrag.questions import Evidence, KnownQuestion

KINDS: tuple[SpanKind, ...] = get_args(SpanKind)


def hostile_run(texts: Sequence[str], addresses: Sequence[str] = ()) -> EvaluationRun:
    """A run with each text as question, answer, title, address, file name, error, name and so on.

    The first texts stand in what a run has few of: names of systems, measures, costs, facts.
    """
    urls = [*addresses, *texts[len(addresses) :]]
    names = [texts[0], texts[-1], f"{texts[1]} failed", f"{texts[2]} refused"]
    systems = tuple(
        System(name, "rag", {text: text for text in texts[:20]}, tuple(texts[20:40]), texts[3])
        for name in names
    )
    questions = tuple(_question(number, text) for number, text in enumerate(texts))
    scored = {
        name: tuple(
            _scored(place, name, number, text, urls[number % len(urls)])
            for number, text in enumerate(texts)
        )
        for place, name in enumerate(names)
    }
    measures = (
        Measure("right", texts[4], kind="yes/no", primary=True, about=texts[5], unit=texts[6]),
        *(Measure(text, text, about=text, unit=text) for text in texts[:30]),
    )
    return EvaluationRun(
        name=texts[7],
        status="stopped",
        systems=systems,
        questions=questions,
        scored=scored,
        measures=measures,
        comparisons=_comparisons(names, measures, texts[8]),
        gates=tuple(GateResult(text, text, 0.1, 0.0, 0.0, 0.0, 3, why=text) for text in texts[:20]),
        facts={text: text for text in texts},
        notes=tuple(texts),
        started=texts[9],
        finished=texts[10],
        costs=tuple(SystemCost(text, update_how=text, note=text) for text in texts),
        updates=tuple(
            UpdateStory(
                text, text, text, text, (UpdateStep(text, text, 1.0, text, True, False),), note=text
            )
            for text in texts
        ),
    )


def _question(number: int, text: str) -> KnownQuestion:
    evidence = (Evidence(text, text),)
    return KnownQuestion(
        text, text, text if number < 30 else "kind", "", text, ((text,),), evidence
    )


def _scored(place: int, name: str, number: int, text: str, url: str) -> Scored:
    passage = Passage(text, text, 1, 1.0, text, title=text, url=url, source=text)
    evidence = (SpanEvidence(text, text, text, text, url),)
    if place == 2:
        failed = Reply(text, name, "failed", error=text, error_code=text, usage=Usage(1.0))
        return Scored(failed, (), {"right": 0.0})
    shown = f"{text} {text}"
    status = "refused" if place == 3 else "answered"
    reply = Reply(
        text, name, status, shown, f"{text} as written", (passage,), (Cited(0, text, text, text),),
        Usage(1.0 + number, prompt_tokens=3),
    )  # fmt: skip
    kind = KINDS[number % len(KINDS)]
    spans = (
        Span(0, len(text), kind, "verifier", text, evidence),
        Span(len(text) + 1, len(shown), "contradicted", "judge", text, evidence),
    )
    return Scored(reply, spans, {"right": float(place == 0)})


def _comparisons(names: Sequence[str], measures: Sequence[Measure], text: str) -> Comparisons:
    estimates = tuple(
        Estimate(name, measure.name, 0.5, 0.4, 0.6, 30) for name in names for measure in measures
    )
    pairs = tuple(
        Comparison(
            names[0], name, measure.name, 30, 0.3, 0.2, 0.4, text, 0.001, 0.01, 0.1, note=text
        )
        for name in names[1:]
        for measure in measures
    )
    return Comparisons(names[0], estimates, pairs, 100, 1)
