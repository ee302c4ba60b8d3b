"""Questions to the index that are asked beside the run, one after the other.

A daemon thread, so that the end of the process need not wait for a server that does not answer.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future

from esrag.cluster.chunk_index import Stored

Answer = dict[str, Stored]


class Questions:
    """First asked, first answered."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[tuple[Callable[[], Answer], Future[Answer]] | None]
        self._waiting = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def ask(self, question: Callable[[], Answer]) -> Future[Answer]:
        """The answer to come, or the error that it ended with."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._answer, name="questions", daemon=True)
            self._thread.start()
        future: Future[Answer] = Future()
        self._waiting.put((question, future))
        return future

    def end(self) -> None:
        """Nothing more will be asked."""
        if self._thread is not None:
            self._waiting.put(None)

    def _answer(self) -> None:
        while (asked := self._waiting.get()) is not None:
            question, future = asked
            try:
                future.set_result(question())
            except BaseException as error:  # noqa: BLE001 - handed to the thread that waits for it
                future.set_exception(error)
