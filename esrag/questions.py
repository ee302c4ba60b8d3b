"""Questions with known answers: what calibration and measurement read.

A question file is JSONL; ``docs/questions.md`` describes the fields.  Whether an answer holds
the reference answer is decided here, once, by literal forms: every group of forms must have
one form in the answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from esrag.errors import UsageError
from esrag.terms import dates_normalised
from esrag.types import Hit


@dataclass(frozen=True, slots=True)
class Evidence:
    """The words of a document that answer a question, verbatim.

    ``also`` are other places that say the same and serve as well.
    """

    document_id: str
    quote: str
    also: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownQuestion:
    """A question, the forms its answer may take, and the passages that hold the evidence.

    ``answer_groups``: all groups must be present in an answer, each in one of its forms.  An
    unanswerable question has neither groups nor evidence.
    """

    id: str
    text: str
    kind: str
    split: str
    answer: str
    answer_groups: tuple[tuple[str, ...], ...]
    evidence: tuple[Evidence, ...]

    @property
    def answerable(self) -> bool:
        """Whether the corpus holds the answer."""
        return bool(self.evidence)


def load_questions(path: Path, *, split: str | None = None) -> tuple[KnownQuestion, ...]:
    """The questions of a JSONL file, or of one of its splits.

    Raises UsageError naming the line that cannot be used.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    found = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            question = _question(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(
                f"{path}, line {number}: not a question: {type(error).__name__} {error}",
                hint="Each line is an object with id, question, type, answer and evidence.",
            ) from error
        if split in (None, question.split):
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


def supports(hit: Hit, evidence: Evidence) -> bool:
    """Whether a hit's text holds the evidence, or what serves as well."""
    return any(
        hit.document_id == place.document_id and _folded(place.quote) in _folded(hit.text)
        for place in (evidence, *evidence.also)
    )


def _question(record: Mapping[str, Any]) -> KnownQuestion:
    groups = record.get("answer_groups") or ([record["accepted"]] if record.get("accepted") else [])
    return KnownQuestion(
        id=str(record["id"]),
        text=record["question"],
        kind=record["type"],
        split=record.get("split", ""),
        answer=record.get("answer") or "",
        answer_groups=tuple(tuple(group) for group in groups),
        evidence=tuple(_evidence(item) for item in record.get("evidence") or ()),
    )


def _evidence(item: Mapping[str, Any]) -> Evidence:
    return Evidence(
        item["document"], item["quote"], tuple(_evidence(other) for other in item.get("also") or ())
    )


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
