"""After a run: removes documents of its origins whose input is not there any more.

    index, by origin ── not met in this run ──► vanished ──► removed

Never on a guess: not when something is open or a place could not be listed, and not most of an
origin unless that is said explicitly.  An input that was rejected has not disappeared.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from esrag.cluster.stored_documents import HeldDocument, Selection, is_below
from esrag.errors import ConflictError
from esrag.indexing.naming import Naming
from esrag.indexing.records import Index
from esrag.indexing.removing import DOCUMENTS_AT_ONCE, Remover
from esrag.indexing.seen import Seen
from esrag.ledger import Ledger


@dataclass(frozen=True, slots=True)
class PrunedOrigin:
    """What became of one origin; ``below`` is the part of it that was listed, "" for all."""

    origin: str
    below: str
    held: int  # documents of the whole origin
    removed: int


@dataclass(frozen=True, slots=True)
class PruneReport:
    """What pruning did; ``withheld`` says why it did nothing, "" when it did its work."""

    origins: tuple[PrunedOrigin, ...] = ()
    documents: int = 0
    chunks: int = 0
    withheld: str = ""


class Pruning:
    """One pruning, after one run; ``seen`` is what that run met."""

    def __init__(
        self, index: Index, ledger: Ledger, seen: Seen, *, stop: threading.Event | None = None
    ) -> None:
        self._index = index
        self._seen = seen
        self._remover = Remover(index, ledger, stop=stop or threading.Event())

    def prune(self, origins: Sequence[str], *, everything: bool) -> PruneReport:
        """Remove what vanished below ``origins``; ConflictError when that is most of one."""
        naming = Naming(self._index.origins())
        scopes: dict[str, list[str]] = {}
        for named in origins:
            for origin, below in naming.scopes(named):
                scopes.setdefault(origin, []).append(below)
        found = {origin: self._find(origin, paths) for origin, paths in scopes.items()}
        if not everything:
            _require_minority(found)
        pruned: list[PrunedOrigin] = []
        chunks = 0
        for origin, (held, vanished) in found.items():
            for batch in self._seen.vanished(origin, at_once=DOCUMENTS_AT_ONCE):
                chunks += self._remover.remove(batch, origin=origin)
            below = "" if "" in scopes[origin] else ", ".join(scopes[origin])
            pruned.append(PrunedOrigin(origin, below, held, vanished))
        documents = sum(each.removed for each in pruned)
        return PruneReport(tuple(pruned), documents, chunks)

    def _find(self, origin: str, paths: Sequence[str]) -> tuple[int, int]:
        """How many documents the origin has, and how many of them vanished from ``paths``."""
        held = vanished = 0
        waiting: list[HeldDocument] = []
        for document in self._index.documents(Selection(origin=origin)):
            held += 1
            if not _is_in(document.id, paths) or self._seen.has_met(document.id):
                continue
            vanished += 1
            waiting.append(HeldDocument(document.id, document.chunks, origin))
            if len(waiting) >= DOCUMENTS_AT_ONCE:
                self._seen.note_vanished(waiting)
                waiting = []
        self._seen.note_vanished(waiting)
        return held, vanished


def _is_in(document_id: str, paths: Iterable[str]) -> bool:
    return any(is_below(document_id, path) for path in paths)


def _require_minority(found: dict[str, tuple[int, int]]) -> None:
    for origin, (held, vanished) in found.items():
        if vanished * 2 > held:
            raise ConflictError(
                f"--prune would remove {vanished} of the {held} documents of {origin}",
                hint="Nothing was removed. If their files are really gone: --prune-all",
            )
