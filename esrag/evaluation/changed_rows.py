"""The rows of a training run after a fact changed: what is trained again.

    rows made from the changed document ─┬─ say the old text ─► the same rows with the new
                                         └─ do not ──────────► as they were
    rows made from other documents ───────────────────────────► as they were

So only what the change is about differs between the two trainings.  Pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

from esrag.errors import UsageError
from esrag.evaluation.replacing import has, replaced
from esrag.types import Example


@dataclass(frozen=True, slots=True)
class ChangedRows:
    """All rows in their order, and how many of them say the new."""

    rows: tuple[Example, ...]
    changed: int


def changed_rows(rows: Iterable[Example], *, document_id: str, old: str, new: str) -> ChangedRows:
    """The rows with ``new`` wherever one that was made from the document had ``old``.

    Raises UsageError when there is none: training again would teach nothing new.
    """
    found: list[Example] = []
    count = 0
    sources: set[str] = set()
    for row in rows:
        mine = document_id in row.source.documents
        sources.update(row.source.documents)
        if mine and _holds(row, old):
            found.append(_with(row, old, new))
            count += 1
        else:
            found.append(row)
    if not count:
        known = "it made none" if document_id not in sources else f"none of its rows says {old!r}"
        raise UsageError(
            f"training again would teach nothing new of {document_id}: {known}",
            hint="Choose a fact that the model was trained on; esrag dataset show NAME lists rows.",
        )
    return ChangedRows(tuple(found), count)


def _holds(row: Example, old: str) -> bool:
    return any(has(message.content, old) for message in row.messages)


def _with(row: Example, old: str, new: str) -> Example:
    digest = hashlib.sha256(f"{row.id}\0{old}\0{new}".encode()).hexdigest()[:8]
    return replace(
        row,
        id=f"{row.id}-{digest}",
        messages=tuple(
            replace(message, content=replaced(message.content, old, new))
            for message in row.messages
        ),
        question=replaced(row.question, old, new),
        answer=replaced(row.answer, old, new),
        accepted=tuple(tuple(replaced(form, old, new) for form in each) for each in row.accepted),
    )
