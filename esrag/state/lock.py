"""One at a time: whoever changes managed state of a cluster holds its lock.

    take ──► renew every few seconds ──► release

The lock is one note in the cluster.  Its holder raises a counter; a waiter watches whether it
moves, so that no clock of one machine is compared with another's.  The lock of a process that is
known to be dead is taken over, any other only when asked for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from esrag.cluster import notes
from esrag.cluster.notes import Note
from esrag.cluster.retry import retrying
from esrag.errors import ConflictError, EsragError
from esrag.names import META_INDEX
from esrag.state.owner import Owner, is_dead, owner_from, same_process, this_process

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

LOCK = "lock"
WAIT = 60.0
RENEW_SECONDS = 5.0
LOOK_SECONDS = 1.0

Waiting = Callable[[Owner], None]

_held_here: set[str] = set()  # tokens of the locks that threads of this process hold or try for


@dataclass(frozen=True, slots=True)
class Terms:
    """How to get the lock: ``wait`` seconds at most, and with ``force`` even from its holder."""

    command: str
    wait: float = WAIT
    force: bool = False
    waiting: Waiting = lambda _owner: None
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


class Held:
    """A lock that is held; a thread of its own renews it."""

    def __init__(self, client: Elasticsearch, owner: Owner, note: Note) -> None:
        self._client = client
        self._owner = owner
        self._note = note
        self._guard = threading.Lock()
        self._ended = threading.Event()
        self._lost = False
        self._renewer = threading.Thread(target=self._renew, name="esrag lock", daemon=True)
        self._renewer.start()

    def require(self) -> None:
        """Raise ConflictError when somebody took the lock from us; to be asked before a step."""
        if self._lost:
            raise ConflictError(
                "the lock was taken from this process while it was at work",
                hint="Somebody ran with --force-unlock. Look at the cluster: esrag plan",
            )

    def rest(self) -> None:
        """Renew no more: the index that the lock is kept in is about to go."""
        self._ended.set()
        self._renewer.join()

    def release(self) -> None:
        """Give the lock back; it may be gone with its index, or with somebody's force."""
        self.rest()
        with self._guard:
            retrying(lambda: notes.delete_note(self._client, self._note))

    def _renew(self) -> None:
        while not self._ended.wait(RENEW_SECONDS):
            try:
                self._raise_counter()
            except EsragError:
                continue  # the next try, or the next step of the plan, tells what is wrong
            if self._lost:
                return

    def _raise_counter(self) -> None:
        with self._guard:
            body = _body(self._owner, renewal=int(self._note.body["renewal"]) + 1)
            changed = notes.change_note(self._client, self._note, body)
            if changed is None:
                # An answer of ours that was lost looks like somebody else's change.
                changed = notes.read_note(self._client, LOCK)
                if changed is None or owner_from(changed.body["owner"]) != self._owner:
                    self._lost = True
                    return
            self._note = changed


@contextmanager
def held(client: Elasticsearch, terms: Terms, *, prepare: Callable[[], None]) -> Iterator[Held]:
    """Hold the cluster's lock inside the block.

    ``prepare`` makes the index that the lock is kept in, when it is not there.  Raises
    ConflictError that names the owner when the lock is not free in time.
    """
    owner = this_process(terms.command)
    _held_here.add(owner.token)
    try:
        lock = Held(client, owner, _take(client, owner, terms, prepare))
        try:
            yield lock
        except BaseException:
            _release_after_error(lock)
            raise
        lock.release()
    finally:
        _held_here.discard(owner.token)


def _release_after_error(lock: Held) -> None:
    try:
        lock.release()
    except EsragError:
        return  # what ended the block is what the user has to hear; the lock tells its owner


def _take(client: Elasticsearch, owner: Owner, terms: Terms, prepare: Callable[[], None]) -> Note:
    deadline = terms.clock() + terms.wait
    first: tuple[str, int] | None = None
    moved, told = False, False
    while True:
        note = _create(client, owner, prepare)
        if note is not None:
            return note
        found = retrying(lambda: notes.read_note(client, LOCK))
        if found is None:
            continue  # released in this moment
        holder = owner_from(found.body["owner"])
        if terms.force or _is_abandoned(holder, owner):
            taken = notes.change_note(client, found, _body(owner))
            if taken is not None:
                return taken
            continue
        seen = (holder.token, int(found.body["renewal"]))
        first = first or seen
        moved = moved or seen != first
        if terms.clock() >= deadline:
            raise _busy(holder, terms, moved=moved)
        if not told:
            terms.waiting(holder)
            told = True
        terms.sleep(LOOK_SECONDS)


def _create(client: Elasticsearch, owner: Owner, prepare: Callable[[], None]) -> Note | None:
    """The lock as we made it, None when somebody else has it."""

    def call() -> Note | None:
        prepare()
        notes.create_note(client, LOCK, _body(owner))
        found = notes.read_note(client, LOCK)  # also tells whether a lost answer was a yes
        mine = found is not None and owner_from(found.body["owner"]) == owner
        return found if mine else None

    return retrying(call)


def _is_abandoned(holder: Owner, here: Owner) -> bool:
    """Whether the holder is dead, or this very process, which no longer knows of it."""
    return is_dead(holder) or (same_process(holder, here) and holder.token not in _held_here)


def _busy(holder: Owner, terms: Terms, *, moved: bool) -> ConflictError:
    seen = (
        "it is at work"
        if moved
        else f"it gave no sign of life in {terms.wait:.0f} s"
        if terms.wait > RENEW_SECONDS
        else "whether it is still alive was not waited for"
    )
    return ConflictError(
        f"{holder.describe()} is changing this cluster and holds the lock in {META_INDEX}; {seen}",
        hint="Nothing was changed. Wait longer with --wait SECONDS; if that process is dead, "
        "take its lock with --force-unlock.",
    )


def _body(owner: Owner, *, renewal: int = 0) -> dict[str, Any]:
    return {"kind": LOCK, "owner": owner.as_body(), "renewal": renewal}
