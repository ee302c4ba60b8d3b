"""Relevance judgements: which documents answer a question, and how well.

    qrels/SPLIT.tsv   question, document, grade; BEIR's, with or without its line of headings
    TREC's qrels      question, iteration, document, grade
    question file     a document with evidence of the answer has the grade 1

Grades above 0 are relevant, and are the gain of nDCG; 0 and below are judged and not relevant.
Fields are parted by tabs, or, where a line has none, by white space; so only files with tabs can
hold ids with spaces.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from esrag.disk import replace_text
from esrag.errors import UsageError
from esrag.evaluation.text_lines import text_lines
from esrag.questions import KnownQuestion

Grades = Mapping[str, int]
Qrels = Mapping[str, Grades]

MOST = 1000
"""The greatest grade: trec_eval keeps a counter for each grade there could be."""

_GRADE = re.compile(r"([+-]?\d{1,9})(?:\.0*)?", re.ASCII)
_SPACE = " \v\f\r"  # as trec_eval sees it: a no-break space is a part of an id
_SPACES = re.compile(f"[{_SPACE}]+")
_HEADINGS = ("query-id", "query_id", "queryid", "qid", "query", "question", "topic")
_FORM = (
    "A line is: question, document, grade; or as TREC has it: question, 0, document, grade. "
    "Ids with spaces need tabs between the fields."
)

_HEADED = "A line of headings begins with query-id."


def read_qrels(file: Path) -> dict[str, dict[str, int]]:
    """The judgements of a file, in its order, those of grade 0 and below too.

    Raises UsageError, naming the line, for what is none, and for a document that has two grades.
    """
    found: dict[str, dict[str, int]] = {}
    width = 0
    for number, line in text_lines(file):
        where = f"{file}, line {number}"
        fields = split_fields(line)
        if not width and fields[0].strip().casefold() in _HEADINGS and not _graded(fields):
            continue
        width = width or len(fields)
        if len(fields) != width or width not in (3, 4):
            raise UsageError(
                f"{where}: {len(fields)} fields, where "
                f"{width if width in (3, 4) else '3 or 4'} are expected: {shortened(line)}",
                hint=_FORM,
            )
        hint = _FORM if found else f"{_FORM} {_HEADED}"
        question, document, grade = fields[0], fields[-2], _grade(fields[-1], where, hint)
        if not question.strip() or not document.strip():
            raise UsageError(f"{where}: an empty id: {shortened(line)}", hint=_FORM)
        before = found.setdefault(question, {}).setdefault(document, grade)
        if before != grade:
            raise UsageError(
                f"{where}: question {shortened(question)} has document {shortened(document)} "
                f"twice, with the grades {before} and {grade}",
                hint="Leave one of the lines.",
            )
    if not found:
        raise UsageError(f"{file} holds no judgements", hint=_FORM)
    return found


def qrels_of_questions(questions: Iterable[KnownQuestion]) -> dict[str, dict[str, int]]:
    """Judgements by evidence: each document that a question's evidence names, with the grade 1.

    Other places that serve as well are relevant too.  An unanswerable question has none.
    """
    return {
        question.id: {
            place.document_id: 1 for each in question.evidence for place in (each, *each.also)
        }
        for question in questions
        if question.evidence
    }


def relevant(grades: Grades) -> dict[str, int]:
    """Those that count: grades above 0."""
    return {document: grade for document, grade in grades.items() if grade > 0}


def write_qrels(file: Path, qrels: Qrels, *, trec: bool = False) -> None:
    """Write judgements in BEIR's form, or in that of trec_eval.

    Raises UsageError for an id that the form cannot hold, and what ``replace_text`` raises.
    """
    rows = [(question, *each) for question, grades in qrels.items() for each in grades.items()]
    require_writable_ids([*qrels, *(document for _, document, _ in rows)])
    if trec:
        lines = [
            joined([question, "0", document, str(grade)]) for question, document, grade in rows
        ]
    else:
        lines = ["query-id\tcorpus-id\tscore"]
        lines += [f"{question}\t{document}\t{grade}" for question, document, grade in rows]
    replace_text(file, "".join(f"{line}\n" for line in lines))


def split_fields(line: str) -> list[str]:
    """The fields of a line: parted by tabs if it has one, else by white space."""
    return line.split("\t") if "\t" in line else _SPACES.split(line.strip(_SPACE))


def joined(fields: Sequence[str]) -> str:
    """The fields as one line that ``split_fields`` reads: with tabs where one holds a space."""
    spaced = any(re.search(r"\s", field) for field in fields)
    return ("\t" if spaced else " ").join(fields)


def require_writable_ids(ids: Iterable[str]) -> None:
    """Raise UsageError for an id that would end a field or a line, or is blank."""
    for each in ids:
        if not each.strip() or re.search("^\ufeff|[\t\n\r\ud800-\udfff]", each):
            raise UsageError(
                f"the id {shortened(ascii(each))} cannot stand in a file of runs or judgements",
                hint="Ids hold no tab, line end, half of a character, nor a byte order mark.",
            )


def shortened(text: str, longest: int = 80) -> str:
    """A line or id for a message."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _graded(fields: Sequence[str]) -> bool:
    return bool(_GRADE.fullmatch(fields[-1].strip()))


def _grade(text: str, where: str, hint: str) -> int:
    found = _GRADE.fullmatch(text.strip())
    if found is None or abs(int(found[1])) > MOST:
        raise UsageError(
            f"{where}: the grade {shortened(text, 40)!r} is no whole number from -{MOST} to {MOST}",
            hint=hint,
        )
    return int(found[1])
