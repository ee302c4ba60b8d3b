"""One run: takes every input to its outcome, and can be stopped at any moment.

One thread reads, decides and writes the ledger; questions to the index and deliveries run beside
it.  Whatever ends the run, answers that still come are noted, and the ledger says what is open.
"""

from __future__ import annotations

import queue
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

from esrag.cluster.bulk import Action, Item, Verdict
from esrag.cluster.chunk_index import Stored
from esrag.cluster.delivery import PATIENCE, Delivery, DeliveryStopped, Sender
from esrag.cluster.gauge import Gauge
from esrag.cluster.pressure import Window
from esrag.cluster.retry import TRIES
from esrag.corpus.listing import Entry
from esrag.errors import EsragError, UnavailableError
from esrag.indexing.intake import Intake
from esrag.indexing.interruption import Interruption
from esrag.indexing.naming import Naming
from esrag.indexing.outbox import Outbox
from esrag.indexing.outcomes import KeepLetters, Outcomes
from esrag.indexing.pruning import PruneReport, Pruning
from esrag.indexing.questions import Questions
from esrag.indexing.reading import Reader
from esrag.indexing.records import Index, Progress, Report, Stage
from esrag.indexing.removing import DOCUMENTS_AT_ONCE, Remover, settle_removals
from esrag.indexing.verifying import Verifying
from esrag.indexing.works import (
    Draft,
    TextOf,
    Work,
    actions_of,
    deletions,
    replaces,
    work_of,
)
from esrag.ledger import Ledger
from esrag.parsing.task import Read

MAX_BATCH = 256
_LOOKUP_DOCUMENTS = 256
_LOOKUP_CHUNKS = 1024
_LOOKUPS_AHEAD = 2
_IDLE_WITHIN = 1.0  # seconds that little work waits for more while the cluster has none
_COMMIT_WITHIN = 1.0  # seconds that a line may wait for the disk when nothing is sent
_WIND_DOWN = 20.0  # seconds that requests in flight get when the run is stopped


class Ingest:
    """One run.

    ``prepare`` completes the chunks of a request before it is sent, ``text_of`` says which words
    of a chunk it embeds; ``tries`` and ``patience`` (seconds) bound how long it is tried while the
    cluster takes nothing; ``letters`` keeps dead letters in a second place, ``keep_content`` with
    their text.
    """

    def __init__(
        self,
        index: Index,
        reader: Reader,
        ledger: Ledger,
        *,
        run_id: str,
        set_name: str,
        dead_letters: Path,
        max_batch: int = MAX_BATCH,
        window: Window | None = None,
        gauge: Gauge | None = None,
        prepare: Callable[[Sequence[Action]], Sequence[Action]] = list,
        text_of: TextOf | None = None,
        letters: KeepLetters | None = None,
        keep_content: bool = False,
        tries: int = TRIES,
        patience: float = PATIENCE,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._index = index
        self._reader = reader
        self._ledger = ledger
        self._run_id = run_id
        self._set_name = set_name
        self._text_of = text_of
        self._keep_content = keep_content
        self._stop = threading.Event()
        self._window = window or Window(max_batch)
        self._delivery = Delivery(
            index.send,
            self._window,
            stop=self._stop,
            gauge=gauge,
            tries=tries,
            patience=patience,
            chance=chance,
        )
        self._sender = Sender(self._delivery, prepare=prepare)
        self._questions = Questions()
        self._interruption = Interruption()
        self._outcomes = Outcomes(ledger, run_id, dead_letters, keep=letters)
        self._verifying = Verifying(index, self._questions.ask)
        self._outbox = Outbox()
        self._naming = Naming(())
        self._intake = Intake(ledger, run_id, self._outcomes, self._naming)
        self._drafts: list[Draft] = []
        self._drafted_chunks = 0
        self._lookups: deque[tuple[list[Draft], Future[dict[str, Stored]]]] = deque()
        self._works: dict[int, Work] = {}
        self._written = 0
        self._removed = 0
        self._tokens = 0  # of what was acknowledged whole
        self._stage: Stage = "reading"
        self._seconds: dict[str, float] = {}
        self._started = time.monotonic()
        self._committed = self._started
        self._busy = self._started  # since when there is something to do, and nothing is done

    def run(self, entries: Iterable[Entry]) -> None:
        """Take every entry to its outcome; raises what stopped it, with the ledger in order."""
        try:
            self._index.refresh()  # what an earlier run wrote shall be seen
            settle_removals(self._index, self._ledger)
            self._naming = Naming(self._index.origins())
            self._intake = Intake(self._ledger, self._run_id, self._outcomes, self._naming)
            self._read(entries)
            self._finish()
            self._outcomes.commit()
            self._ledger.end(self._run_id)
        finally:
            self._wind_down()

    def prune(self, origins: Sequence[str], *, everything: bool = False) -> PruneReport:
        """After ``run``: remove documents below ``origins`` whose input was not listed.

        ``everything`` allows it to remove more than half of an origin's documents.
        """
        withheld = ""
        open_inputs = self._ledger.counts(self._run_id).open
        if self._stage != "ended" or open_inputs:
            withheld = f"{open_inputs} inputs are still open"
        elif self._outcomes.listing_failed:
            failed = self._outcomes.listing_failed
            withheld = f"{failed} files, folders or places could not be looked at"
        if withheld:
            return PruneReport(withheld=withheld)
        self._index.refresh()
        pruning = Pruning(self._index, self._ledger, self._outcomes.seen)
        return pruning.prune(origins, everything=everything)

    def interrupt(self, error: BaseException) -> None:
        """For a signal handler in the thread of ``run``: end it with ``error`` soon.

        At once while the run waits for something, else when its step is done; a second call
        raises where it stands.
        """
        self._interruption.request(error)

    def progress(self) -> Progress:
        """How far the run is; from any thread, at any time."""
        outcomes = self._outcomes
        wait = self._delivery.wait
        return Progress(
            listed=outcomes.listed,
            listing_done=self._intake.listing_done,
            settled=outcomes.settled,
            unchanged=outcomes.unchanged_count,
            rejected=outcomes.rejected_count,
            skipped=outcomes.skipped_count,
            chunks=self._written,
            tokens=self._tokens,
            batch=self._window.size,
            in_flight=self._sender.in_flight,
            wait=wait[0],
            wait_until=wait[1],
            stage=self._stage,
        )

    def report(self) -> Report:
        """How the run stands, from the ledger."""
        with suppress(UnavailableError):  # it has been raised, and what is not noted is open
            self._outcomes.commit()
        return Report(
            run_id=self._run_id,
            counts=self._ledger.counts(self._run_id),
            chunks_written=self._written,
            chunks_removed=self._removed,
            tokens=self._tokens,
            seconds=time.monotonic() - self._started,
            rejected=tuple(self._outcomes.first_letters),
            rejected_by_code=self._ledger.rejected_by_code(self._run_id),
            skipped=self._ledger.skipped_by_rule(self._run_id),
            dead_letters=self._outcomes.letters_path,
            ledger=self._ledger.path,
            letters_in_index=self._outcomes.letters_in_index,
            seconds_by_stage=dict(self._seconds),
        )

    # -- reading ----------------------------------------------------------------------------------

    def _read(self, entries: Iterable[Entry]) -> None:
        events = self._reader.read(self._intake.files(entries))
        while (event := self._next(events)) is not None:
            draft = self._intake.take(event)
            if draft is not None:
                if not self._drafts:
                    self._busy = time.monotonic()
                self._drafts.append(draft)
                self._drafted_chunks += len(draft.cut.chunks)
                full = self._drafted_chunks >= _LOOKUP_CHUNKS
                if full or len(self._drafts) >= _LOOKUP_DOCUMENTS:
                    self._look_up()
            self._attend()

    def _next(self, events: Iterator[Read]) -> Read | None:
        began = time.monotonic()
        with self._interruption.waiting():
            event = next(events, None)
        self._spent("reading", began)
        return event

    def _attend(self) -> None:
        """Between two files: whatever has come back in the meantime."""
        while self._lookups and self._lookups[0][1].done():
            self._take_lookup()
        while self._sender.in_flight:
            try:
                items = self._sender.collect(timeout=0)
            except queue.Empty:
                break
            self._settle(items)
        now = time.monotonic()
        if self._sender.in_flight or self._lookups:
            self._busy = now
        elif now - self._busy > _IDLE_WITHIN:
            if self._drafts:
                self._look_up()
            elif self._outbox:
                self._send()
        if self._verifying.is_due:
            self._verifying.ask()
        while self._verifying.is_ready:
            self._take_verified()
        if now - self._committed > _COMMIT_WITHIN:
            self._outcomes.commit()
            self._committed = now

    def _finish(self) -> None:
        if self._drafts:
            self._look_up()
        while self._lookups:
            self._take_lookup()
        self._drain()
        self._stage = "verifying"
        self._verifying.ask()
        while self._verifying.unanswered:
            self._take_verified()
        self._drain()  # what was not whole is being removed
        self._remove_outdated()
        self._stage = "ended"

    # -- looking up -------------------------------------------------------------------------------

    def _look_up(self) -> None:
        """Ask the index about the drafts, beside the run."""
        drafts, self._drafts, self._drafted_chunks = self._drafts, [], 0
        ids = [each.id for each in drafts]
        self._lookups.append((drafts, self._questions.ask(lambda: self._index.stored(ids))))
        while len(self._lookups) > _LOOKUPS_AHEAD:
            self._take_lookup()

    def _take_lookup(self) -> None:
        """Queue what is new or changed."""
        drafts, future = self._lookups[0]
        began = time.monotonic()
        with self._interruption.waiting():
            stored = future.result()
        self._spent("look-up", began)
        self._lookups.popleft()
        unchanged: list[tuple[Draft, Stored]] = []
        queued: list[Work] = []
        for each in drafts:
            before = stored.get(each.id, Stored())
            if before.is_exactly(each.cut.hash, len(each.cut.chunks)):
                unchanged.append((each, before))
            elif others := before.other_origins(each.file.origin):
                self._outcomes.in_conflict(each, others)
            else:
                queued.append(self._queue(each, before))
        self._outcomes.unchanged(unchanged)
        self._outcomes.sending(queued)
        while len(self._outbox) >= self._window.size:
            self._send()

    def _queue(self, each: Draft, before: Stored) -> Work:
        deletes, chunks = actions_of(
            each,
            before,
            set_name=self._set_name,
            run_id=self._run_id,
            text_of=self._text_of,
        )
        work = work_of(each, before, keep_content=self._keep_content)
        self._works[each.number] = work
        if not replaces(each, before):
            self._put(work, [*deletes, *chunks])
        elif self._index.is_one_shard:
            self._put(work, [*deletes, *chunks], whole=True)
        else:
            # A shard may refuse its part of a request that others carry out: no new chunk is
            # sent before the last old one is known to be gone.
            work.afterwards = tuple(chunks)
            self._put(work, deletes)
        return work

    def _put(self, work: Work, actions: Sequence[Action], *, whole: bool = False) -> None:
        work.waiting = len(actions)
        self._outbox.put(actions, whole=whole)

    # -- sending ----------------------------------------------------------------------------------

    def _send(self) -> None:
        while self._sender.is_full:
            self._collect()
        parcel = self._outbox.take(size=self._window.size)
        if not parcel.actions:
            return
        self._outcomes.commit()  # that these are being sent is on the disk before they are
        self._committed = time.monotonic()
        self._sender.submit(parcel.actions, ordered=parcel.ordered)

    def _drain(self) -> None:
        while self._outbox or self._sender.in_flight:
            if self._outbox:
                self._send()
            else:
                self._collect()

    def _collect(self) -> None:
        began = time.monotonic()
        with self._interruption.waiting():
            items = self._sender.collect()
        self._spent("sending", began)
        self._settle(items)

    def _settle(self, items: Sequence[Item]) -> None:
        """Note the answers of one delivery and finish the documents that have them all."""
        acknowledged: list[Work] = []
        refused: list[Work] = []
        left_over: list[Work] = []
        for item in items:
            work = self._works[item.action.key]
            work.waiting -= 1
            if item.verdict is not Verdict.ACKNOWLEDGED and work.cleaning:
                work.left_over = item
            elif item.verdict is not Verdict.ACKNOWLEDGED:
                work.refusal = work.refusal or ("index", item)
            elif item.action.kind == "index":
                self._written += 1
            if work.waiting:
                continue
            if work.refusal is None and work.afterwards:
                chunks, work.afterwards = work.afterwards, ()
                self._put(work, chunks)
            elif work.refusal is None:
                acknowledged.append(self._works.pop(item.action.key))
            elif not work.cleaning:
                self._clean(work)
            elif work.left_over is None:
                refused.append(self._works.pop(item.action.key))
            else:
                left_over.append(work)
        self._removed += sum(work.positions - work.chunks for work in acknowledged)
        self._tokens += sum(work.tokens for work in acknowledged)
        self._outcomes.acknowledged(acknowledged)
        self._verifying.add(acknowledged)
        self._outcomes.refused(refused)
        if left_over:
            raise _not_removed(left_over[0])

    def _clean(self, work: Work) -> None:
        """A document that cannot be indexed whole leaves nothing behind that answers questions."""
        work.cleaning = True
        actions = deletions(self._set_name, work.document_id, range(work.positions), work.number)
        self._works[work.number] = work
        self._put(work, actions)

    # -- verifying --------------------------------------------------------------------------------

    def _take_verified(self) -> None:
        began = time.monotonic()
        with self._interruption.waiting():
            whole, failed = self._verifying.collect()
        self._spent("verifying", began)
        self._outcomes.indexed(whole)
        for work in failed:
            self._outcomes.settled -= 1
            self._clean(work)

    def _remove_outdated(self) -> None:
        """Older versions of documents whose present content was rejected."""
        self._outcomes.commit()
        remover = Remover(self._index, self._ledger, stop=self._stop)
        for batch in self._outcomes.seen.outdated(at_once=DOCUMENTS_AT_ONCE):
            with self._interruption.waiting():
                self._removed += remover.remove(batch)

    # -- ending -----------------------------------------------------------------------------------

    def _wind_down(self) -> None:
        """Stop what waits, and note the answers of what is in flight if they come soon."""
        if self._stage != "ended":
            self._stage = "stopping"
        self._stop.set()
        self._questions.end()
        deadline = time.monotonic() + _WIND_DOWN
        while self._sender.in_flight:
            try:
                items = self._sender.collect(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                break
            except (EsragError, DeliveryStopped):
                continue  # one error is on its way to the user already
            self._settle(items)
        self._outcomes.commit()

    def _spent(self, stage: str, began: float) -> None:
        self._seconds[stage] = self._seconds.get(stage, 0.0) + time.monotonic() - began


def _not_removed(work: Work) -> UnavailableError:
    item = work.left_over
    why = f"{item.status} {item.code}: {item.reason}" if item else ""
    return UnavailableError(
        f"a part of {work.document_id} was refused, and what the index holds of it cannot be "
        f"removed: {why}",
        hint="Run the same command again to continue: the document is open.",
    )
