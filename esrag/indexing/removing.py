"""Removes whole documents from the index, and from the book of what it should hold.

The book says "being removed" before the first chunk goes, and forgets the document when a search
finds none of its chunks any more.  So whatever ends this in between, the book and the index can
be brought together again.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from esrag.cluster.bulk import Action, Verdict
from esrag.cluster.delivery import Delivery
from esrag.cluster.pressure import Window
from esrag.errors import UnavailableError
from esrag.indexing.records import Index
from esrag.ledger import Ledger

DOCUMENTS_AT_ONCE = 500
_DELETES_AT_ONCE = 1000
_ROUNDS = 20  # pages of chunks of one batch; somebody who writes them again would go on for ever


class Remover:
    """Deletes documents by the ids of their chunks, with the sender's own ways of trying again."""

    def __init__(self, index: Index, ledger: Ledger, *, stop: threading.Event) -> None:
        self._index = index
        self._ledger = ledger
        self._delivery = Delivery(index.send, Window(_DELETES_AT_ONCE), stop=stop)

    def remove(self, document_ids: Sequence[str], *, origin: str = "") -> int:
        """Remove a batch of documents, of ``origin`` only if it is given; how many chunks."""
        self._ledger.removing(document_ids)
        removed = 0
        for _ in range(_ROUNDS):
            chunk_ids = self._index.chunk_ids(document_ids, origin=origin)
            if not chunk_ids:
                self._ledger.drop(document_ids)
                self._ledger.commit()
                return removed
            removed += self._delete(chunk_ids)
            self._index.refresh()
        raise UnavailableError(
            f"{len(chunk_ids)} chunks are still there after they were removed {_ROUNDS} times",
            hint="Is somebody else writing these documents? Run the same command again.",
        )

    def _delete(self, chunk_ids: Sequence[str]) -> int:
        items = self._delivery.deliver([Action("delete", each, 0) for each in chunk_ids])
        refused = [item for item in items if item.verdict is not Verdict.ACKNOWLEDGED]
        if refused:
            first = refused[0]
            raise UnavailableError(
                f"{len(refused)} chunks cannot be removed: {first.status} {first.code}: "
                f"{first.reason}",
                hint="Run the same command again to continue.",
            )
        return sum(item.status == 200 for item in items)


def settle_removals(index: Index, ledger: Ledger) -> None:
    """Forget the documents of the book whose removal was cut off after their last chunk."""
    document_ids = ledger.being_removed()
    for first in range(0, len(document_ids), DOCUMENTS_AT_ONCE):
        part = document_ids[first : first + DOCUMENTS_AT_ONCE]
        left = index.stored(part)
        ledger.drop(each for each in part if each not in left)
