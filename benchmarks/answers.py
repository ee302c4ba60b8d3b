"""Quality on questions with known answers: ``python -m benchmarks.answers``.

    questions ──► hits and answers ──► counts ──► table

Two sorts of questions.  ``--questions FILE`` (or the sample): JSONL as ``docs/questions.md`` has
it; an answer holds the reference when every group of accepted forms occurs in what is shown.
``--beir FOLDER``: queries.jsonl and qrels, the corpus being ingested from its corpus.jsonl; each
question is asked twice, the second time with the passages of the judged documents taken away, and
should be refused then.  The first half of these questions is for the threshold, the second counts.

Of citations: precision is the share of citations that lead to evidence (a passage with the words
of the evidence; with BEIR any passage of a judged document), recall the share of evidence cited.
Every question is counted; a failed one counts as wrong.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import click
from rich.console import Console
from rich.progress import track

from esrag.answering import Answerer, GeneratorFailedError
from esrag.calibration import Scored, fit_threshold
from esrag.cli.assembly import answerer_from, retriever_from
from esrag.cli.connection import connect_with, connection_flags, settings_from
from esrag.questions import KnownQuestion, holds, load_questions, supports
from esrag.sample import questions_file
from esrag.terms import terms
from esrag.types import Answer, Found, Hit, Query

RECALL_AT = 5
Leads = Callable[[Hit], frozenset[int]]  # which pieces of evidence a passage holds


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, whether it can be answered, and how to recognise what belongs to its answer."""

    id: str
    kind: str
    text: str
    answerable: bool
    pieces: int
    leads: Leads
    groups: tuple[tuple[str, ...], ...] = ()
    reference: str = ""
    without: frozenset[str] = frozenset()
    calibrates: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one question."""

    id: str
    kind: str
    answerable: bool
    answer_kind: str
    holds_reference: bool
    reference_words: float
    citations: int
    citations_to_evidence: int
    evidence_cited: float
    resolves: bool
    sentences: int
    verdicts: dict[str, int]
    evidence_recall: dict[str, float]
    confidence: float
    seconds: float
    calibrates: bool = False
    question: str = ""
    shown: str = ""
    generated_text: str = ""


def asked_from(known: Sequence[KnownQuestion]) -> list[Asked]:
    """Questions of a file with their evidence, word by word."""

    def leads(question: KnownQuestion) -> Leads:
        return lambda hit: frozenset(
            number for number, piece in enumerate(question.evidence) if supports(hit, piece)
        )

    return [
        Asked(
            id=question.id,
            kind=question.kind,
            text=question.text,
            answerable=question.answerable,
            pieces=len(question.evidence),
            leads=leads(question),
            groups=question.answer_groups,
        )
        for question in known
    ]


def asked_from_beir(folder: Path) -> list[Asked]:
    """Each judged question twice: with the judged documents, and without them."""
    judged: dict[str, list[str]] = {}
    for line in (folder / "qrels" / "test.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query, document, grade = line.split("\t")
        if int(grade) > 0:
            judged.setdefault(query, []).append(document)
    found: list[Asked] = []
    lines = (folder / "queries.jsonl").read_text(encoding="utf-8").splitlines()
    records = [record for line in lines if (record := json.loads(line))["_id"] in judged]
    for number, record in enumerate(sorted(records, key=lambda record: str(record["_id"]))):
        documents = judged[record["_id"]]

        def leads(hit: Hit, documents: Sequence[str] = documents) -> frozenset[int]:
            own = hit.document_id.rpartition("#")[2]
            return frozenset(n for n, document in enumerate(documents) if document == own)

        with_them = Asked(
            id=str(record["_id"]),
            kind="judged",
            text=record["text"],
            answerable=True,
            pieces=len(documents),
            leads=leads,
            reference=str(record.get("answer") or ""),
            calibrates=number < len(records) // 2,
        )
        found += [
            with_them,
            replace(
                with_them,
                kind="evidence taken away",
                answerable=False,
                pieces=0,
                without=frozenset(documents),
            ),
        ]
    return found


def outcome_of(asked: Asked, answer: Answer, recalls: dict[str, float]) -> Outcome:
    """What became of ``asked``."""
    cited = [c for sentence in answer.sentences for c in sentence.citations]
    found = [asked.leads(citation.hit) for citation in cited]
    words = terms(asked.reference).words
    shown = answer.kind != "refused"
    kinds = [verdict.kind for verdict in answer.verdicts]
    return Outcome(
        id=asked.id,
        kind=asked.kind,
        answerable=asked.answerable,
        answer_kind=answer.kind,
        holds_reference=shown and asked.answerable and holds(answer.text, asked.groups),
        reference_words=len(words & terms(answer.text).words) / len(words) if words else 0.0,
        citations=len(cited),
        citations_to_evidence=sum(bool(piece) for piece in found),
        evidence_cited=len(frozenset[int]().union(*found)) / asked.pieces if asked.pieces else 0.0,
        resolves=all(c.hit.text[c.start : c.end] == c.quote for c in cited)
        and all(sentence.citations for sentence in answer.sentences if shown),
        sentences=len(answer.sentences) if shown else 0,
        verdicts={kind: kinds.count(kind) for kind in sorted(set(kinds))},
        evidence_recall=recalls,
        confidence=round(answer.confidence, 4),
        seconds=round(answer.seconds.get("total", 0.0), 3),
        calibrates=asked.calibrates,
        question=asked.text,
        shown=answer.text,
        generated_text=answer.generated_text,
    )


def share(part: float, whole: float) -> str:
    """A share as a fraction and as a number."""
    return f"{part:g}/{whole:g} = {part / whole:.3f}" if whole else "0/0"


def summary(outcomes: Sequence[Outcome]) -> dict[str, object]:
    """The figures of the table, over answerable and unanswerable questions."""
    yes = [outcome for outcome in outcomes if outcome.answerable]
    no = [outcome for outcome in outcomes if not outcome.answerable]
    shown = [outcome for outcome in outcomes if outcome.answer_kind != "refused"]
    refused = [outcome for outcome in outcomes if outcome.answer_kind == "refused"]
    rows: dict[str, object] = {"questions": f"{len(yes)} answerable, {len(no)} not"}
    for name in yes[0].evidence_recall if yes else ():
        recalls = [outcome.evidence_recall[name] for outcome in yes]
        rows[f"recall@{RECALL_AT} {name}"] = round(statistics.mean(recalls), 3)
    rows["holds the reference (answerable)"] = share(sum(o.holds_reference for o in yes), len(yes))
    rows["words of the reference shown, mean"] = round(
        statistics.mean(o.reference_words for o in yes), 3
    )
    rows["wrongly refused (answerable)"] = share(
        sum(o.answer_kind == "refused" for o in yes), len(yes)
    )
    rows["refusal precision"] = share(sum(not o.answerable for o in refused), len(refused))
    rows["refusal recall"] = share(sum(o.answer_kind == "refused" for o in no), len(no))
    cited = [o for o in yes if o.answer_kind != "refused"]
    rows["citation precision (answerable)"] = share(
        sum(o.citations_to_evidence for o in cited), sum(o.citations for o in cited)
    )
    rows["citation recall (answerable)"] = share(
        round(sum(o.evidence_cited for o in yes), 2), len(yes)
    )
    rows["shown answers whose citations resolve"] = share(
        sum(o.resolves for o in shown), len(shown)
    )
    tried = [o for o in outcomes if o.generated_text]
    rows["generated answers shown"] = share(
        sum(o.answer_kind == "generated" for o in tried), len(tried)
    )
    for kind in sorted({kind for o in tried for kind in o.verdicts}):
        total = sum(sum(o.verdicts.values()) for o in tried)
        rows[f"generated sentences: {kind}"] = share(
            sum(o.verdicts.get(kind, 0) for o in tried), total
        )
    rows["median seconds"] = round(statistics.median(o.seconds for o in outcomes), 2)
    for kind in sorted({outcome.kind for outcome in yes if outcome.kind != "judged"}):
        part = [outcome for outcome in yes if outcome.kind == kind]
        rows[f"holds the reference: {kind}"] = share(
            sum(o.holds_reference for o in part), len(part)
        )
    return rows


def threshold_of(outcomes: Sequence[Outcome]) -> float:
    """The threshold that the questions for calibration give."""
    return fit_threshold(
        [Scored(o.confidence, answerable=o.answerable) for o in outcomes if o.calibrates]
    )


@contextmanager
def asking(
    set_name: str | None, elasticsearch_url: str | None, *, generate: bool
) -> Iterator[tuple[Callable[[Asked], Answer], Callable[[Asked], dict[str, float]]]]:
    """A function that answers, and one that gives the recall of each template."""
    settings = settings_from(elasticsearch_url=elasticsearch_url, set_name=set_name)
    with (
        connect_with(settings) as client,
        answerer_from(settings, client, generate=generate) as answerer,
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

        def answered(asked: Asked) -> Answer:
            try:
                return _without(answerer, asked).answer(asked.text)
            except GeneratorFailedError as failure:
                return failure.fallback

        def recalls(asked: Asked) -> dict[str, float]:
            if not asked.answerable:
                return {}
            found = {
                kind: retriever.retrieve(Query(asked.text, RECALL_AT)).hits
                for kind, retriever in retrievers.items()
            }
            return {
                kind: len(frozenset[int]().union(*map(asked.leads, hits))) / asked.pieces
                for kind, hits in found.items()
            }

        yield answered, recalls


def _without(answerer: Answerer, asked: Asked) -> Answerer:
    """``answerer``, but that some documents are not found."""
    if not asked.without:
        return answerer
    size = answerer.choices.size

    def retrieve(query: Query) -> Found:
        found = answerer.retrieve(replace(query, size=2 * size))
        left = [h for h in found.hits if h.document_id.rpartition("#")[2] not in asked.without]
        hits = tuple(replace(hit, rank=rank) for rank, hit in enumerate(left[:size], start=1))
        return replace(found, hits=hits)

    return replace(answerer, retrieve=retrieve)


@click.command()
@connection_flags
@click.option("--questions", type=click.Path(path_type=Path), help="JSONL file of questions.")
@click.option("--split", default="test", show_default=True)
@click.option("--beir", type=click.Path(path_type=Path, exists=True), help="Folder of a data set.")
@click.option("--quote", is_flag=True, help="Do not generate.")
@click.option("--limit", type=int, help="Only the first N questions.")
@click.option("--output", type=click.Path(path_type=Path), help="Write all outcomes as JSON.")
def main(
    questions: Path | None,
    *,
    split: str,
    beir: Path | None,
    quote: bool,
    limit: int | None,
    output: Path | None,
    elasticsearch_url: str | None,
    set_name: str | None,
) -> None:
    """Answer every question and print the table."""
    if beir:
        wanted = asked_from_beir(beir)
        if limit:  # of those that count
            wanted = [asked for asked in wanted if not asked.calibrates][:limit]
    else:
        wanted = asked_from(load_questions(questions or questions_file(), split=split)[:limit])
    with asking(set_name, elasticsearch_url, generate=not quote) as (answered, recalls):
        outcomes = [
            outcome_of(asked, answered(asked), recalls(asked))
            for asked in track(wanted, "Asking", console=Console(stderr=True), transient=True)
        ]
    counted = [outcome for outcome in outcomes if not outcome.calibrates]
    figures = summary(counted)
    if beir and not limit:
        figures |= _with_own_threshold(outcomes, counted)
    for name, value in figures.items():
        click.echo(f"| {name} | {value} |")
    if output:
        record = {"split": split, "figures": figures, "outcomes": [asdict(o) for o in outcomes]}
        output.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")


def _with_own_threshold(
    outcomes: Sequence[Outcome], counted: Sequence[Outcome]
) -> dict[str, object]:
    """Refusals with a threshold that was fitted to the other half of the questions."""
    threshold = threshold_of(outcomes)
    yes = [o for o in counted if o.answerable]
    no = [o for o in counted if not o.answerable]
    below = [o for o in counted if o.confidence < threshold]
    return {
        "own threshold, fitted to the other half": round(threshold, 3),
        "with it: wrongly refused": share(sum(o.confidence < threshold for o in yes), len(yes)),
        "with it: refusal precision": share(sum(not o.answerable for o in below), len(below)),
        "with it: refusal recall": share(sum(o.confidence < threshold for o in no), len(no)),
    }


if __name__ == "__main__":
    main()
