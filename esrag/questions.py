"""Questions with known answers: what calibration and measurement read.

A question file is JSONL; ``docs/questions.md`` describes the fields.  Whether an answer holds
the reference answer is decided here, once, by literal forms: every group of forms must have
one form in the answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from esrag.errors import UsageError
from esrag.terms import dates_normalised

REJECTED = "rejected"
_HALF = re.compile("[\ud800-\udfff]")
_SAID: Mapping[bool | None, Literal["answerable", "unanswerable", "unknown"]] = {
    True: "answerable",
    False: "unanswerable",
    None: "unknown",
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """The words of a document that answer a question, verbatim; no words are the whole document.

    ``also`` are other places that say the same and serve as well.
    """

    document_id: str
    quote: str
    also: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownQuestion:
    """A question, the forms its answer may take, and the passages that hold the evidence.

    ``answer_groups``: all groups must be present in an answer, each in one of its forms.
    ``said`` is what the file says of whether the documents answer it; "" lets groups and evidence
    decide, of which an unanswerable question has none.
    """

    id: str
    text: str
    kind: str
    split: str
    answer: str
    answer_groups: tuple[tuple[str, ...], ...]
    evidence: tuple[Evidence, ...]
    said: Literal["", "answerable", "unanswerable", "unknown"] = ""

    @property
    def answerable(self) -> bool:
        """Whether the corpus holds the answer; an ``open`` question counts as if it did."""
        if self.said:
            return self.said != "unanswerable"
        return bool(self.evidence or self.answer_groups)

    @property
    def open(self) -> bool:
        """Whether nobody has said if the documents answer it: no refusal is right or wrong."""
        return self.said == "unknown"


def load_questions(path: Path, *, split: str | None = None) -> tuple[KnownQuestion, ...]:
    """The questions of a JSONL file, or of one of its splits; without those a reviewer rejected.

    Raises UsageError naming the line that cannot be used.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    found = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            question = question_of(record)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise UsageError(
                f"{path}, line {number}: not a question: {_explained(error)}",
                hint="Each line is an object with id, question, type, answer and evidence.",
            ) from error
        if split in (None, question.split) and record.get("status") != REJECTED:
            found.append(question)
    if not found:
        raise UsageError(f"{path} holds no questions" + (f" of split {split!r}" if split else ""))
    return tuple(found)


def holds(text: str, groups: Sequence[Sequence[str]]) -> bool:
    """Whether ``text`` has one form of every group, as whole words, whatever case and spacing."""
    here = _folded(text)
    return bool(groups) and all(
        any(_contains(here, _folded(form)) for form in group) for group in groups
    )


class Located(Protocol):
    """A stretch of a document: a hit, or a passage as a comparison keeps it."""

    @property
    def document_id(self) -> str:
        """Of which document."""

    @property
    def text(self) -> str:
        """Its words."""


def supports(hit: Located, evidence: Evidence) -> bool:
    """Whether the text of a hit or passage holds the evidence, or what serves as well."""
    return any(
        hit.document_id == place.document_id and _folded(place.quote) in _folded(hit.text)
        for place in (evidence, *evidence.also)
    )


def question_of(record: Any) -> KnownQuestion:
    """The question of a line; raises KeyError, TypeError or ValueError for what is none."""
    if not isinstance(record, dict):
        raise TypeError("it is not an object")
    said = record.get("answerable")
    if not (said is None or isinstance(said, bool)):
        raise TypeError("answerable is not true, false or null")
    groups = _list(record, "answer_groups") or [
        forms for forms in (_list(record, "accepted"),) if forms
    ]
    return KnownQuestion(
        id=_text(record, "id", needed=True),
        text=_text(record, "question", needed=True),
        kind=_text(record, "type", needed=True),
        split=_text(record, "split"),
        answer=_text(record, "answer"),
        answer_groups=tuple(map(_forms, groups)),
        evidence=tuple(map(_evidence, _list(record, "evidence"))),
        said=_SAID[said] if "answerable" in record else "",
    )


def _text(record: Mapping[str, Any], name: str, *, needed: bool = False) -> str:
    value = record[name] if needed else record.get(name)
    if name == "id" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if value is None and not needed:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"{name} is not a text")
    if needed and not value.strip():
        raise ValueError(f"{name} is empty")
    if _HALF.search(value):
        raise ValueError(f"{name} holds half of a surrogate pair, which is no character")
    return value


def _list(record: Mapping[str, Any], name: str) -> list[Any]:
    value = record.get(name)
    if not (value is None or isinstance(value, list)):
        raise TypeError(f"{name} is not a list")
    return value or []


def _forms(group: Any) -> tuple[str, ...]:
    if not isinstance(group, list) or not all(isinstance(form, str) for form in group):
        raise TypeError("the forms of an answer are not a list of texts")
    return tuple(group)


def _evidence(item: Any) -> Evidence:
    if not isinstance(item, dict):
        raise TypeError("evidence is not an object")
    if not isinstance(item["quote"], str):
        raise TypeError("quote is not a text")
    return Evidence(
        _text(item, "document", needed=True),
        item["quote"],
        tuple(map(_evidence, _list(item, "also"))),
    )


def _explained(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"{error.args[0]} is missing"
    if isinstance(error, json.JSONDecodeError):
        return f"no JSON: {error}"
    return str(error) or type(error).__name__


def _folded(text: str) -> str:
    """Lower case, one space, no Markdown marks, dates in one form."""
    unmarked = text.translate(str.maketrans("", "", "*`_"))
    return dates_normalised(" ".join(unmarked.split())).casefold().replace("\u00a0", " ")


def _contains(text: str, form: str) -> bool:
    """``form`` in ``text``, not as a part of a longer word or number."""
    start = text.find(form)
    while form and start >= 0:
        end = start + len(form)
        before = text[start - 1] if start else " "
        after = text[end : end + 2].ljust(2)
        joined_before = before.isalnum() and form[0].isalnum()
        joined_after = form[-1].isalnum() and (
            after[0].isalnum() or (after[0] in ".," and after[1].isdigit() and form[-1].isdigit())
        )
        if not joined_before and not joined_after:
            return True
        start = text.find(form, start + 1)
    return False
