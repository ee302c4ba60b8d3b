"""Brings one generation's chunks into another, as often as needed until both hold the same.

    source ──page──► compared with the target ──► what differs ──► dressed ──► target

A pass may be repeated at any time: what the target holds already is not sent again.  How a chunk
gets its vector is decided by the ``dress`` function (``dressing.py``).  Knows nothing of models,
aliases or the terminal.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from esrag.cluster.bulk import Action, Item, Verdict
from esrag.cluster.chunk_scan import VECTOR, StoredChunk
from esrag.cluster.delivery import Delivery, Sender, take_batch
from esrag.cluster.pressure import Window
from esrag.errors import RejectedError

MAX_BATCH = 256
NO_PIPELINE = "_none"
_VOLATILE = frozenset((VECTOR, "indexed_at"))
_MOST_WAITING = 2_000  # chunks read ahead of what is being sent
_SHOWN = 5

Dressed = tuple[Mapping[str, Any], str]
Dress = Callable[[Sequence[StoredChunk]], Sequence[Dressed]]


class Sides(Protocol):
    """What copying asks of the two indices; ``esrag.reembedding.sides`` has the real ones."""

    def pages(
        self, *, from_document: str = "", above: int | None = None
    ) -> Iterator[tuple[StoredChunk, ...]]:
        """The source's chunks in order, as it is when the first page is taken."""

    def target_ids(self) -> Iterator[tuple[StoredChunk, ...]]:
        """The target's chunks without their content."""

    def in_target(self, ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """What the target holds under these ids."""

    def in_source(self, ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """Which of these ids the source holds; the content does not matter."""

    def send(self, actions: Sequence[Action], *, pipeline: str) -> list[Item]:
        """One bulk request to the target, sent once."""


@dataclass(frozen=True, slots=True)
class Passed:
    """What a pass did: chunks looked at, sent, and removed from the target."""

    read: int = 0
    sent: int = 0
    removed: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a pass is; ``document`` is one up to which all chunks are in the target."""

    read: int
    sent: int
    document: str


class Pace:
    """Lets no more than ``rate`` chunks a second pass, however they are bundled; None: no limit."""

    def __init__(
        self,
        rate: float | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate = rate
        self._clock = clock
        self._sleep = sleep
        self._free_at = clock()

    def take(self, count: int) -> None:
        """Wait until ``count`` chunks may go."""
        if self._rate is None:
            return
        now = self._clock()
        if self._free_at > now:
            self._sleep(self._free_at - now)
        self._free_at = max(now, self._free_at) + count / self._rate

    def at_once(self, most: int) -> int:
        """How many chunks one request should carry, so that a second has at least one request."""
        return most if self._rate is None else max(1, min(most, int(self._rate)))


class Copier:
    """Copies from one side to the other; with one request ``at_once`` in the source's order."""

    def __init__(
        self,
        sides: Sides,
        dress: Dress,
        *,
        pace: Pace | None = None,
        max_batch: int = MAX_BATCH,
        at_once: int = 2,
        on_progress: Callable[[Progress], None] = lambda _: None,
        delivery: Callable[..., Delivery] = Delivery,
    ) -> None:
        self._sides = sides
        self._dress = dress
        self._pace = pace or Pace(None)
        self._max_batch = max(1, max_batch)
        self._at_once = at_once
        self._on_progress = on_progress
        self._delivery = delivery
        self._window = Window(self._pace.at_once(self._max_batch))

    def copy(self, *, from_document: str = "", above: int | None = None) -> Passed:
        """One pass over the source.

        Raises RejectedError when the target refused chunks, after all others went through.
        """
        run = _Pass(self, self._on_progress)
        try:
            for page in self._sides.pages(from_document=from_document, above=above):
                run.take(page)
            run.drain()
        finally:
            run.end()
        run.require_all_taken()
        return Passed(run.read, run.sent)

    def remove_gone(self) -> Passed:
        """Remove from the target what the source does not hold."""
        run = _Pass(self, lambda _: None)
        try:
            for page in self._sides.target_ids():
                there = self._sides.in_source([chunk.id for chunk in page])
                gone = [chunk.id for chunk in page if chunk.id not in there]
                run.remove(gone, read=len(page))
            run.drain()
        finally:
            run.end()
        run.require_all_taken()
        return Passed(run.read, 0, run.sent)


@dataclass(slots=True)
class _Page:
    """A page on its way: how many answers are missing, and the last document in it."""

    waiting: int
    document: str


class _Pass:
    """The state of one pass: what waits, what is under way, and what came back."""

    def __init__(self, copier: Copier, on_progress: Callable[[Progress], None]) -> None:
        self._copier = copier
        self._on_progress = on_progress
        self._stop = threading.Event()
        self._waiting: dict[str, deque[Action]] = {}
        self._senders: dict[str, Sender] = {}
        self._pages: dict[int, _Page] = {}
        self._refused: list[Item] = []
        self._document = ""
        self._number = 0
        self.read = 0
        self.sent = 0

    def take(self, page: Sequence[StoredChunk]) -> None:
        """Compare a page with the target and queue what differs."""
        held = self._copier._sides.in_target([chunk.id for chunk in page])
        differing = [chunk for chunk in page if not _same(chunk, held.get(chunk.id))]
        self._number += 1
        self._pages[self._number] = _Page(len(differing), page[-1].document_id)
        self.read += len(page)
        if differing:
            dressed = self._copier._dress(differing)
            for chunk, (source, pipeline) in zip(differing, dressed, strict=True):
                action = Action("index", chunk.id, self._number, _json(source))
                self._waiting.setdefault(pipeline, deque()).append(action)
        while sum(len(queue) for queue in self._waiting.values()) > _MOST_WAITING:
            self._send_some()
        self._send_full()
        self._settle_pages()

    def remove(self, ids: Sequence[str], *, read: int) -> None:
        """Queue deletions."""
        self._number += 1
        self._pages[self._number] = _Page(len(ids), "")
        self.read += read
        queue = self._waiting.setdefault(NO_PIPELINE, deque())
        queue.extend(Action("delete", each, self._number) for each in ids)
        self._send_full()

    def drain(self) -> None:
        """Send what waits and collect what is under way."""
        while any(self._waiting.values()):
            self._send_some()
        for sender in self._senders.values():
            while sender.in_flight:
                self._settle(sender.collect())
        self._settle_pages()

    def end(self) -> None:
        """Let nothing be sent again that is still waiting to be."""
        self._stop.set()

    def require_all_taken(self) -> None:
        """Raises RejectedError when the target refused chunks."""
        if not self._refused:
            return
        shown = [
            f"  {item.action.id}: {item.status} {item.code}: {item.reason}"
            for item in self._refused[:_SHOWN]
        ]
        more = len(self._refused) - _SHOWN
        raise RejectedError(
            f"the new generation refuses {len(self._refused)} chunks, so it does not take over:\n"
            + "\n".join(shown + ([f"  and {more} more"] if more > 0 else [])),
            hint="Nothing is lost: the old generation serves as before. Change what refuses them "
            "(mapping, pipeline, model) or remove these chunks, and run the same command again.",
        )

    def _send_full(self) -> None:
        """Send as long as there is a full request."""
        for pipeline, queue in self._waiting.items():
            while len(queue) >= self._copier._window.size:
                self._send(pipeline, queue)

    def _send_some(self) -> None:
        pipeline, queue = max(self._waiting.items(), key=lambda item: len(item[1]))
        self._send(pipeline, queue)

    def _send(self, pipeline: str, queue: deque[Action]) -> None:
        sender = self._sender(pipeline)
        while sender.is_full:
            self._settle(sender.collect())
        batch = take_batch(queue, size=self._copier._window.size)
        self._copier._pace.take(len(batch))
        sender.submit(batch)

    def _sender(self, pipeline: str) -> Sender:
        if pipeline not in self._senders:
            copier = self._copier

            def send(actions: Sequence[Action]) -> list[Item]:
                return copier._sides.send(actions, pipeline=pipeline)

            delivery = copier._delivery(send, copier._window, stop=self._stop)
            self._senders[pipeline] = Sender(delivery, at_once=copier._at_once)
        return self._senders[pipeline]

    def _settle(self, items: Sequence[Item]) -> None:
        for item in items:
            if item.verdict is Verdict.ACKNOWLEDGED:
                self.sent += 1
            else:
                self._refused.append(item)
            self._pages[item.action.key].waiting -= 1
        self._settle_pages()

    def _settle_pages(self) -> None:
        """Move on to the last page before which nothing is open, and say so."""
        for number in list(self._pages):
            if self._pages[number].waiting:
                break
            self._document = self._pages.pop(number).document or self._document
        if not self._refused:
            self._on_progress(Progress(self.read, self.sent, self._document))


def _same(chunk: StoredChunk, held: Mapping[str, Any] | None) -> bool:
    return held is not None and fingerprint(chunk.source) == fingerprint(held)


def fingerprint(source: Mapping[str, Any]) -> tuple[str, ...]:
    """Two chunks of one id with equal fingerprints are the same chunk, vector and time aside.

    Ours carry hashes of their content; what others wrote is compared as a whole.
    """
    if source.get("content_hash"):
        return tuple(
            str(source.get(name, "")) for name in ("content_hash", "document_hash", "run_id")
        )
    rest = {name: value for name, value in source.items() if name not in _VOLATILE}
    return (json.dumps(rest, sort_keys=True, ensure_ascii=False),)


def _json(source: Mapping[str, Any]) -> bytes:
    return json.dumps(source, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
