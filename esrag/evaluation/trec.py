"""Runs in TREC's form: what a system ranked for each question.

    question Q0 document rank score tag

As in trec_eval the rank column says nothing: documents are ordered by score, and of equal scores
(in single precision) by id, the greater one first.  A question without hits has no line.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from esrag.disk import replace_text
from esrag.errors import UsageError
from esrag.evaluation.qrels import joined, require_writable_ids, shortened, split_fields
from esrag.evaluation.text_lines import text_lines

Scores = Mapping[str, float]
_FORM = (
    "A line is: question Q0 document rank score tag. Ids with spaces need tabs between the fields."
)


@dataclass(frozen=True, slots=True)
class Run:
    """Scores of documents by question; ``tag`` is what the file calls its system."""

    tag: str
    scores: Mapping[str, Scores]

    def ranked(self, question: str) -> list[str]:
        """The documents of a question, best first; empty when it has none."""
        return ranked(self.scores.get(question, {}))


def ranked(scores: Scores) -> list[str]:
    """Documents in the order in which trec_eval looks at them.

    Source: trec_eval's form_res_rels.c, which sorts by ``sim`` and then by ``docno``, both
    descending; ids are compared as UTF-8 bytes.
    """
    return sorted(
        scores, key=lambda name: (_single(scores[name]), name.encode("utf-8", "surrogatepass")),
        reverse=True,
    )  # fmt: skip


def scores_of_ranking(documents: Sequence[str], scores: Sequence[float]) -> dict[str, float]:
    """A ranking as scores: each document once, where it stands first, in an order that holds.

    The given scores are kept if trec_eval would order by them as here; else a document's score is
    its place from the end, so that ties in a system's own scores do not change what it showed.
    """
    best: dict[str, float] = {}
    for name, score in zip(documents, scores, strict=True):
        best.setdefault(name, float(score))
    order = list(best)
    if all(math.isfinite(score) for score in best.values()) and ranked(best) == order:
        return best
    return {name: float(len(order) - place) for place, name in enumerate(order)}


def read_run(file: Path) -> Run:
    """The run of a file; raises UsageError, naming the line, for what trec_eval cannot take."""
    scores: dict[str, dict[str, float]] = {}
    tag = ""
    for number, line in text_lines(file):
        where = f"{file}, line {number}"
        fields = split_fields(line)
        if len(fields) != 6:
            raise UsageError(
                f"{where}: {len(fields)} fields, where 6 are expected: {shortened(line)}",
                hint=_FORM,
            )
        question, _, document, _, score, name = fields
        if not question.strip() or not document.strip():
            raise UsageError(f"{where}: an empty id: {shortened(line)}", hint=_FORM)
        tag = tag or name
        of_question = scores.setdefault(question, {})
        if document in of_question:
            raise UsageError(
                f"{where}: document {shortened(document)} stands twice under question "
                f"{shortened(question)}",
                hint="A document has one rank; leave the better line.",
            )
        of_question[document] = _score(score, where)
    return Run(tag or file.name.partition(".")[0], scores)


def write_run(file: Path, run: Run) -> None:
    """Write a run, best documents first.

    Raises UsageError for an id that a line cannot hold, and what ``replace_text`` raises.
    """
    require_writable_ids([run.tag, *run.scores, *(d for each in run.scores.values() for d in each)])
    lines = []
    for question, scores in run.scores.items():
        for place, name in enumerate(ranked(scores), start=1):
            fields = [question, "Q0", name, str(place), repr(scores[name]), run.tag]
            lines.append(joined(fields) + "\n")
    replace_text(file, "".join(lines))


def _score(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or "_" in text:
        raise UsageError(f"{where}: the score {shortened(text, 40)!r} is no number", hint=_FORM)
    return value


def _single(value: float) -> float:
    """As a C float holds it."""
    try:
        found: float = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        found = math.copysign(math.inf, value)
    return found
