"""Questions of a folder in BEIR's layout, with its judgements as evidence.

    queries.jsonl + qrels/SPLIT.tsv + corpus.jsonl ─► questions; evidence: documents, quotes

A judged document is evidence as a whole, the best one first and the others as places that serve as
well.  Where the file gives a short answer and just one sentence of the document holds it, that
sentence is the quote.  Layout: Thakur et al. 2021, "BEIR", https://arxiv.org/abs/2104.08663; the
field ``answer`` or ``answers`` of a question is not part of it and is read where it is there.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from esrag.errors import UsageError
from esrag.evaluation.qrels import read_qrels, relevant
from esrag.evaluation.question_sets.answer_forms import forms_for
from esrag.evaluation.question_sets.importing import SHORT_ANSWER, Brought
from esrag.evaluation.question_sets.records import SetQuestion, from_record
from esrag.evaluation.question_sets.sheets import raise_for
from esrag.evaluation.text_lines import text_lines
from esrag.questions import Evidence, holds
from esrag.sentences import units

JUDGED = "judged"  # the type of such questions
DOCUMENTS_AS = "corpus.jsonl#{id}"
_MOST_PLACES = 50  # of one question


def splits_of(folder: Path) -> list[str]:
    """The judgements that there are."""
    return sorted(file.stem for file in (folder / "qrels").glob("*.tsv"))


def read_beir(
    folder: Path, *, split: str = "", documents_as: str = DOCUMENTS_AS, with_unjudged: bool = False
) -> Brought:
    """The judged questions of a split (default: test, else the only one).

    ``documents_as`` makes a document's id of that of the corpus, ``{id}``, as ingest does.  Raises
    UsageError, naming the line, for what cannot be used.
    """
    if "{id}" not in documents_as:
        raise UsageError(f"{documents_as!r} does not say where the id stands: {{id}}")
    chosen = _split(folder, split)
    qrels = read_qrels(folder / "qrels" / f"{chosen}.tsv")
    told: Counter[str] = Counter()
    asked: list[tuple[dict[str, Any], list[str]]] = []
    for record in _queries(folder / "queries.jsonl"):
        judged = qrels.get(record["id"])
        if judged is None and not with_unjudged:
            told[f"left out: no judgement in {chosen}"] += 1
            continue
        grades = relevant(judged or {})
        best = sorted(grades, key=lambda name: (-grades[name], name))[:_MOST_PLACES]
        asked.append((record, best))
    texts = _texts(folder / "corpus.jsonl", {name for _, best in asked for name in best})
    questions = []
    for record, best in asked:
        questions.append(_question(record, best, chosen, texts, documents_as, told))
    if not questions:
        raise UsageError(f"{folder} has no judged questions in {chosen}")
    return Brought(tuple(questions), told)


def _split(folder: Path, split: str) -> str:
    there = splits_of(folder)
    if not there:
        raise UsageError(f"{folder} has no judgements: there is no qrels/*.tsv")
    if split and split not in there:
        raise UsageError(
            f"{folder} has no judgements of {split!r}", hint=f"There are: {', '.join(there)}"
        )
    if not split and "test" not in there and len(there) > 1:
        raise UsageError(f"{folder} has several splits", hint=f"--split: {', '.join(there)}")
    return split or ("test" if "test" in there else there[0])


def _queries(file: Path) -> Iterator[dict[str, Any]]:
    errors: list[str] = []
    seen: set[str] = set()
    for number, line in text_lines(file):
        try:
            record = json.loads(line)
            named = {"id": str(record["_id"]), "question": record["text"]}
            from_record({**named, "type": JUDGED})  # a text that can be asked
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            errors.append(f"line {number}: {error}")
            continue
        if named["id"] in seen:
            errors.append(f"line {number}: the id {named['id'][:80]} is there twice")
        seen.add(named["id"])
        yield {**named, "answers": _answers(record)}
    raise_for(file, errors)


def _answers(record: Mapping[str, Any]) -> list[str]:
    metadata = record.get("metadata")
    for holder in (record, metadata if isinstance(metadata, Mapping) else {}):
        for name in ("answer", "answers"):
            value = holder.get(name)
            if isinstance(value, str) and value.strip():
                return [value]
            if isinstance(value, list):
                found = [each for each in value if isinstance(each, str) and each.strip()]
                if found:
                    return found
    return []


def _texts(file: Path, wanted: set[str]) -> dict[str, str]:
    """The texts of the documents that are judged; the corpus is read line by line."""
    found: dict[str, str] = {}
    if file.is_file():
        for number, line in text_lines(file):
            try:
                record = json.loads(line)
                name = str(record["_id"])
                if name in wanted:
                    found[name] = str(record.get("text", ""))
            except (ValueError, TypeError, KeyError, RecursionError) as error:
                raise UsageError(f"{file}, line {number}: {error}") from error
    return found


def _question(
    record: Mapping[str, Any],
    best: Sequence[str],
    split: str,
    texts: Mapping[str, str],
    documents_as: str,
    told: Counter[str],
) -> SetQuestion:
    question, answers = " ".join(record["question"].split()), record["answers"]
    short = [each for each in answers if len(each.split()) <= SHORT_ANSWER]
    groups = (forms_for(question, short),) if short else ()
    told["with accepted forms" if groups else "without accepted forms: judged by evidence"] += 1
    missing = [name for name in best if name not in texts]
    if missing and texts:
        told["judged documents that the corpus does not have"] += len(missing)
    places = [
        Evidence(documents_as.replace("{id}", name), _quote(texts.get(name, ""), groups))
        for name in best
    ]
    told["evidence with a quote"] += sum(bool(place.quote) for place in places)
    evidence = (
        (Evidence(places[0].document_id, places[0].quote, tuple(places[1:])),) if places else ()
    )
    answerable = True if evidence or groups else None
    return SetQuestion(
        id=record["id"], question=question, type=JUDGED, split=split,
        answer=answers[0] if answers else "", answer_groups=groups, evidence=evidence,
        answerable=answerable,
    )  # fmt: skip


def _quote(text: str, groups: Sequence[Sequence[str]]) -> str:
    """The only sentence of a document that holds the answer, "" when there is not just one."""
    if not groups or not holds(text, groups):
        return ""
    found = [text[unit.start : unit.end] for unit in units(text) if holds(unit.text, groups)]
    return " ".join(found[0].split()) if len(found) == 1 else ""
