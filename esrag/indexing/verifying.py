"""``indexed`` is said only of what a search has found whole and embedded.

In batches while the run goes on, so that little stays open when it is cut off and nothing piles
up in memory.  A batch waits until it is worth a refresh.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from esrag.cluster.bulk import Action, Item, Verdict
from esrag.cluster.chunk_index import Stored
from esrag.indexing.records import Index
from esrag.indexing.works import Work

_WORTH_A_REFRESH = 1000  # documents
_NOT_MORE_OFTEN = 5.0  # seconds
_AT_MOST_WAITING = 8000
_ASKED_AT_ONCE = 500

Run = Callable[[Callable[[], dict[str, Stored]]], "Future[dict[str, Stored]]"]


class Verifying:
    """Documents that were acknowledged; ``run`` starts a question to the index beside the run."""

    def __init__(self, index: Index, run: Run) -> None:
        self._index = index
        self._run = run
        self._waiting: list[Work] = []
        self._asked: deque[tuple[list[Work], Future[dict[str, Stored]]]] = deque()
        self._last = time.monotonic()

    def add(self, works: Sequence[Work]) -> None:
        """These were acknowledged."""
        self._waiting += works

    @property
    def is_due(self) -> bool:
        """Whether enough has come together."""
        count = len(self._waiting)
        if count < _WORTH_A_REFRESH:
            return False
        return count >= _AT_MOST_WAITING or time.monotonic() - self._last >= _NOT_MORE_OFTEN

    def ask(self) -> None:
        """Ask about all that is waiting."""
        works, self._waiting = self._waiting, []
        for first in range(0, len(works), _ASKED_AT_ONCE):
            self._ask(works[first : first + _ASKED_AT_ONCE], refresh=first == 0)
        self._last = time.monotonic()

    def _ask(self, works: list[Work], *, refresh: bool) -> None:
        document_ids = [work.document_id for work in works]

        def look() -> dict[str, Stored]:
            if refresh:
                self._index.refresh()
            return self._index.stored(document_ids)

        self._asked.append((works, self._run(look)))

    @property
    def unanswered(self) -> int:
        """Questions under way."""
        return len(self._asked)

    @property
    def is_ready(self) -> bool:
        """Whether ``collect`` would not wait."""
        return bool(self._asked) and self._asked[0][1].done()

    def collect(self) -> tuple[list[Work], list[Work]]:
        """The oldest question's documents: those that are whole, and those that are not."""
        found = self._asked[0][1].result()
        works, _ = self._asked.popleft()
        whole: list[Work] = []
        failed: list[Work] = []
        for work in works:
            stored = found.get(work.document_id, Stored())
            if stored.is_exactly(work.hash, work.chunks):
                whole.append(work)
                continue
            work.refusal = ("verify", _not_found(work, stored))
            failed.append(work)
        return whole, failed


def _not_found(work: Work, stored: Stored) -> Item:
    versions = dict(stored.versions)
    whole, embedded = versions.pop(work.hash, (0, 0))
    others = sum(count for count, _ in versions.values())
    text = f"{work.chunks} chunks were acknowledged; a search finds {whole}, {embedded} embedded"
    text += f", and {others} of other versions" if others else ""
    return Item(Action("index", "", work.number), Verdict.REJECTED, 0, "not_verified", text)
