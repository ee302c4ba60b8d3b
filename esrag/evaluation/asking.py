"""Asks one system all questions, some at a time; what goes wrong becomes a reply that says so.

    questions ─┬─ replied before, nothing changed ─────────────────► kept
               └─ asked ─┬─ replied ───────────────────────────────► reply
                         ├─ busy: waited for, within the deadline
                         ├─ failed ────────────────────────────────► reply with its error
                         └─ server gone, or eight in a row failed ─► the end; the rest is not asked

Each reply is handed on as soon as it is there, so that whoever keeps them loses none.  What a
system does with a question stands in ``askers``.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass

from esrag.answering import GeneratorFailedError
from esrag.errors import (
    ConflictError,
    EsragError,
    ModelDownError,
    OverloadedError,
    PermissionDeniedError,
    TimedOutError,
    UnavailableError,
    UnsupportedError,
)
from esrag.evaluation.askers import Asker
from esrag.evaluation.records import Reply, Usage
from esrag.generation.cancelling import Cancellation, CancelledError
from esrag.generation.pieces import BusyError, IncompleteError
from esrag.questions import KnownQuestion

GIVEN_UP = 8  # questions in a row that may fail; then it is the system, not the questions
PATIENCE = 30.0  # seconds that a server may be gone, as while it is started again
DEADLINE = 240.0
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 15.0
_LATE = "the deadline of the question passed"
# what asking another question cannot mend
_FATAL = (PermissionDeniedError, UnsupportedError, ConflictError)


class GoneError(UnavailableError):
    """The system cannot be asked any further; ``__cause__`` is the last failure."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How a system is asked: so many questions at a time, each for so many seconds at most."""

    parallel: int = 4
    deadline: float = DEADLINE
    patience: float = PATIENCE
    given_up: int = GIVEN_UP


def ask_all(
    asker: Asker,
    questions: Sequence[KnownQuestion],
    *,
    limits: Limits,
    keep: Callable[[Reply], None],
    cancel: Cancellation,
) -> None:
    """Ask ``questions``; ``keep`` gets each reply in this thread, as they come.

    Raises GoneError when the server is gone or too many questions failed one after the other, at
    once what no other question mends (such as missing rights), and CancelledError.  Replies that
    are under way then are waited for only as long as it takes to call them off.
    """
    inner = cancel.child()
    todo = iter(questions)
    running: set[Future[Reply]] = set()
    failed = 0
    with ThreadPoolExecutor(limits.parallel, thread_name_prefix=f"ask-{asker.system}") as pool:
        try:
            while True:
                inner.check()
                for question in todo:
                    running.add(pool.submit(ask_one, asker, question, limits, inner))
                    if len(running) >= limits.parallel:
                        break
                if not running:
                    return
                # woken now and then, so that a signal is not left waiting
                done, _ = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
                for future in done:
                    running.discard(future)
                    reply = future.result()
                    keep(reply)
                    if reply.status != "failed":
                        failed = 0
                    elif reply.error_code != _QUESTIONS_OWN:  # which says nothing of the server
                        failed += 1
                    if failed >= limits.given_up:
                        raise GoneError(
                            f"{failed} questions failed one after the other; the last: "
                            f"{reply.error}",
                            hint=_GO_ON,
                        )
        finally:
            inner.cancel("the asking ended")
            pool.shutdown(wait=True, cancel_futures=True)
            _keep_finished(running, keep)


_QUESTIONS_OWN = "usage"  # it cannot be asked, as it is too long, say
_GO_ON = "What was replied is kept: give the same command again, and only the rest is asked."


def ask_one(asker: Asker, question: KnownQuestion, limits: Limits, cancel: Cancellation) -> Reply:
    """The reply to one question, failed or not.

    Raises GoneError, what is fatal for all questions, and CancelledError when ``cancel`` says so.
    """
    began = time.monotonic()
    waits, gone = 0, 0.0
    while True:
        with _deadline(cancel, limits.deadline - (time.monotonic() - began)) as within:
            try:
                return asker.ask(question, within)
            except CancelledError as error:
                cancel.check()
                return _failed(asker, question, began, TimedOutError(f"{_LATE}: {error.message}"))
            except EsragError as error:
                cause = _cause(error)
        if isinstance(cause, _FATAL):
            raise cause
        if isinstance(cause, ModelDownError):  # no question of this system can be searched for
            raise GoneError(cause.message, hint=cause.hint or _GO_ON) from cause
        waits += 1
        seconds = _wait_of(cause, waits)
        if isinstance(cause, BusyError | OverloadedError):
            if time.monotonic() - began + seconds >= limits.deadline:
                return _failed(asker, question, began, cause)
        elif isinstance(cause, UnavailableError) and not asker.there():
            gone += seconds
            if gone > limits.patience:
                raise GoneError(cause.message, hint=_GO_ON) from cause
            began += seconds  # the time of a restart is not the question's
        else:
            return _failed(asker, question, began, cause)
        cancel.wait(seconds)
        cancel.check()


@contextmanager
def _deadline(cancel: Cancellation, seconds: float) -> Iterator[Cancellation]:
    """A cancellation for one try, called off when its time is over."""
    within = cancel.child()
    timer = threading.Timer(max(0.0, seconds), within.cancel, (_LATE,))
    timer.daemon = True
    timer.start()
    try:
        yield within
    finally:
        timer.cancel()


def _cause(error: EsragError) -> EsragError:
    """What the generator itself met, where the answerer wrapped it."""
    if isinstance(error, GeneratorFailedError) and isinstance(error.__cause__, EsragError):
        return error.__cause__
    return error


def _wait_of(error: EsragError, waits: int) -> float:
    """Seconds before the next try: what the server asks for, else longer each time."""
    asked = error.wait if isinstance(error, BusyError) else 0.0
    longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(waits, 10))
    # jitter, so that questions refused together do not return together
    return max(asked, random.uniform(longest / 4, longest))  # noqa: S311


def _failed(asker: Asker, question: KnownQuestion, began: float, error: EsragError) -> Reply:
    return Reply(
        question.id,
        asker.system,
        "failed",
        written=error.text if isinstance(error, IncompleteError) else "",
        usage=Usage(seconds=round(time.monotonic() - began, 3)),
        error=error.message,
        error_code=error_code(error),
    )


def error_code(error: EsragError) -> str:
    """A short name of what went wrong, e.g. ``timed_out``, ``incomplete``, ``too_long``."""
    name = type(error).__name__.removesuffix("Error")
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _keep_finished(running: set[Future[Reply]], keep: Callable[[Reply], None]) -> None:
    """Keep what was ready when the asking ended; its errors are told by whoever ended it."""
    for future in running:
        if future.done() and not future.cancelled() and future.exception() is None:
            keep(future.result())
