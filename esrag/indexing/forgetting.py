"""Removes the documents that somebody names, by source, run or origin; finds them first.

What is forgotten comes back when it is ingested again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from esrag.cluster.stored_documents import HeldDocument, Selection
from esrag.indexing.records import Index
from esrag.indexing.removing import DOCUMENTS_AT_ONCE, Remover, settle_removals
from esrag.ledger import Ledger

_SHOWN = 20


@dataclass(slots=True)
class Selected:
    """What a selection holds; ``first`` are the ids of some of its documents."""

    documents: int = 0
    chunks: int = 0
    by_origin: dict[str, int] = field(default_factory=dict)
    first: list[str] = field(default_factory=list)


def find(
    index: Index, selection: Selection, *, hear: Callable[[str], object] = lambda _: None
) -> Selected:
    """What ``forget`` would remove; ``hear`` is told the id of each document."""
    index.refresh()
    found = Selected()
    for document in index.documents(selection):
        found.documents += 1
        found.chunks += document.chunks
        hear(document.id)
        found.by_origin[document.origin] = found.by_origin.get(document.origin, 0) + 1
        if len(found.first) < _SHOWN:
            found.first.append(document.id)
    return found


def forget(index: Index, ledger: Ledger, selection: Selection) -> Selected:
    """Remove the documents of a selection, whole; returns what was removed."""
    settle_removals(index, ledger)  # of one like this that was cut off
    index.refresh()
    remover = Remover(index, ledger, stop=threading.Event())
    removed = Selected()
    for batch in _batches(index.documents(selection)):
        removed.chunks += remover.remove([document.id for document in batch])
        removed.documents += len(batch)
        for document in batch:
            removed.by_origin[document.origin] = removed.by_origin.get(document.origin, 0) + 1
        removed.first += [d.id for d in batch[: max(0, _SHOWN - len(removed.first))]]
    return removed


def _batches(documents: Iterator[HeldDocument]) -> Iterator[list[HeldDocument]]:
    batch: list[HeldDocument] = []
    for document in documents:
        batch.append(document)
        if len(batch) >= DOCUMENTS_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch
