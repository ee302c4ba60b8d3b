"""Data sets with relevance judgements, and the measures that ``benchmarks/retrieval.py`` prints.

    folder in BEIR's layout ─┐
    our sample's questions ──┴─► Judged ──(a run: question -> documents, best first)──► measures

A folder holds ``corpus.jsonl`` (``_id``, ``title``, ``text``), ``queries.jsonl`` (``_id``,
``text``) and ``qrels/SPLIT.tsv`` (question, document, grade, below a line of headings).  A run
names documents; how hits become documents is decided by whoever makes the run.  Every judged
question counts, one without hits as 0.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from esrag.questions import load_questions
from esrag.sample import corpus_folder, questions_file

SAMPLE = "sample"
RESAMPLES = 10_000
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


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over questions with its 95 % interval."""

    mean: float
    low: float
    high: float

    def words(self, *, sign: bool = False) -> str:
        """As the tables print it."""
        form = "{:+.3f}" if sign else "{:.3f}"
        return f"{form.format(self.mean)} [{form.format(self.low)}, {form.format(self.high)}]"


def load(folder: Path) -> Judged:
    """A folder in BEIR's layout."""
    questions = {each["_id"]: each["text"] for each in records(folder / "queries.jsonl")}
    splits = {file.stem: _qrels(file) for file in sorted((folder / "qrels").glob("*.tsv"))}
    corpus = folder / "corpus.jsonl"
    return Judged(folder.name, corpus, "corpus.jsonl#", questions, splits)


def records(file: Path) -> Iterator[dict[str, Any]]:
    """The records of a JSONL file; U+2028 and its like end no line."""
    with file.open(encoding="utf-8", newline="\n") as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)


def load_sample() -> Judged:
    """The questions of our sample that have an answer; a document is right if it holds evidence."""
    questions: dict[str, str] = {}
    splits: dict[str, dict[str, dict[str, int]]] = {}
    for known in load_questions(questions_file()):
        if known.answerable:
            questions[known.id] = known.text
            places = [place for each in known.evidence for place in (each, *each.also)]
            splits.setdefault(known.split, {})[known.id] = {p.document_id: 1 for p in places}
    return Judged(SAMPLE, corpus_folder(), "", questions, splits)


def _qrels(file: Path) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for line in file.read_text(encoding="utf-8").splitlines()[1:]:
        question, document, grade = line.split("\t")
        if int(grade) > 0:
            found.setdefault(question, {})[document] = int(grade)
    return found


def ndcg(ranked: Sequence[str], grades: Mapping[str, int], k: int = 10) -> float:
    """nDCG@k of one question, with the grade as gain, as trec_eval computes it."""
    best = sorted(grades.values(), reverse=True)[:k]
    gained = _discounted([grades.get(document, 0) for document in ranked[:k]])
    return gained / _discounted(best) if best else 0.0


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))


def recall(ranked: Sequence[str], grades: Mapping[str, int], k: int) -> float:
    """Share of the relevant documents among the first ``k``."""
    return len(set(ranked[:k]) & set(grades)) / len(grades)


def per_question(run: Run, qrels: Mapping[str, Mapping[str, int]], k: int = 10) -> np.ndarray:
    """nDCG@k of each judged question, in the order of the judgements."""
    return np.array([ndcg(run.get(question, ()), grades, k) for question, grades in qrels.items()])


def mean_recall(run: Run, qrels: Mapping[str, Mapping[str, int]], k: int) -> float:
    """Recall@k, mean of all judged questions."""
    return float(np.mean([recall(run.get(name, ()), grades, k) for name, grades in qrels.items()]))


def interval(values: np.ndarray, *, seed: int = 7) -> Interval:
    """The mean, and 95 % of the means of resampled questions.

    Of a difference of two systems, question by question, this is the paired bootstrap.
    """
    generator = np.random.default_rng(seed)
    chosen = generator.integers(0, len(values), size=(RESAMPLES, len(values)))
    low, high = np.percentile(values[chosen].mean(axis=1), [2.5, 97.5])
    return Interval(float(values.mean()), float(low), float(high))


def documents_of(hits: Sequence[str]) -> list[str]:
    """Each document once, where its best chunk stands."""
    return list(dict.fromkeys(hits))
