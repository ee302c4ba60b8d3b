"""What a reviewer's table or page says, put into the set that it came from.

    set + rows (or questions of a page) ─► set, with what changed

All of it or nothing: a row that cannot be used stops the import, with its line.  Questions that
the file does not name stay as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from esrag.evaluation.question_sets.candidates import question_id
from esrag.evaluation.question_sets.cells import forms_in_cell, from_cell, to_cell
from esrag.evaluation.question_sets.records import STATUSES, SetQuestion
from esrag.evaluation.question_sets.sheets import ANSWERABLE, Row, Sheet, raise_for
from esrag.questions import Evidence

_STATUS_WORDS: Mapping[str, str] = {
    "": "", "open": "", "reviewed": "reviewed", "accepted": "reviewed", "accept": "reviewed",
    "ok": "reviewed", "rejected": "rejected", "reject": "rejected",
}  # fmt: skip
_TEXTS = ("question", "answer", "note", "type", "split")


@dataclass(slots=True)
class Merged:
    """A set after a review; ``changes`` counts what became of its questions."""

    questions: list[SetQuestion] = field(default_factory=list)
    changes: Counter[str] = field(default_factory=Counter)


def merge_sheet(file: Path, before: Sequence[SetQuestion], sheet: Sheet) -> Merged:
    """The set with what the rows say; a row without an id is a new question.

    Raises UsageError with the lines that cannot be used.
    """
    known = {_id_as_written(each): each for each in before}
    errors: list[str] = []
    found: dict[str, SetQuestion] = {}
    for row in sheet.rows:
        try:
            question = _of_row(row, known, sheet.columns)
            _require_new(question, found)
            found[question.id] = question
        except ValueError as error:
            errors.append(f"line {row.line}: {error}")
    raise_for(file, errors)
    return _merged(before, found)


def _of_row(row: Row, known: Mapping[str, SetQuestion], columns: Iterable[str]) -> SetQuestion:
    identity = row.get("id")
    if not identity:
        question = question_of_row(row)
        _require_new(question, known)
        return question
    if identity not in known:
        raise ValueError(f"no question of the set has the id {identity[:80]}")
    return edited(known[identity], row, columns)


def _require_new(question: SetQuestion, others: Mapping[str, SetQuestion]) -> None:
    if question.id in others:
        raise ValueError(f"the question {question.id[:80]} is there twice")


def _id_as_written(question: SetQuestion) -> str:
    return from_cell(to_cell(question.id))


def merge_questions(
    file: Path, before: Sequence[SetQuestion], questions: Iterable[SetQuestion]
) -> Merged:
    """The set with the questions of a page's JSONL in the places of those with their ids.

    Raises UsageError for ids that are there twice or that the set does not have.
    """
    known = {each.id: each for each in before}
    found: dict[str, SetQuestion] = {}
    errors: list[str] = []
    for each in questions:
        if each.id not in known:
            errors.append(f"{each.id[:80]}: no question of the set has this id")
        elif each.id in found:
            errors.append(f"{each.id[:80]}: it is there twice")
        found[each.id] = each
    raise_for(file, errors)
    return _merged(before, found)


def edited(question: SetQuestion, row: Row, columns: Iterable[str]) -> SetQuestion:
    """The question with what the row's cells say; a column that is not there changes nothing.

    Raises ValueError for a cell that cannot be used.
    """
    named = frozenset(columns)
    changed = question
    for name in _TEXTS:
        # a cell has one line: what only lost its line ends was not edited
        if name in named and to_cell(getattr(question, name)) != to_cell(row.get(name)):
            changed = replace(changed, **{name: row.get(name)})  # type: ignore[arg-type]
    if "status" in named:
        changed = replace(changed, status=_status(row))  # type: ignore[arg-type]
    if "accepted" in named:
        groups = forms_in_cell(row.get("accepted"))
        one_line = tuple(
            tuple(" ".join(form.split()) for form in forms) for forms in question.answer_groups
        )
        changed = changed if groups == one_line else replace(changed, answer_groups=groups)
    if any(name.startswith(("document_", "quote_")) for name in named):
        changed = replace(changed, evidence=tuple(_evidence(row, question.evidence)))
    if "answerable" in named and row.get("answerable"):
        changed = replace(changed, answerable=_answerable(row))
    _require_sound(changed)
    return changed


def question_of_row(row: Row, *, type_name: str = "own", split: str = "") -> SetQuestion:
    """A question that is nowhere yet; raises ValueError for cells that cannot be used."""
    groups, evidence = forms_in_cell(row.get("accepted")), tuple(_evidence(row, ()))
    answer = row.get("answer")
    said = _answerable(row) if row.get("answerable") else None
    if not row.get("answerable") and (answer or groups or evidence):
        said = True
    question = SetQuestion(
        id=row.get("id") or question_id(row.get("question"), answer),
        question=row.get("question"),
        type=row.get("type") or type_name,
        split=row.get("split") or split,
        answer=answer,
        answer_groups=groups,
        evidence=evidence,
        answerable=said,
        status=_status(row),  # type: ignore[arg-type]
        note=row.get("note"),
    )
    _require_sound(question)
    return question


def _require_sound(question: SetQuestion) -> None:
    if not question.question:
        raise ValueError("question is empty")
    if not question.type:
        raise ValueError("type is empty")
    if question.answerable is False and (question.answer_groups or question.evidence):
        raise ValueError("answerable is no, but there are accepted forms or evidence")


def _status(row: Row) -> str:
    written = row.get("status").casefold()
    if written not in _STATUS_WORDS:
        there_are = ", ".join(name for name in STATUSES if name)
        raise ValueError(f"status is {written[:40]!r}; there are: {there_are}, or nothing")
    return _STATUS_WORDS[written]


def _answerable(row: Row) -> bool | None:
    written = row.get("answerable").casefold()
    written = {"true": "yes", "false": "no", "null": "unknown"}.get(written, written)
    if written not in ANSWERABLE:
        raise ValueError(f"answerable is {written[:40]!r}; there are: yes, no, unknown")
    return ANSWERABLE[written]


def _evidence(row: Row, before: Sequence[Evidence]) -> Iterator[Evidence]:
    """The places that a row names; one that is as it was keeps its other places."""
    as_it_was = {(to_cell(one.document_id), to_cell(one.quote)): one for one in before}
    numbers = sorted(
        int(name.rpartition("_")[2]) for name in row.cells if name.startswith("document_")
    )
    for number in numbers:
        document, quote = row.get(f"document_{number}"), row.get(f"quote_{number}")
        if quote and not document:
            raise ValueError(f"quote_{number} has no document_{number}")
        if document:
            new = Evidence(document, quote)
            yield as_it_was.get((to_cell(document), to_cell(quote)), new)


def _merged(before: Sequence[SetQuestion], found: Mapping[str, SetQuestion]) -> Merged:
    merged = Merged()
    for old in before:
        new = found.get(old.id)
        merged.questions.append(new or old)
        merged.changes["not in the file" if new is None else _what_changed(old, new)] += 1
    ids = {each.id for each in before}
    added = [each for name, each in found.items() if name not in ids]
    merged.questions.extend(added)
    merged.changes["added"] += len(added)
    return merged


def _what_changed(old: SetQuestion, new: SetQuestion) -> str:
    if old == new:
        return "as they were"
    if replace(old, status=new.status, note=new.note) != new:
        return "edited"
    if old.status != new.status:
        return {"reviewed": "marked as reviewed", "rejected": "rejected"}.get(
            new.status, "no longer reviewed"
        )
    return "commented"
