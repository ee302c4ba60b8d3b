"""Moves a document set to another generation while it is written to and searched.

    copy ──► catch up ──► two-generation templates ──► check ──► catch up
                                                                    │
    final templates ◄── ONE _aliases call ◄── last pass ◄── block writes to the source

Every step can be repeated, so a run that was killed anywhere is continued by the same call.
Until the alias moves, and after an error, the source serves reads and writes as before.  The
same path leads back: a rollback is the move in the other direction, in which little differs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from esrag.cluster import indices
from esrag.cluster.chunk_scan import checkpoint
from esrag.cluster.retry import retrying
from esrag.errors import EsragError, UnavailableError
from esrag.names import Names
from esrag.reembedding import checks
from esrag.reembedding.checks import GateResult, Vectors
from esrag.reembedding.copying import Copier, Dress, Pace, Passed, Progress
from esrag.reembedding.journal import CommonBody, Move, write_journal
from esrag.reembedding.sides import IndexPair
from esrag.state.kinds import KINDS
from esrag.templating import with_generations

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

FEW = 200  # chunks: so few are brought over while writes wait
GRACE = 5.0  # seconds in which searches that began with the old templates come to their end
_MOST_ROUNDS = 20
_NOTE_EVERY = 2.0

Gate = Callable[[Move], GateResult]


@dataclass(frozen=True, slots=True)
class Step:
    """What is being done; ``done`` of ``total`` chunks where that is known."""

    title: str
    done: int = 0
    total: int = 0
    finished: bool = False


@dataclass(frozen=True, slots=True)
class Options:
    """How a move is made.  ``tolerance`` belongs to the gate."""

    rate: float | None = None
    max_batch: int = 256
    grace: float = GRACE
    tolerance: float = 0.0


@dataclass(frozen=True, slots=True)
class Moved:
    """What a move did: chunks sent and removed, what the checks saw, seconds that writes waited."""

    sent: int
    removed: int
    vectors: Vectors | None
    gate: GateResult | None
    blocked_seconds: float


class Mover:
    """Carries out one move; the target, its pipeline and its model are there already."""

    def __init__(
        self,
        client: Elasticsearch,
        move: Move,
        dress: Dress,
        *,
        options: Options,
        gate: Gate | None = None,
        on_step: Callable[[Step], None] = lambda _: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._move = move
        self._pair = IndexPair(client, move.source, move.target, move.own_vectors)
        self._dress = dress
        self._options = options
        self._gate = gate
        self._on_step = on_step
        self._sleep = sleep
        self._alias = Names(move.set).alias
        self._noted = 0.0
        self._both_since = 0.0
        self._sent = 0
        self._removed = 0

    def run(self) -> Moved:
        """Go through to the end from wherever the journal says it is."""
        vectors = gate = None
        blocked = 0.0
        if indices.write_index(self._client, self._alias) != self._move.target:
            with self._explained():
                self._bring_over()
                with self._two_generations():
                    vectors, gate = self._check()
                    blocked = self._switch()
        with self._step("final search templates"):
            put_bodies(self._client, self._move.arriving)
        self._note(phase="switched")
        return Moved(self._sent, self._removed, vectors, gate, blocked)

    # -- copying --------------------------------------------------------------------------------

    def _bring_over(self) -> None:
        """Copy everything, then what was written meanwhile, until that is little."""
        self._note()
        pace = Pace(self._options.rate)
        for round_number in range(_MOST_ROUNDS):
            first = self._move.since is None
            passed = self._pass(f"copy to {self._move.target}" if first else "catch up", pace)
            if round_number and passed.sent <= FEW:
                return
        raise UnavailableError(
            f"documents come into {self._move.source} faster than they can be brought over",
            hint="Pause the ingest or raise --rate, and run the same command again.",
        )

    def _pass(self, title: str, pace: Pace) -> Passed:
        """One pass over what was written since the last; noted, so that it can be resumed."""
        if self._move.mark is None:
            self._note(mark=checkpoint(self._client, self._move.source), document="")
        before = self._move.sent
        with self._step(title):
            total = indices.count_documents(self._client, self._move.source)

            def show(progress: Progress) -> None:
                self._on_step(Step(title, progress.read, total))
                if time.monotonic() - self._noted >= _NOTE_EVERY:
                    self._note(document=progress.document, sent=before + progress.sent)

            passed = self._copier(pace, show).copy(
                from_document=self._move.document, above=self._move.since
            )
        self._sent += passed.sent
        self._note(since=self._move.mark, mark=None, document="", sent=before + passed.sent)
        return passed

    def _copier(self, pace: Pace, show: Callable[[Progress], None] = lambda _: None) -> Copier:
        return Copier(
            self._pair,
            self._dress,
            pace=pace,
            max_batch=self._options.max_batch,
            at_once=1 if self._move.own_vectors else 2,
            on_progress=show,
        )

    def _level(self) -> None:
        """Make both sides hold the same chunks; nothing may be written to the source meanwhile."""
        source, target = self._pair.counts()
        if target > source:
            self._removed += self._copier(Pace(None)).remove_gone().removed
            source, target = self._pair.counts()
        if source != target:
            self._sent += self._copier(Pace(None)).copy().sent
            self._removed += self._copier(Pace(None)).remove_gone().removed

    # -- checking -------------------------------------------------------------------------------

    def _check(self) -> tuple[Vectors, GateResult | None]:
        """Raises RejectedError when the target is not fit to take over."""
        with self._step("check vectors"):
            indices.refresh(self._client, self._move.target)
            found = checks.look_at_vectors(self._client, self._move.target)
            checks.require_whole(found, wanted=found.chunks, dims=self._move.dims)
        if self._gate is None:
            return found, None
        with self._step("measure retrieval"):
            measured = self._gate(self._move)
            checks.require_gate(measured, tolerance=self._options.tolerance)
        return found, measured

    # -- switching ------------------------------------------------------------------------------

    @contextmanager
    def _two_generations(self) -> Iterator[None]:
        """Search templates that fit both indices; after an error those of the source again."""
        if not self._needs_transition:
            yield
            return
        with self._step("search templates for both generations"):
            put_bodies(self._client, transition_bodies(self._move))
        self._both_since = time.monotonic()
        try:
            yield
        except EsragError:
            if self._is_source_live():
                put_bodies(self._client, self._move.leaving)
            raise

    @property
    def _needs_transition(self) -> bool:
        return len(set(self._move.asks.values())) > 1

    def _switch(self) -> float:
        """Let writes wait, bring the rest over, move the alias; the seconds that writes waited."""
        if self._needs_transition:
            passed = time.monotonic() - self._both_since
            self._sleep(max(0.0, self._options.grace - passed))
        while self._pass("catch up", Pace(None)).sent > FEW:
            pass
        with self._writes_waiting() as begun:
            self._pass("last pass, while writes wait", Pace(None))
            self._level()
            with self._step(f"switch {self._alias} to {self._move.target}"):
                source, _ = self._pair.counts()
                found = checks.look_at_vectors(self._client, self._move.target)
                checks.require_whole(found, wanted=source, dims=self._move.dims)
                self._note(later=checkpoint(self._client, self._move.target))
                self._lead_over()
            return time.monotonic() - begun

    @contextmanager
    def _writes_waiting(self) -> Iterator[float]:
        """Block writes to the source, and say so in its mapping; lifted only after an error."""
        source = self._move.source
        mark_moving(self._client, source, to=self._move.target)
        try:
            indices.block_writes(self._client, source)
            yield time.monotonic()
        except BaseException as error:
            # Once the alias has moved, an open source would swallow what late writers send.
            try:
                if self._is_source_live():
                    open_again(self._client, source)
            except EsragError as second:
                raise UnavailableError(
                    f"{error}; then writes to {source} could not be allowed again: {second}",
                    hint="Writes wait until this is repaired.",
                ) from error
            raise

    def _is_source_live(self) -> bool:
        found = retrying(lambda: indices.write_index(self._client, self._alias))
        return found == self._move.source

    def _lead_over(self) -> None:
        """The one call; when its answer is lost, the alias itself says whether it was made."""

        def call() -> None:
            if indices.write_index(self._client, self._alias) != self._move.target:
                indices.switch_alias(
                    self._client, self._alias, to=self._move.target, away_from=(self._move.source,)
                )

        retrying(call)

    # -- notes ----------------------------------------------------------------------------------

    def _note(self, **changes: object) -> None:
        self._move = replace(self._move, **changes)  # type: ignore[arg-type]
        write_journal(self._client, self._move)
        self._noted = time.monotonic()

    @contextmanager
    def _step(self, title: str) -> Iterator[None]:
        self._on_step(Step(title))
        yield
        self._on_step(Step(title, finished=True))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Whatever stops the move says what it means for the documents."""
        try:
            yield
        except EsragError as error:
            error.hint = (
                f"{error.hint} Nothing is lost: {self._move.source} serves as before, and the "
                "same command goes on from here."
            ).strip()
            raise


def transition_bodies(move: Move) -> tuple[CommonBody, ...]:
    """The source's search templates, made to fit whichever of the two indices is asked."""
    return tuple(
        replace(item, body=with_generations(dict(item.body), move.asks))
        for item in move.leaving
        if item.kind == "search template"
    )


def put_bodies(client: Elasticsearch, bodies: Sequence[CommonBody]) -> None:
    """Put templates that the generations share; each may be put twice."""
    for item in bodies:
        retrying(lambda item=item: _put(client, item))  # type: ignore[misc]


def _put(client: Elasticsearch, item: CommonBody) -> None:
    KINDS[item.kind].write(client, item.name, dict(item.body))


def mark_moving(client: Elasticsearch, index: str, *, to: str) -> None:
    """Note in the index's mapping where its alias is about to lead; "" takes the note away."""
    mapping = indices.read_mapping(client, index) or {}
    meta = dict(mapping.get("_meta") or {})
    own = dict(indices.own_meta(mapping))
    own.pop(indices.MOVING_TO, None)
    if to:
        own[indices.MOVING_TO] = to
    indices.add_fields(client, index, {"_meta": {**meta, "esrag": own}})


def open_again(client: Elasticsearch, index: str) -> None:
    """Lift the block of a switch, and take its note away."""
    retrying(lambda: indices.unblock_writes(client, index))
    retrying(lambda: mark_moving(client, index, to=""))
