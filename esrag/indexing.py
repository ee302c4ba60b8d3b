"""Documents -> chunks -> index, with one outcome for every input.

    listed -> read -> cut -> looked up -> unchanged
                                      `-> sent -> acknowledged -> verified -> indexed
    anything that fails on the way -> rejected, with a dead letter and no chunks in the index

The index itself says what is unchanged; the ledger is told every step before and after it is
taken.  One thread reads, cuts and writes the ledger; deliveries run beside it.  Knows neither
HTTP nor the terminal.
"""

from __future__ import annotations

import queue
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from esrag.chunking import ChunkRules, Tokenizer, chunk_id, cut, document_hash
from esrag.cluster.bulk import Action, Item, Verdict, chunk_source
from esrag.cluster.chunk_index import Stored
from esrag.cluster.delivery import Delivery, DeliveryStopped, Sender, take_batch
from esrag.cluster.pressure import Window
from esrag.corpus.listing import Entry, printable_name
from esrag.corpus.reading import read
from esrag.corpus.records import Listed, Parsed, Rejected, Skipped, Stage
from esrag.errors import EsragError
from esrag.ledger import Change, Counts, DeadLetter, DeadLetterFile, Ledger, State
from esrag.types import Chunk

MAX_BATCH = 256
_LOOKUP_DOCUMENTS = 128
_LOOKUP_CHUNKS = 512
_VERIFY_DOCUMENTS = 500
_WIND_DOWN = 20.0  # seconds that requests in flight get when the run is stopped


class Index(Protocol):
    """What indexing asks of an index; ``esrag.cluster.chunk_index.ChunkIndex`` is the real one."""

    def send(self, actions: Sequence[Action]) -> list[Item]:
        """One bulk request, sent once; one item for each action."""

    def stored(self, document_ids: Sequence[str]) -> dict[str, Stored]:
        """What a search sees of these documents."""

    def refresh(self) -> None:
        """Make all writes visible to ``stored``."""


@dataclass(frozen=True, slots=True)
class Cutting:
    """How documents become chunks: everything that the document hash depends on."""

    set_name: str
    model_id: str
    tokenizer: Tokenizer
    rules: ChunkRules


@dataclass(frozen=True, slots=True)
class Draft:
    """A document that has been cut and waits for its fate."""

    number: int
    parsed: Parsed
    hash: str
    chunks: tuple[Chunk, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come; ``settled`` counts inputs whose outcome is known or acknowledged.

    ``batch`` is how many chunks a request may carry now, ``wait`` why the sender waits ("" when it
    does not), until ``wait_until`` on the monotonic clock.
    """

    listed: int = 0
    settled: int = 0
    chunks: int = 0
    rejected: int = 0
    tokens: int = 0
    listing_done: bool = True
    batch: int = 0
    in_flight: int = 0
    wait: str = ""
    wait_until: float = 0.0


@dataclass(frozen=True, slots=True)
class Report:
    """What a run did, whether it came to its end or was stopped."""

    run_id: str
    counts: Counts
    chunks_written: int
    chunks_removed: int
    seconds: float
    rejected: tuple[DeadLetter, ...]
    skipped: Mapping[str, str]
    dead_letters: Path
    ledger: Path


@dataclass(slots=True)
class _Work:
    """A document on its way: how many answers are missing, and the first refusal."""

    draft: Draft
    waiting: int
    positions: int  # how many positions the index may hold of it, old and new
    refusal: tuple[str, Item] | None = None  # the stage, and the answer
    cleaning: bool = False


def new_run_id() -> str:
    """Sorts by time; random enough to be unique."""
    return time.strftime("%Y%m%dT%H%M%S", time.gmtime()) + "-" + secrets.token_hex(3)


class Drafter:
    """Cuts what was read; the second document of one id is rejected."""

    def __init__(self, cutting: Cutting) -> None:
        self._cutting = cutting
        self._seen: dict[str, str] = {}

    def draft(self, number: int, outcome: Parsed | Rejected) -> Draft | Rejected:
        """The draft of what was read, or why there is none."""
        if isinstance(outcome, Rejected):
            return outcome
        document_id = outcome.document.id
        if document_id in self._seen:
            reason = f"the document id is taken by {self._seen[document_id]}"
            return _rejected(outcome, "list", "duplicate_id", reason)
        self._seen[document_id] = f"{outcome.path} {outcome.place}".strip()
        return _draft(number, outcome, self._cutting)


def drafts_of(entries: Iterable[Entry], cutting: Cutting) -> Iterator[Draft | Rejected]:
    """What ``Ingest`` would send, without an index or a ledger."""
    drafter = Drafter(cutting)
    for entry in entries:
        if isinstance(entry, Rejected):
            yield entry
        elif isinstance(entry, Listed):
            yield from (drafter.draft(0, outcome) for outcome in _inputs(entry))


class Ingest:
    """One run.  ``prepare`` completes the chunks of a request before it is sent."""

    def __init__(
        self,
        index: Index,
        cutting: Cutting,
        ledger: Ledger,
        *,
        run_id: str,
        dead_letters: Path,
        max_batch: int = MAX_BATCH,
        on_progress: Callable[[Progress], None] | None = None,
        prepare: Callable[[Sequence[Action]], Sequence[Action]] = list,
    ) -> None:
        self._index = index
        self._cutting = cutting
        self._ledger = ledger
        self._run_id = run_id
        self._dead_letters = DeadLetterFile(dead_letters)
        self._on_progress = on_progress
        self._stop = threading.Event()
        self._window = Window(max_batch)
        self._delivery = Delivery(index.send, self._window, stop=self._stop)
        self._sender = Sender(self._delivery, prepare=prepare)
        self._numbers = 0
        self._listed = 0
        self._settled = 0
        self._written = 0
        self._removed = 0
        self._started = time.monotonic()
        self._drafter = Drafter(cutting)
        self._drafts: list[Draft] = []
        self._waiting: deque[Action] = deque()
        self._works: dict[int, _Work] = {}
        self._acknowledged: list[_Work] = []
        self._rejected: list[DeadLetter] = []
        self._skipped: dict[str, str] = {}

    def run(self, entries: Sequence[Entry]) -> None:
        """Take every entry to its outcome; raises what stopped it, with the ledger in order."""
        try:
            files = self._list(entries)
            self._index.refresh()  # what an earlier run wrote shall be seen
            for number, file in files:
                self._take_file(number, file)
            self._look_up()
            self._drain()
            self._verify()
            self._drain()
            self._ledger.end(self._run_id)
        finally:
            self._wind_down()

    def progress(self) -> Progress:
        """How far the run is; may be asked from another thread at any time."""
        wait = self._delivery.wait
        return Progress(
            listed=self._listed,
            settled=self._settled,
            chunks=self._written,
            rejected=len(self._rejected),
            batch=self._window.size,
            in_flight=self._sender.in_flight,
            wait=wait[0],
            wait_until=wait[1],
        )

    def report(self) -> Report:
        """How the run stands, from the ledger."""
        return Report(
            run_id=self._run_id,
            counts=self._ledger.counts(self._run_id),
            chunks_written=self._written,
            chunks_removed=self._removed,
            seconds=time.monotonic() - self._started,
            rejected=tuple(self._rejected),
            skipped=dict(self._skipped),
            dead_letters=self._dead_letters.path,
            ledger=self._ledger.path,
        )

    # -- listing and reading --------------------------------------------------------------------

    def _list(self, entries: Sequence[Entry]) -> list[tuple[int, Listed]]:
        numbered = [(self._next_number(), entry) for entry in entries]
        self._ledger.listed(
            self._run_id, ((number, _path(entry), entry.name) for number, entry in numbered)
        )
        skipped = [(n, entry) for n, entry in numbered if isinstance(entry, Skipped)]
        self._skipped.update((entry.name, entry.rule) for _, entry in skipped)
        self._ledger.record(
            self._run_id, (Change(n, "skipped", detail=entry.rule) for n, entry in skipped)
        )
        self._listed = len(numbered)
        self._settled += len(skipped)
        self._reject([(n, self._letter(e)) for n, e in numbered if isinstance(e, Rejected)])
        return [(n, entry) for n, entry in numbered if isinstance(entry, Listed)]

    def _take_file(self, number: int, file: Listed) -> None:
        outcomes = _inputs(file)
        numbered = [(number, outcome) for outcome in outcomes]
        if any(outcome.place for outcome in outcomes):
            numbered = [(self._next_number(), outcome) for outcome in outcomes]
            self._listed += len(numbered) - 1
            self._ledger.opened(
                self._run_id, number, ((n, _path(o), _name(o)) for n, o in numbered)
            )
        refused: list[tuple[int, DeadLetter]] = []
        for one, outcome in numbered:
            found = self._drafter.draft(one, outcome)
            if isinstance(found, Rejected):
                refused.append((one, self._letter(found)))
                continue
            self._drafts.append(found)
            chunks = sum(len(each.chunks) for each in self._drafts)
            if len(self._drafts) >= _LOOKUP_DOCUMENTS or chunks >= _LOOKUP_CHUNKS:
                self._look_up()
        self._reject(refused)

    # -- sending --------------------------------------------------------------------------------

    def _look_up(self) -> None:
        """Ask the index about the drafts; queue what is new or changed."""
        drafts, self._drafts = self._drafts, []
        stored = self._index.stored([each.parsed.document.id for each in drafts])
        changes: list[Change] = []
        for each in drafts:
            before = stored.get(each.parsed.document.id, Stored())
            if before.is_exactly(each.hash, len(each.chunks)):
                changes.append(_change(each, "unchanged"))
                continue
            self._queue(each, before)
        self._settled += len(changes)
        self._ledger.record(self._run_id, changes)
        while len(self._waiting) >= self._window.size:
            self._send_batch()
        self._show()

    def _queue(self, each: Draft, before: Stored) -> None:
        actions = [
            Action(
                "index",
                chunk.id,
                each.number,
                chunk_source(chunk, document_hash=each.hash, run_id=self._run_id),
            )
            for chunk in each.chunks
        ]
        positions = max(len(each.chunks), before.last_position + 1)
        actions += self._deletions(each, range(len(each.chunks), positions))
        self._works[each.number] = _Work(each, len(actions), positions)
        self._waiting.extend(actions)

    def _deletions(self, each: Draft, positions: Iterable[int]) -> list[Action]:
        name, document_id = self._cutting.set_name, each.parsed.document.id
        return [
            Action("delete", chunk_id(name, document_id, position), each.number)
            for position in positions
        ]

    def _send_batch(self) -> None:
        while self._sender.is_full:
            self._settle(self._sender.collect())
        batch = take_batch(self._waiting, size=self._window.size)
        numbers = dict.fromkeys(action.key for action in batch)
        self._ledger.record(
            self._run_id, (_change(self._works[n].draft, "sending") for n in numbers)
        )
        self._sender.submit(batch)

    def _drain(self) -> None:
        while self._waiting or self._sender.in_flight:
            if self._waiting:
                self._send_batch()
            else:
                self._settle(self._sender.collect())

    def _settle(self, items: Sequence[Item]) -> None:
        """Note the answers of one delivery and finish the documents that have them all."""
        changes: list[Change] = []
        refused: list[tuple[int, DeadLetter]] = []
        for item in items:
            work = self._works[item.action.key]
            work.waiting -= 1
            if item.verdict is not Verdict.ACKNOWLEDGED:
                work.refusal = work.refusal or ("index", item)
            elif item.action.kind == "index":
                self._written += 1
            elif item.status == 200:
                self._removed += 1
            if work.waiting:
                continue
            if work.refusal is None:
                changes.append(_change(work.draft, "acknowledged"))
                self._acknowledged.append(self._works.pop(item.action.key))
                self._settled += 1
            elif work.cleaning:
                refused.append((item.action.key, self._letter_of(work)))
                del self._works[item.action.key]
            else:
                self._clean(work)
        self._ledger.record(self._run_id, changes)
        self._reject(refused)
        self._show()

    def _clean(self, work: _Work) -> None:
        """A document that cannot be indexed whole leaves nothing behind that answers questions."""
        work.cleaning = True
        deletions = self._deletions(work.draft, range(work.positions))
        work.waiting = len(deletions)
        self._works[work.draft.number] = work
        self._waiting.extend(deletions)

    # -- outcomes -------------------------------------------------------------------------------

    def _verify(self) -> None:
        """Say ``indexed`` only of what a search finds whole and embedded."""
        if not self._acknowledged:
            return
        self._index.refresh()
        works, self._acknowledged = self._acknowledged, []
        for first in range(0, len(works), _VERIFY_DOCUMENTS):
            part = works[first : first + _VERIFY_DOCUMENTS]
            stored = self._index.stored([work.draft.parsed.document.id for work in part])
            changes: list[Change] = []
            for work in part:
                found = stored.get(work.draft.parsed.document.id, Stored())
                if found.is_exactly(work.draft.hash, len(work.draft.chunks)):
                    changes.append(_change(work.draft, "indexed"))
                    continue
                action = Action("index", work.draft.chunks[0].id, work.draft.number)
                text = f"{len(work.draft.chunks)} chunks were acknowledged, found {found.versions}"
                item = Item(action, Verdict.REJECTED, 0, "not_verified", text)
                work.refusal = ("verify", item)
                self._settled -= 1
                self._clean(work)
            self._ledger.record(self._run_id, changes)

    def _reject(self, refused: Sequence[tuple[int, DeadLetter]]) -> None:
        letters = [letter for _, letter in refused]
        self._dead_letters.add(letters)
        self._ledger.record(
            self._run_id,
            (
                Change(n, "rejected", sha256=e.sha256, detail=f"{e.stage}: {e.code}: {e.reason}")
                for n, e in refused
            ),
        )
        self._rejected.extend(letters)
        self._settled += len(letters)

    def _letter(self, entry: Rejected) -> DeadLetter:
        return DeadLetter(
            run_id=self._run_id,
            path=_path(entry),
            place=entry.place,
            document_id=entry.name,
            sha256=entry.sha256,
            stage=entry.stage,
            code=entry.code,
            reason=entry.reason,
        )

    def _letter_of(self, work: _Work) -> DeadLetter:
        parsed = work.draft.parsed
        stage, item = work.refusal or ("index", Item(Action("index", "", 0), Verdict.REJECTED))
        return DeadLetter(
            run_id=self._run_id,
            path=_path(parsed),
            place=parsed.place,
            document_id=parsed.document.id,
            sha256=parsed.sha256,
            stage=stage,
            code=item.code,
            reason=item.reason,
            status=item.status,
            attempts=item.attempts,
        )

    def _wind_down(self) -> None:
        """Stop what waits, and note the answers of what is in flight if they come soon."""
        self._stop.set()
        deadline = time.monotonic() + _WIND_DOWN
        while self._sender.in_flight:
            try:
                items = self._sender.collect(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                return
            except (EsragError, DeliveryStopped):
                continue  # one error is on its way to the user already
            self._settle(items)

    def _show(self) -> None:
        if self._on_progress is not None:
            self._on_progress(self.progress())

    def _next_number(self) -> int:
        self._numbers += 1
        return self._numbers


def _inputs(file: Listed) -> list[Parsed | Rejected]:
    return [outcome for outcome in read(file) if not isinstance(outcome, Skipped)]


def _draft(number: int, parsed: Parsed, cutting: Cutting) -> Draft | Rejected:
    document = parsed.document
    chunks = cut(document, cutting.tokenizer, cutting.rules, set_name=cutting.set_name)
    if not chunks:
        return _rejected(parsed, "chunk", "empty", "no text to index")
    version = document_hash(document, cutting.rules, model_id=cutting.model_id)
    return Draft(number, parsed, version, tuple(chunks))


def _rejected(parsed: Parsed, stage: Stage, code: str, reason: str) -> Rejected:
    name = parsed.document.id
    return Rejected(parsed.path, name, stage, code, reason, parsed.sha256, parsed.place)


def _path(entry: Entry | Parsed) -> str:
    return printable_name(str(entry.path))


def _name(outcome: Parsed | Rejected) -> str:
    return outcome.name if isinstance(outcome, Rejected) else outcome.document.id


def _change(each: Draft, state: State) -> Change:
    return Change(
        each.number,
        state,
        sha256=each.parsed.sha256,
        document_hash=each.hash,
        chunks=len(each.chunks),
    )
