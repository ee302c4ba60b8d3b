"""Quality on questions with known answers: ``python -m benchmarks.answers``.

    questions of one split -> hits and answers -> counts -> table

The threshold must have been fitted on another split (``esrag calibrate --split calibration``).
An answer counts as holding the reference when every group of accepted forms occurs in what is
shown.  Every question is counted; a failed one counts as wrong.
"""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.progress import track

from esrag.cli.assembly import answerer_from, retriever_from
from esrag.cli.connection import connect_with, connection_flags, settings_from
from esrag.questions import KnownQuestion, holds, load_questions, supports
from esrag.sample import questions_file
from esrag.terms import terms
from esrag.types import Answer, Hit, Query
from esrag.verification import Verifier

RECALL_AT = 5


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one question."""

    id: str
    kind: str
    answerable: bool
    answer_kind: str
    holds_reference: bool
    cited_and_supported: bool
    survived: bool
    evidence_recall: dict[str, float]
    confidence: float
    seconds: float
    question: str = ""
    shown: str = ""
    generated_text: str = ""


def recall(question: KnownQuestion, hits: tuple[Hit, ...]) -> float:
    """Share of the question's pieces of evidence that stand in the hits."""
    found = [any(supports(hit, evidence) for hit in hits) for evidence in question.evidence]
    return sum(found) / len(found)


def supported(answer: Answer) -> bool:
    """Every sentence has a citation that resolves and whose words carry it."""
    return all(
        sentence.citations
        and all(
            citation.hit.text[citation.start : citation.end] == citation.quote
            and (
                terms(sentence.text).words
                <= terms(f"{citation.hit.context}\n{citation.hit.text}").words
                or Verifier(answer.question, [citation.hit]).verdict(sentence.text).support
                is not None
            )
            for citation in sentence.citations
        )
        for sentence in answer.sentences
    )


def summary(outcomes: list[Outcome]) -> dict[str, object]:
    """The figures of the table, over answerable and unanswerable questions."""
    yes = [outcome for outcome in outcomes if outcome.answerable]
    no = [outcome for outcome in outcomes if not outcome.answerable]
    shown = [outcome for outcome in outcomes if outcome.answer_kind != "refused"]
    tried = [outcome for outcome in outcomes if outcome.generated_text]

    def share(part: list[Outcome], whole: list[Outcome]) -> str:
        return f"{len(part)}/{len(whole)} = {len(part) / len(whole):.3f}" if whole else "0/0"

    rows: dict[str, object] = {
        f"recall@{RECALL_AT} {name}": round(
            statistics.mean(outcome.evidence_recall[name] for outcome in yes), 3
        )
        for name in yes[0].evidence_recall
    }
    rows["holds the reference (answerable)"] = share([o for o in yes if o.holds_reference], yes)
    rows["wrongly refused (answerable)"] = share(
        [o for o in yes if o.answer_kind == "refused"], yes
    )
    rows["refused (unanswerable)"] = share([o for o in no if o.answer_kind == "refused"], no)
    rows["shown with citations that support"] = share(
        [o for o in shown if o.cited_and_supported], shown
    )
    rows["generator's text survived"] = share([o for o in tried if o.survived], tried)
    rows["median seconds"] = round(statistics.median(o.seconds for o in outcomes), 2)
    for kind in sorted({outcome.kind for outcome in yes}):
        part = [outcome for outcome in yes if outcome.kind == kind]
        rows[f"holds the reference: {kind}"] = share([o for o in part if o.holds_reference], part)
    return rows


@click.command()
@connection_flags
@click.option("--questions", type=click.Path(path_type=Path), help="JSONL file of questions.")
@click.option("--split", default="test", show_default=True)
@click.option("--quote", is_flag=True, help="Do not generate.")
@click.option("--limit", type=int, help="Only the first N questions.")
@click.option("--output", type=click.Path(path_type=Path), help="Write all outcomes as JSON.")
def main(
    questions: Path | None,
    *,
    split: str,
    quote: bool,
    limit: int | None,
    output: Path | None,
    elasticsearch_url: str | None,
    set_name: str | None,
) -> None:
    """Answer every question of a split and print the table."""
    known = load_questions(questions or questions_file(), split=split)[:limit]
    settings = settings_from(elasticsearch_url=elasticsearch_url, set_name=set_name)
    outcomes = []
    with (
        connect_with(settings) as client,
        answerer_from(settings, client, generate=not quote) as answerer,
    ):
        retrievers = {
            kind: retriever_from(
                settings.model_copy(
                    update={"retrieval": settings.retrieval.model_copy(update={"template": kind})}
                ),
                client,
            )
            for kind in ("lexical", "semantic", "hybrid")
        }
        for question in track(known, "Asking", console=Console(stderr=True), transient=True):
            recalls = {
                kind: recall(question, retriever.retrieve(Query(question.text, RECALL_AT)).hits)
                for kind, retriever in retrievers.items()
                if question.answerable
            }
            answer = answerer.answer(question.text)
            outcomes.append(_outcome(question, answer, recalls))
    figures = summary(outcomes)
    for name, value in figures.items():
        click.echo(f"| {name} | {value} |")
    if output:
        record = {"split": split, "figures": figures, "outcomes": [asdict(o) for o in outcomes]}
        output.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")


def _outcome(question: KnownQuestion, answer: Answer, recalls: dict[str, float]) -> Outcome:
    return Outcome(
        id=question.id,
        kind=question.kind,
        answerable=question.answerable,
        answer_kind=answer.kind,
        holds_reference=question.answerable
        and answer.kind != "refused"
        and holds(answer.text, question.answer_groups),
        cited_and_supported=answer.kind != "refused" and supported(answer),
        survived=answer.kind == "generated",
        evidence_recall=recalls,
        confidence=round(answer.confidence, 4),
        seconds=round(answer.seconds["total"], 3),
        question=question.text,
        shown=answer.text,
        generated_text=answer.generated_text,
    )


if __name__ == "__main__":
    main()
