"""Verdicts on replies whose truth is known: ``python -m benchmarks.verdicts --beir FOLDER``.

    question ──► replies made from it ──► spans ──► how often each kind of reply is blue

For a folder of a data set with answers (BEIR's files, ``answer`` in queries.jsonl).  Nothing is
generated: a reply is the reference answer in several forms, the sentence that holds it, the answer
to another question about the same passage, the reference with its number changed, or a sentence
of another passage.  The pool of a question is its judged passage and ``--others`` drawn ones.
A reply counts as blue when all of its spans are, and as touched when a part of it is.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from esrag.evaluation.pool import build_pool
from esrag.evaluation.records import Passage, Span
from esrag.evaluation.spans import SpanMaker
from esrag.questions import Evidence, KnownQuestion
from esrag.sentences import sentences

CHANGE = 7  # what is added to a number to make it wrong


@dataclass(frozen=True, slots=True)
class Posed:
    """A question with its forms of the answer, its document, and the sentence that holds it."""

    id: str
    text: str
    forms: tuple[str, ...]
    document: str
    sentence: str


def posed_from(folder: Path) -> tuple[list[Posed], dict[str, dict[str, str]]]:
    """The questions whose answer stands in a sentence of their document; and the documents."""
    documents = {line["_id"]: line for line in _lines(folder / "corpus.jsonl")}
    judged: dict[str, str] = {}
    for file in sorted((folder / "qrels").iterdir()):
        for row in file.read_text(encoding="utf-8").splitlines()[1:]:
            question, document, _ = row.split("\t")
            judged.setdefault(question, document)
    found = []
    for line in _lines(folder / "queries.jsonl"):
        document, forms = judged.get(line["_id"]), tuple(line.get("answer") or ())
        if document is None or not forms:
            continue
        holding = [
            sentence
            for sentence in sentences(documents[document]["text"])
            if any(form in sentence for form in forms)
        ]
        if holding:
            found.append(Posed(line["_id"], line["text"], forms, document, holding[0]))
    return found, documents


def replies_to(
    posed: Posed, others: Sequence[str], far: str, draw: random.Random
) -> Iterator[tuple[str, str]]:
    """Kinds of replies with their texts."""
    right = posed.forms[0]
    yield "reference answer", right
    yield "reference answer, as a sentence", f"The answer is {right}."
    yield "sentence that holds it", posed.sentence
    if others:
        other = draw.choice(others)
        yield "answer to another question", other
        yield "answer to another question, as a sentence", f"The answer is {other}."
        yield "sentence with that answer in its place", posed.sentence.replace(right, other)
    number = re.search(r"\d+", right)
    if number:
        wrong = right.replace(number.group(), str(int(number.group()) + CHANGE))
        yield "reference answer with another number", wrong
        yield "sentence with another number", posed.sentence.replace(right, wrong)
    yield "sentence of another passage", far


def colour(spans: Sequence[Span]) -> str:
    """Blue, touched (a part is blue), red, unsettled (nothing has a colour), or none."""
    kinds = {span.kind for span in spans} - {"unjudged", "refusal"}
    if kinds <= {"unsettled"}:
        return "unsettled" if kinds else "none"
    if "supported" in kinds:
        return "blue" if kinds == {"supported"} else "touched"
    return "red"


def counted(
    posed: Sequence[Posed], documents: Mapping[str, Mapping[str, str]], *, others: int, seed: int
) -> dict[str, Counter[str]]:
    """How often each kind of reply has each colour."""
    draw = random.Random(seed)
    by_document: dict[str, list[Posed]] = defaultdict(list)
    for each in posed:
        by_document[each.document].append(each)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for each in posed:
        pool = [each.document, *draw.sample(sorted(documents), others)]
        passages = [
            Passage(name, name, rank, 1.0, documents[name]["text"], documents[name]["title"])
            for rank, name in enumerate(dict.fromkeys(pool), start=1)
        ]
        question = KnownQuestion(
            id=each.id,
            text=each.text,
            kind="known",
            split="test",
            answer=each.forms[0],
            answer_groups=(each.forms,),
            evidence=(Evidence(each.document, each.sentence),),
        )
        maker = SpanMaker(question, build_pool(question, around=(), reference=passages, replies=()))
        rivals = [
            rival.forms[0]
            for rival in by_document[each.document]
            if not any(a in b or b in a for a in rival.forms for b in each.forms)
        ]
        away = draw.choice([name for name in sorted(documents) if name not in pool])
        far = draw.choice(sentences(documents[away]["text"]))
        for kind, text in replies_to(each, rivals, far, draw):
            counts[kind][colour(maker.spans(text))] += 1
    return counts


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


@click.command()
@click.option("--beir", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--first", default=0, show_default=True, help="Leave out so many questions.")
@click.option("--limit", type=int, help="Only so many questions.")
@click.option("--others", default=4, show_default=True, help="Drawn passages in each pool.")
@click.option("--seed", default=1, show_default=True)
@click.option("--output", type=click.Path(path_type=Path), help="Write the counts as JSON.")
def main(
    beir: Path, *, first: int, limit: int | None, others: int, seed: int, output: Path | None
) -> None:
    """Judge all replies and print how many of each kind have which colour."""
    posed, documents = posed_from(beir)
    chosen = posed[first:][:limit]
    counts = counted(chosen, documents, others=others, seed=seed)
    click.echo("| reply | blue | in part | red | no colour |\n|---|---|---|---|---|")
    for kind, found in counts.items():
        cells = " | ".join(
            str(found[name]) for name in ("blue", "touched", "red", "unsettled", "none")
        )
        click.echo(f"| {kind} | {cells} |")
    if output:
        record = {
            "data": beir.name,
            "first": first,
            "questions": len(chosen),
            "others": others,
            "seed": seed,
            "counts": {kind: dict(found) for kind, found in counts.items()},
        }
        output.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
