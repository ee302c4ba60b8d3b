"""Question sets that people bring along: JSONL, tables, plain lists, and folders in BEIR's layout.

    file or folder ─► its kind ─► questions, with what was left out or guessed

Where a file gives a short answer and no forms, the forms are made of it (``answer_forms``).  A
question with neither answer nor evidence is open: nobody has said whether the documents answer it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from esrag.errors import UsageError
from esrag.evaluation.question_sets.answer_forms import forms_for
from esrag.evaluation.question_sets.candidates import question_id
from esrag.evaluation.question_sets.merging import question_of_row
from esrag.evaluation.question_sets.records import LONGEST_TEXT, SetQuestion, from_record
from esrag.evaluation.question_sets.sheets import raise_for, read_sheet
from esrag.evaluation.text_lines import text_lines

Kind = Literal["jsonl", "table", "list", "beir"]
OWN_TYPE = "own"
SHORT_ANSWER = 6  # words: what is longer is a sentence, which no answer repeats
_KINDS: Mapping[str, Kind] = {
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".tsv": "table", ".csv": "table", ".tab": "table",
    ".txt": "list", ".text": "list", ".md": "list",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Brought:
    """Questions as they came, and ``told``: what was left out or made, counted."""

    questions: tuple[SetQuestion, ...]
    told: Counter[str] = field(default_factory=Counter)


def kind_of(path: Path) -> Kind:
    """What a path holds; raises UsageError for what is not known."""
    if path.is_dir():
        if (path / "queries.jsonl").is_file():
            return "beir"
        raise UsageError(
            f"{path} is no folder of questions: it has no queries.jsonl",
            hint="BEIR's layout is queries.jsonl, corpus.jsonl and qrels/SPLIT.tsv.",
        )
    kind = _KINDS.get(path.suffix.lower())
    if kind is None:
        raise UsageError(
            f"{path}: what sort of questions is it?",
            hint="Name it *.jsonl, *.tsv, *.csv or *.txt, or say --format.",
        )
    return kind


def read_brought(path: Path, kind: Kind, *, split: str = "") -> Brought:
    """The questions of a file; those of a BEIR folder come from ``beir``.

    Raises UsageError with the lines that cannot be used.
    """
    readers: dict[str, Callable[[Path, str], Brought]] = {
        "jsonl": _of_jsonl, "table": _of_table, "list": _of_list,
    }  # fmt: skip
    brought = readers[kind](path, split)
    if not brought.questions:
        raise UsageError(f"{path} holds no questions")
    return brought


def with_forms(question: SetQuestion, told: Counter[str]) -> SetQuestion:
    """The question with forms of its short answer, where it has none."""
    if question.answer_groups or not question.answer or question.answerable is False:
        return question
    if len(question.answer.split()) > SHORT_ANSWER:
        told["with a long answer and no accepted forms: judged by evidence"] += 1
        return question
    told["forms made of the answer"] += 1
    forms = forms_for(question.question, (question.answer,))
    return replace(question, answer_groups=(forms,))


def _of_table(file: Path, split: str) -> Brought:
    sheet, told = read_sheet(file), Counter[str]()
    for name in sheet.unread:
        told[f"column {name[:60]!r} is not read"] += 1
    found: dict[str, SetQuestion] = {}
    errors: list[str] = []
    for row in sheet.rows:
        try:
            question = with_forms(question_of_row(row, type_name=OWN_TYPE, split=split), told)
            _require_first(question, found)
            found[question.id] = question
        except ValueError as error:
            errors.append(f"line {row.line}: {error}")
    raise_for(file, errors)
    return _brought(found, told)


def _of_jsonl(file: Path, split: str) -> Brought:
    found: dict[str, SetQuestion] = {}
    errors: list[str] = []
    told = Counter[str]()
    for number, line in text_lines(file):
        try:
            question = with_forms(from_record(_completed(json.loads(line), split)), told)
            _require_first(question, found)
            found[question.id] = question
        except (ValueError, TypeError, RecursionError) as error:
            errors.append(f"line {number}: {error}")
        except KeyError as error:
            errors.append(f"line {number}: {error.args[0]} is missing")
    raise_for(file, errors)
    return _brought(found, told)


def _of_list(file: Path, split: str) -> Brought:
    found: dict[str, SetQuestion] = {}
    errors: list[str] = []
    told = Counter[str]()
    for number, line in text_lines(file):
        asked = " ".join(line.split())
        question = SetQuestion(question_id(asked, ""), asked, OWN_TYPE, split, answerable=None)
        if len(asked) > LONGEST_TEXT:
            errors.append(f"line {number}: longer than {LONGEST_TEXT:,} characters")
        elif question.id in found:
            told["left out: there twice"] += 1
        found.setdefault(question.id, question)
    raise_for(file, errors)
    return _brought(found, told)


def _completed(record: Any, split: str) -> dict[str, Any]:
    """A line with what others leave out: an id, a type, a split."""
    if not isinstance(record, dict):
        raise TypeError("not an object")
    whole = dict(record)
    if "question" not in whole and isinstance(whole.get("text"), str):
        whole["question"] = whole.pop("text")
    whole.setdefault("id", whole.pop("_id", None))
    if whole["id"] is None:
        whole["id"] = question_id(str(whole.get("question", "")), str(whole.get("answer", "")))
    whole.setdefault("type", OWN_TYPE)
    whole.setdefault("split", split)
    named = ("answer", "accepted", "answer_groups", "evidence", "answerable")
    if not any(name in whole for name in named):
        whole["answerable"] = None
    elif whole.get("answer") and "answerable" not in whole:
        whole["answerable"] = True
    return whole


def _require_first(question: SetQuestion, others: Mapping[str, SetQuestion]) -> None:
    if question.id in others:
        raise ValueError(f"the id {question.id[:80]} is there twice")


def _brought(found: Mapping[str, SetQuestion], told: Counter[str]) -> Brought:
    open_ones = sum(each.answerable is None for each in found.values())
    if open_ones:
        told["open: neither answer nor evidence is given"] = open_ones
    return Brought(tuple(found.values()), told)
