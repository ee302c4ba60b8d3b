"""Data sets with relevance judgements, and the measures that ``benchmarks/retrieval.py`` prints.

    folder in BEIR's layout ─┐
    our sample's questions ──┴─► Judged ──(a run: question -> documents, best first)──► measures

A folder holds ``corpus.jsonl`` (``_id``, ``title``, ``text``), ``queries.jsonl`` (``_id``,
``text``) and ``qrels/SPLIT.tsv`` (question, document, grade).  Reading and measuring are those of
``esrag evaluate``.  A run names documents; how hits become documents is decided by whoever makes
the run.  Every question with a relevant document counts, one without hits as 0.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from esrag.evaluation.judged_folder import load_judged
from esrag.evaluation.qrels import qrels_of_questions, relevant
from esrag.evaluation.retrieval_measures import metrics_of, parse_measures
from esrag.evaluation.trec import Run as TrecRun
from esrag.evaluation.trec import scores_of_ranking
from esrag.questions import load_questions
from esrag.sample import corpus_folder, questions_file

SAMPLE = "sample"
Run = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Judged:
    """Questions, and for each split which documents answer them and how well.

    ``corpus`` is what ``esrag ingest`` takes; ``strip`` is what it puts before the document ids.
    """

    name: str
    corpus: Path
    strip: str
    questions: Mapping[str, str]
    splits: Mapping[str, Mapping[str, Mapping[str, int]]]


def load(folder: Path) -> Judged:
    """A folder in BEIR's layout."""
    questions: dict[str, str] = {}
    splits: dict[str, dict[str, dict[str, int]]] = {}
    for file in sorted((folder / "qrels").glob("*.tsv")):
        judged = load_judged(folder, split=file.stem)
        questions |= judged.questions
        found = {name: relevant(grades) for name, grades in judged.qrels.items()}
        splits[file.stem] = {name: grades for name, grades in found.items() if grades}
    return Judged(folder.name, folder / "corpus.jsonl", "corpus.jsonl#", questions, splits)


def records(file: Path) -> Iterator[dict[str, Any]]:
    """The records of a JSONL file; U+2028 and its like end no line."""
    with file.open(encoding="utf-8", newline="\n") as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)


def load_sample() -> Judged:
    """The questions of our sample that have an answer; a document is right if it holds evidence."""
    known = load_questions(questions_file())
    qrels = qrels_of_questions(known)
    splits: dict[str, dict[str, dict[str, int]]] = {}
    for question in known:
        if question.id in qrels:
            splits.setdefault(question.split, {})[question.id] = qrels[question.id]
    questions = {question.id: question.text for question in known if question.id in qrels}
    return Judged(SAMPLE, corpus_folder(), "", questions, splits)


def per_question(run: Run, qrels: Mapping[str, Mapping[str, int]], k: int = 10) -> np.ndarray:
    """nDCG@k of each judged question, in the order of the judgements."""
    return _values(run, qrels, f"nDCG@{k}")


def mean_recall(run: Run, qrels: Mapping[str, Mapping[str, int]], k: int) -> float:
    """Recall@k, mean of all judged questions."""
    return float(np.mean(_values(run, qrels, f"R@{k}")))


def _values(run: Run, qrels: Mapping[str, Mapping[str, int]], measure: str) -> np.ndarray:
    scores = {
        name: scores_of_ranking(documents, range(len(documents), 0, -1))
        for name, documents in run.items()
    }
    found = metrics_of(TrecRun("", scores), qrels, parse_measures([measure]))[measure]
    return np.array([found[name] for name in qrels], dtype=float)


def documents_of(hits: Sequence[str]) -> list[str]:
    """Each document once, where its best chunk stands."""
    return list(dict.fromkeys(hits))
