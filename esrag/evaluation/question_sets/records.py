"""A question of a set with its review, and the one place that reads and writes its JSON.

    line ◄──► SetQuestion ──► esrag.questions.KnownQuestion, for those who ask

The same questions give the same bytes.  Fields that are not known here are kept as they are, so
that a review loses nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from esrag.errors import UsageError
from esrag.questions import Evidence

Status = Literal["", "reviewed", "rejected"]
"""What a reviewer said: nothing yet, that it is good, that it is not to be asked."""

STATUSES: tuple[Status, ...] = get_args(Status)
LONGEST_TEXT = 20_000  # characters of one field
_HALF = re.compile("[\ud800-\udfff]")
_OWN = frozenset(
    "id question type split status note answer accepted answer_groups evidence answerable".split()
)


@dataclass(frozen=True, slots=True)
class SetQuestion:
    """One question; ``answer_groups`` and ``evidence`` as in KnownQuestion.

    ``answerable`` is None when nobody has said whether the documents answer it.  ``other`` are
    fields that are kept and not read here; of a built question ``source`` says what made it.
    """

    id: str
    question: str
    type: str
    split: str = ""
    answer: str = ""
    answer_groups: tuple[tuple[str, ...], ...] = ()
    evidence: tuple[Evidence, ...] = ()
    answerable: bool | None = True
    status: Status = ""
    note: str = ""
    other: Mapping[str, Any] = field(default_factory=dict)

    @property
    def documents(self) -> tuple[str, ...]:
        """The documents that it is about, each once; of a near miss, the one that it is near."""
        places = (place for each in self.evidence for place in (each, *each.also))
        found = [place.document_id for place in places]
        source = self.other.get("source")
        if isinstance(source, dict) and isinstance(source.get("documents"), list):
            found += map(str, source["documents"])
        return tuple(dict.fromkeys(found))


def as_record(question: SetQuestion) -> dict[str, Any]:
    """The JSON object of a question; what is empty is left out."""
    record: dict[str, Any] = {
        "id": question.id, "question": question.question, "type": question.type,
    }  # fmt: skip
    for name in ("split", "status", "note", "answer"):
        if getattr(question, name):
            record[name] = getattr(question, name)
    groups = [list(forms) for forms in question.answer_groups]
    if len(groups) == 1:
        record["accepted"] = groups[0]
    elif groups:
        record["answer_groups"] = groups
    if question.evidence:
        record["evidence"] = [_evidence_record(each) for each in question.evidence]
    if question.answerable is not bool(question.evidence or groups):
        record["answerable"] = question.answerable
    return record | dict(question.other)


def as_line(question: SetQuestion) -> str:
    """The line of a question, without its end."""
    return json.dumps(as_record(question), ensure_ascii=False)


def as_text(questions: Iterable[SetQuestion]) -> str:
    """A whole file."""
    return "".join(f"{as_line(each)}\n" for each in questions)


def read_set(file: Path) -> tuple[SetQuestion, ...]:
    """The questions of a JSONL file; raises UsageError with the number of a line that is none."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not UTF-8: {error}") from error
    return tuple(questions_in(text, name=str(file)))


def questions_in(text: str, *, name: str) -> Iterator[SetQuestion]:
    """The questions of JSONL; ``name`` stands in errors."""
    for number, line in enumerate(text.split("\n"), start=1):  # U+2028 and its like end no line
        if line.strip():
            try:
                yield from_record(json.loads(line))
            except (ValueError, TypeError, KeyError, RecursionError) as error:
                raise UsageError(
                    f"{name}, line {number}: {_explained(error)}",
                    hint="docs/questions.md describes the fields of a question.",
                ) from error


def from_record(record: Any) -> SetQuestion:
    """The question of a JSON object; raises KeyError, TypeError or ValueError for what is none."""
    if not isinstance(record, dict):
        raise TypeError("not an object")
    groups = _groups(record)
    evidence = tuple(_evidence(each) for each in _list(record, "evidence"))
    status = text_in(record, "status")
    if status not in STATUSES:
        raise ValueError(f"status is {status!r}; there are: reviewed, rejected, and none")
    answerable = record.get("answerable", bool(evidence or groups))
    if not (answerable is None or isinstance(answerable, bool)):
        raise TypeError("answerable is not true, false or null")
    question = SetQuestion(
        id=text_in(record, "id", needed=True),
        question=text_in(record, "question", needed=True),
        type=text_in(record, "type", needed=True),
        split=text_in(record, "split"),
        answer=text_in(record, "answer"),
        answer_groups=groups,
        evidence=evidence,
        answerable=answerable,
        status=status,
        note=text_in(record, "note"),
        other={name: value for name, value in record.items() if name not in _OWN},
    )
    _require_whole(json.dumps(question.other, ensure_ascii=False), "a field")
    return question


def text_in(record: Mapping[str, Any], name: str, *, needed: bool = False) -> str:
    """A field that is a text; raises KeyError, TypeError or ValueError for what cannot be one."""
    value = record[name] if needed else record.get(name)
    if isinstance(value, int) and not isinstance(value, bool) and name == "id":
        value = str(value)
    if value is None and not needed:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"{name} is not a text")
    if needed and not value.strip():
        raise ValueError(f"{name} is empty")
    _require_whole(value, name)
    return value


def _groups(record: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    groups = _list(record, "answer_groups") or [
        forms for forms in (_list(record, "accepted"),) if forms
    ]
    for forms in groups:
        if not isinstance(forms, list) or not all(isinstance(form, str) for form in forms):
            raise TypeError("the forms of an answer are not a list of texts")
        if not forms or not all(form.strip() for form in forms):
            raise ValueError("a form of the answer is empty")
        for form in forms:
            _require_whole(form, "a form of the answer")
    return tuple(tuple(forms) for forms in groups)


def _evidence(item: Any) -> Evidence:
    if not isinstance(item, dict):
        raise TypeError("evidence is not an object")
    also = tuple(_evidence(other) for other in _list(item, "also"))
    return Evidence(text_in(item, "document", needed=True), text_in(item, "quote"), also)


def _evidence_record(evidence: Evidence) -> dict[str, Any]:
    record: dict[str, Any] = {"document": evidence.document_id, "quote": evidence.quote}
    if evidence.also:
        record["also"] = [_evidence_record(each) for each in evidence.also]
    return record


def _list(record: Mapping[str, Any], name: str) -> list[Any]:
    value = record.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise TypeError(f"{name} is not a list")
    return value


def _require_whole(value: str, name: str) -> None:
    if len(value) > LONGEST_TEXT and name != "a field":
        raise ValueError(f"{name} is longer than {LONGEST_TEXT:,} characters")
    if not value.isascii() and _HALF.search(value):
        raise ValueError(f"{name} holds half of a surrogate pair, which is no character")


def _explained(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"{error.args[0]} is missing"
    if isinstance(error, json.JSONDecodeError):
        return f"no JSON: {error}"
    return str(error) or type(error).__name__
