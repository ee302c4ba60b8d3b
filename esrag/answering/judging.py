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

from esrag.errors import EsragError
from esrag.quoting import Assessment


class Judging:
    """A judgement that is there already, or will be: ``result`` waits for it."""

    def __init__(self, work: Callable[[], Assessment], *, beside: bool) -> None:
        self.beside = beside
        self._future: Future[Assessment] = Future()
        if not beside:
            self._run(work)
            return
        # the thread speaks for the same answer, so spans of it belong to the same trace
        context = contextvars.copy_context()
        threading.Thread(
            target=lambda: context.run(self._run, work), name="esrag-judging", daemon=True
        ).start()

    def result(self) -> Assessment:
        """The judgement; raises what judging raised."""
        return self._future.result()

    def when_done(self, callback: Callable[[Assessment | None], None]) -> None:
        """Call with the judgement, or with None when it failed, in whichever thread has it."""

        def tell(future: Future[Assessment]) -> None:
            callback(None if future.exception() else future.result())

        self._future.add_done_callback(tell)

    def _run(self, work: Callable[[], Assessment]) -> None:
        try:
            found = work()
        except (EsragError, Exception) as error:  # noqa: BLE001 - raised by ``result``, elsewhere
            self._future.set_exception(error)
        else:
            self._future.set_result(found)
