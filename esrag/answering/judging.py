"""Whether the passages answer the question: judged beside the generator, or before it is asked.

Judging embeds sentences, which takes about as long as a generator needs for its first words.  When
the words of the question stand in the passages, the generator may begin meanwhile; what it writes
waits for the judgement before anything of it is shown.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future

from esrag.generation.cancelling import Cancellation
from esrag.quoting import Assessment


class Judging:
    """A judgement that will be: ``begin`` has it made in another thread, ``result`` waits for it.

    When nobody began, ``result`` makes it.
    """

    def __init__(self, work: Callable[[], Assessment]) -> None:
        self._work = work
        self._future: Future[Assessment] = Future()
        self._lock = threading.Lock()
        self._begun = False
        # the thread speaks for the same answer, so spans of it belong to the same trace
        self._context = contextvars.copy_context()

    def begin(self) -> None:
        """Have it made in another thread; nothing more when it has begun."""
        if self._may_begin():
            threading.Thread(
                target=lambda: self._context.run(self._run), name="esrag-judging", daemon=True
            ).start()

    def result(self, cancel: Cancellation) -> Assessment:
        """The judgement; raises what judging raised.

        Whoever is called off while waiting raises CancelledError, and the judging ends by itself.
        """
        if self._may_begin():
            self._run()
        ready = threading.Event()
        self._future.add_done_callback(lambda _: ready.set())
        with cancel.calling(ready.set):
            ready.wait()
        cancel.check()
        return self._future.result()

    def when_done(self, callback: Callable[[Assessment | None], None]) -> None:
        """Call with the judgement, or with None when it failed, in whichever thread has it."""

        def tell(future: Future[Assessment]) -> None:
            callback(None if future.exception() else future.result())

        self._future.add_done_callback(tell)

    def _may_begin(self) -> bool:
        with self._lock:
            first, self._begun = not self._begun, True
        return first

    def _run(self) -> None:
        try:
            found = self._work()
        except Exception as error:  # noqa: BLE001 - raised by ``result``, in the asker's thread
            self._future.set_exception(error)
        else:
            self._future.set_result(found)
