"""The parent's side of the embedding children: hand them texts, check what they say.

    threads that ask ──► WaitingTexts ──► one thread for each child ──► child
                                                       │ └─ it died: another, the same texts again
                 vectors, as soon as all are there ◄───┘

A child gets many texts at once, and the next ones shortly before it is done with them, so that it
can sort them by length and never waits.  A child that ends is replaced once for the same texts;
one that talks nonsense or takes too long is ended.
"""

from __future__ import annotations

import binascii
import threading
import time
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from esrag.bundle import ModelBundle
from esrag.embedding.child import COMMAND, Child, ChildEnded, nonsense
from esrag.embedding.runtimes import EXACT, INSTALL_FAST_LINE, INSTALL_LINE, RUNTIMES
from esrag.embedding.waiting import Place, Request, WaitingTexts
from esrag.errors import EsragError, UnavailableError, UnsupportedError

if TYPE_CHECKING:
    from numpy.typing import NDArray

READY_SECONDS = 300.0  # importing and converting on a busy machine takes its time
ANSWER_SECONDS = 300.0
LOOK_AHEAD = 1_024  # texts that a child sorts by length; bounds the length of a line as well

Vector = list[float]
Purpose = Literal["ingest", "search", "none"]


@dataclass(frozen=True, slots=True)
class Figures:
    """What embedding took so far.

    ``padded`` counts tokens with padding; ``seconds`` are those in the model, of all processes,
    ``cpu`` those of all cores, ``elapsed`` those from the first text to the last vector.
    """

    texts: int = 0
    tokens: int = 0
    padded: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    elapsed: float = 0.0
    restarts: int = 0

    @property
    def padding(self) -> float:
        """Tokens that went through the model for one token of text."""
        return self.padded / self.tokens if self.tokens else 1.0


class Embedder:
    """The model of a bundle in child processes; a context manager that ends them.

    Nothing is started before the first text, unless ``start`` is called to save time.  Several
    threads may ask at once: their texts are embedded together.
    """

    def __init__(
        self,
        bundle: ModelBundle,
        *,
        runtime: str = EXACT,
        cache: Path | None = None,
        threads: int = 2,
        processes: int = 1,
        ready_seconds: float = READY_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self.bundle = bundle
        self.runtime = runtime
        self.threads = threads
        self.processes = processes
        self._cache = cache or bundle.folder / "converted"
        self._ready_seconds = ready_seconds
        self._answer_seconds = answer_seconds
        self._command = tuple(command)
        self._waiting = WaitingTexts()
        self._workers: list[_Worker] = []
        self._lock = threading.Lock()
        self._figures = Figures()
        self._began = 0.0
        self._closed = False

    def start(self) -> None:
        """Have the children loading while the caller does something else.

        Raises UnsupportedError when what they need is not installed.
        """
        require_installed(self.runtime)
        for worker in self._running():
            worker.start_child()

    def embed(self, texts: Sequence[str], purpose: Purpose = "none") -> list[Vector]:
        """One vector for each text, in order; ``purpose`` says which prefix string is added.

        Raises UnsupportedError when the model cannot run here, UnavailableError when a child
        ends again and again, is too slow, or gives something that is not a vector.
        """
        vectors: list[Vector] = self.matrix(texts, purpose).tolist()
        return vectors

    def matrix(self, texts: Sequence[str], purpose: Purpose = "none") -> NDArray[Any]:
        """The same as rows of float32."""
        require_installed(self.runtime)
        prefix = {
            "ingest": self.bundle.ingest_prefix,
            "search": self.bundle.search_prefix,
            "none": "",
        }[purpose]
        request = Request([prefix + text for text in texts], self.bundle.dims)
        if not texts:
            return request.vectors
        self._running()
        self._began = self._began or time.monotonic()
        self._waiting.put(request)
        return request.wait()

    def figures(self) -> Figures:
        """What it took so far; any thread may ask."""
        return self._figures

    def close(self) -> None:
        """End the children, also in the middle of their work; there are no others."""
        with self._lock:
            self._closed = True
            workers = list(self._workers)
        self._waiting.close(_closed())
        for worker in workers:
            worker.close()

    def __enter__(self) -> Embedder:
        """The embedder itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the children."""
        self.close()

    def _running(self) -> list[_Worker]:
        with self._lock:
            if self._closed:
                raise _closed()
            if not self._workers:
                self._workers = [_Worker(self) for _ in range(self.processes)]
            return self._workers

    def _new_child(self) -> Child:
        order = {
            "folder": str(self.bundle.folder.absolute()),
            "cache": str(self._cache.absolute()),
            "runtime": self.runtime,
            "threads": self.threads,
        }
        return Child(order, threads=self.threads, command=self._command)

    def _count(self, **more: float) -> None:
        with self._lock:
            now = self._figures
            sums: dict[str, Any] = {name: getattr(now, name) + more[name] for name in more}
            self._figures = replace(now, **sums, elapsed=time.monotonic() - self._began)


class _Batch:
    """Texts that a child has, by their number in the request to it; ``left`` lack a vector."""

    def __init__(self, places: Sequence[Place]) -> None:
        self.places = dict(enumerate(places))
        self.left = set(self.places)
        self.lost = 0  # children that ended with it

    def order(self, number: int) -> dict[str, Any]:
        """The request for what is left, numbered anew."""
        left = sorted(self.left)
        self.places = {new: self.places[old] for new, old in enumerate(left)}
        self.left = set(self.places)
        texts = [request.texts[place] for request, place in self.places.values()]
        return {"id": number, "texts": texts}

    @property
    def nearly_done(self) -> bool:
        """Whether the next texts should be on their way."""
        return len(self.left) * 4 <= len(self.places)

    def fail(self, error: BaseException) -> None:
        """Let those go who wait for it."""
        for number in self.left:
            self.places[number][0].fail(error)


class _Worker:
    """A thread that keeps one child at work."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._child: Child | None = None
        self._child_lock = threading.Lock()
        self._closed = False
        self._batches: dict[int, _Batch] = {}
        self._number = 0
        threading.Thread(target=self._run, daemon=True).start()

    def start_child(self) -> Child:
        """The child, started if there is none."""
        with self._child_lock:
            if self._closed:
                raise _closed()
            if self._child is None:
                self._child = self._embedder._new_child()
            return self._child

    def close(self) -> None:
        """End the child; the thread ends by itself."""
        with self._child_lock:
            self._closed = True
        self._end_child()

    def _run(self) -> None:
        while True:
            try:
                self._feed()
                if not self._batches:
                    return  # closed
                answer = self.start_child().receive(self._embedder._answer_seconds, "embedding")
                self._take(answer)
            except ChildEnded:
                self._begin_again()
            except BaseException as error:  # noqa: BLE001 - handed to the threads that ask
                self._give_up(error)

    def _feed(self) -> None:
        """Hand the child the next texts when it is done, or nearly."""
        if any(not batch.nearly_done for batch in self._batches.values()):
            return
        if len(self._batches) > 1:
            return
        places = self._embedder._waiting.take(
            LOOK_AHEAD, sharers=self._embedder.processes, block=not self._batches
        )
        if places:
            self._number += 1
            self._batches[self._number] = _Batch(places)
            self._send(self._number)

    def _send(self, number: int) -> None:
        child = self.start_child()
        child.wait_ready(self._embedder._ready_seconds, self._embedder.bundle.dims)
        child.send(self._batches[number].order(number))

    def _take(self, answer: dict[str, Any]) -> None:
        """Note the vectors of an answer; raises when it holds none that can be used."""
        number = answer.get("id")
        batch = self._batches.get(number) if isinstance(number, int) else None
        if batch is None or not isinstance(number, int):
            raise nonsense(answer)
        if "error" in answer:
            raise UnavailableError(f"the embedding model failed on this machine: {answer['error']}")
        numbers = answer.get("numbers", sorted(batch.left))
        if not _are_open(numbers, batch.left):
            raise nonsense(answer)
        vectors = _vectors(answer, len(numbers), self._embedder.bundle.dims)
        for one, vector in zip(numbers, vectors, strict=True):
            request, place = batch.places[one]
            request.fill(place, vector)
        batch.left.difference_update(numbers)
        if not batch.left:
            del self._batches[number]
        costs = {name: answer.get(name, 0) for name in ("tokens", "padded", "seconds", "cpu")}
        self._embedder._count(texts=len(numbers), **costs)

    def _begin_again(self) -> None:
        """The child is gone: another gets what it left, unless that happened before."""
        try:
            with self._child_lock:
                words = self._child.last_words() if self._child is not None else ""
            self._end_child()
            self._embedder._count(restarts=1)
            for batch in self._batches.values():
                batch.lost += 1
            if any(batch.lost > 1 for batch in self._batches.values()):
                raise UnavailableError(
                    f"the process that embeds with {self._embedder.bundle.model_id} ended twice:\n"
                    f"{words}",
                    hint="It needs about 1 GB of memory; is there enough?",
                )
            for number in self._batches:
                self._send(number)
        except ChildEnded:
            self._begin_again()
        except EsragError as error:
            self._give_up(error)

    def _give_up(self, error: BaseException) -> None:
        """End the child, whose state is unknown; the next texts get another."""
        self._end_child()
        batches, self._batches = self._batches, {}
        for batch in batches.values():
            batch.fail(error)

    def _end_child(self) -> None:
        with self._child_lock:
            child, self._child = self._child, None
        if child is not None:
            child.end()


def require_installed(runtime: str = EXACT) -> None:
    """Raises UnsupportedError when a package that the runtime needs is not installed."""
    known = RUNTIMES[runtime]
    if known.missing:
        line = INSTALL_LINE if known.family == EXACT else INSTALL_FAST_LINE
        raise UnsupportedError(
            "this cluster does not embed, so texts are embedded on this machine, and that needs "
            f"{', '.join(known.missing)}",
            hint=f"Install it with: {line}",
        )


def _are_open(numbers: object, left: set[int]) -> bool:
    """Whether an answer names texts that have no vector yet, each of them once."""
    if not isinstance(numbers, list) or not all(isinstance(number, int) for number in numbers):
        return False
    return 0 < len(numbers) == len(set(numbers)) and left.issuperset(numbers)


def _vectors(answer: dict[str, Any], count: int, dims: int) -> NDArray[Any]:
    """The rows of an answer; raises UnavailableError when one of them is no vector."""
    import numpy

    try:
        values = numpy.frombuffer(b64decode(answer["vectors"], validate=True), dtype="<f4")
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise nonsense(answer) from None
    if values.size != count * dims or not numpy.isfinite(values).all():
        raise nonsense(f"{values.size} numbers for {count} texts")
    rows = values.reshape(count, dims)
    if not rows.any(axis=1).all():
        raise UnavailableError("the embedding model gave a vector of zeros")
    return rows


def _closed() -> UnavailableError:
    return UnavailableError("the process that embeds was ended with the command")
