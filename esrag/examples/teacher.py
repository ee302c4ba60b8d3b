"""The teacher: a model on a server that writes questions, answers and tasks for training.

    requests ─► kept answers ─┬─ answered before ─────────────────────────────► reply
                              └─ else: the server, some requests at a time, kept ─► reply

Replies come in the order of the requests, whoever is ready first.  A server that is busy or down
is waited for; what it cannot do at all (a prompt that is too long, one that breaks it) is a reply
without text, which says why.  What to ask and what to make of the words, others know.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol

from esrag.errors import EsragError, UnavailableError
from esrag.examples.kept_answers import KeptAnswer, KeptAnswers, key_of
from esrag.generation.budget import Limits
from esrag.generation.cancelling import Cancellation
from esrag.generation.generator import Generator as Server
from esrag.generation.pieces import (
    BusyError,
    FailedError,
    Piece,
    TooLongError,
)
from esrag.generation.places import Place
from esrag.types import Message

FILE = "answers.sqlite"
PATIENCE = 600.0  # seconds that a server may answer nothing at all before a build gives up
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0
_TRIES = 3  # of a request that the server takes and then fails
_GIVEN_UP = 8  # requests in a row that may fail so; then it is the server, not the requests
_AHEAD = 4  # requests in line for each that is under way


class _GivenUpError(Exception):
    """One request that the server cannot answer, however often it is asked."""


class Speaks(Protocol):
    """What a teacher needs of ``generation.Generator``."""

    @property
    def model(self) -> str:
        """The model that is asked for."""

    def limits(self) -> Limits:
        """What the server takes, and what its model is."""

    def stream(
        self,
        messages: Sequence[Message],
        *,
        cancel: Cancellation | None = None,
        max_tokens: int | None = None,
    ) -> Generator[Piece, None, None]:
        """The answer, piece by piece."""

    def close(self) -> None:
        """Close its connections."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked; ``documents`` are those whose text stands in the messages."""

    messages: tuple[Message, ...]
    max_tokens: int = 256
    documents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """What was answered.  ``why`` says why it has no text, "" when it has.

    ``cut`` says that the teacher ran out of tokens: the last line is not whole.
    """

    text: str
    why: str = ""
    kept: bool = False
    cut: bool = False

    @property
    def whole_lines(self) -> str:
        """The text without a last line that was cut off."""
        return self.text.rpartition("\n")[0] if self.cut else self.text


@dataclass(frozen=True, slots=True)
class TeacherFigures:
    """What the teacher's answers took; ``kept`` of them were there already and cost nothing now.

    Tokens and seconds are of those that were asked for now, seconds summed over all of them.
    """

    asked: int = 0
    kept: int = 0
    prompt_tokens: int = 0
    generated_tokens: int = 0
    seconds: float = 0.0


class Teacher:
    """Asks ``server``, ``concurrent`` requests at a time; a context manager.

    ``patience`` is how long the server may answer nothing.  ``tell`` hears when it is waited for.
    """

    def __init__(
        self,
        server: Speaks,
        answers: KeptAnswers,
        *,
        concurrent: int = 4,
        patience: float = PATIENCE,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._server = server
        self._answers = answers
        self._concurrent = concurrent
        self._patience = patience
        self._tell = tell
        self._lock = threading.Lock()
        self._model = ""
        self._silent_since = 0.0  # 0 while answers come
        self._given_up = 0  # requests in a row
        self._figures = TeacherFigures()

    @property
    def model(self) -> str:
        """Which model answers: what was asked for, and what the server says it is.

        A server that is down is known by what it said before, if it ever did.
        """
        with self._lock:
            if not self._model:
                self._model = self._named()
            return self._model

    @property
    def figures(self) -> TeacherFigures:
        """What the answers took so far."""
        with self._lock:
            return self._figures

    def ask(self, requests: Iterable[Request]) -> Iterator[Reply]:
        """A reply for each request, in order; requests are taken some ahead of the replies.

        Raises UnavailableError when the server answers nothing for as long as patience lasts, and
        at once what no waiting mends, such as a wrong key.  Whoever stops reading ends what is
        under way.
        """
        cancel = Cancellation()
        pool = ThreadPoolExecutor(self._concurrent, thread_name_prefix="teacher")
        line: deque[Future[Reply]] = deque()
        try:
            for request in requests:
                line.append(pool.submit(self._reply, request, cancel))
                if len(line) > self._concurrent * _AHEAD:
                    yield line.popleft().result()
            while line:
                yield line.popleft().result()
        finally:
            cancel.cancel("nobody waits for the teacher any more")
            pool.shutdown(wait=True, cancel_futures=True)

    def ask_one(self, request: Request) -> Reply:
        """The reply to one request."""
        return self._reply(request, Cancellation())

    def forget(self, *, kept: Callable[[str], bool]) -> int:
        """Remove answers about documents that are not ``kept``; returns how many."""
        return self._answers.forget(kept=kept)

    def close(self) -> None:
        """Let go of the server and of the answers."""
        self._server.close()
        self._answers.close()

    def __enter__(self) -> Teacher:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _named(self) -> str:
        asked = self._server.model
        try:
            told = self._server.limits().model_id
        except EsragError as error:
            _reworded(error)
            told = self._answers.model_told(asked) if isinstance(error, UnavailableError) else ""
            if not told:
                raise
            self._tell(f"The teacher does not answer; kept answers of {told} are used.")
            return told
        return self._answers.model_told(asked, told or asked)

    def _reply(self, request: Request, cancel: Cancellation) -> Reply:
        key = key_of(self.model, request.messages, max_tokens=request.max_tokens)
        found = self._answers.find(key)
        if found is not None:
            self._count(kept=1)
            return _reply_of(found, kept=True)
        try:
            answer = self._asked(request, cancel)
        except TooLongError as error:
            self._count()
            return Reply("", f"too long for the teacher: {error.message}")
        except _GivenUpError as error:
            self._count()
            return Reply("", f"the teacher failed: {error}")
        self._answers.keep(key, answer, documents=request.documents)
        self._count(answer)
        return _reply_of(answer, kept=False)

    def _asked(self, request: Request, cancel: Cancellation) -> KeptAnswer:
        """The server's answer, waited for as long as it is busy or away."""
        tried = waits = 0
        while True:
            cancel.check()
            try:
                answer = self._streamed(request, cancel)
            except TooLongError:
                raise
            except UnavailableError as error:
                _reworded(error)
                waits += 1
                tried += not _is_away(error)
                if tried >= _TRIES:
                    self._give_up(error)
                self._wait(error, waits, cancel)
                continue
            except EsragError as error:
                _reworded(error)
                raise
            with self._lock:
                self._silent_since, self._given_up = 0.0, 0
            return answer

    def _give_up(self, error: UnavailableError) -> None:
        """Leave out one request; raises UnavailableError when it is one of many."""
        with self._lock:
            self._given_up += 1
            if self._given_up < _GIVEN_UP:
                raise _GivenUpError(error.message) from error
        raise UnavailableError(
            f"the teacher failed {_GIVEN_UP} requests one after the other: {error.message}",
            hint="Look into its log. What it answered before is kept: run the same command again.",
        ) from error

    def _streamed(self, request: Request, cancel: Cancellation) -> KeptAnswer:
        began = time.monotonic()
        parts: list[str] = []
        finish, prompt, generated = "", 0, 0
        stream = self._server.stream(request.messages, cancel=cancel, max_tokens=request.max_tokens)
        with closing(stream) as pieces:
            for piece in pieces:
                parts.append(piece.text)
                finish = piece.finish_reason or finish
                prompt = piece.prompt_tokens or prompt
                generated = piece.generated_tokens or generated
        seconds = round(time.monotonic() - began, 3)
        return KeptAnswer("".join(parts), finish, prompt, generated, seconds)

    def _wait(self, error: UnavailableError, waits: int, cancel: Cancellation) -> None:
        """Sleep before the server is asked again; raises when it was silent for too long."""
        now = time.monotonic()
        with self._lock:
            first = not self._silent_since
            since = self._silent_since = self._silent_since or now
        if now - since > self._patience:
            raise UnavailableError(
                f"the teacher answered nothing for {now - since:.0f} seconds: {error.message}",
                hint="What it answered before is kept: run the same command again once it is "
                "there, and only the rest is asked.",
            ) from error
        if first:
            self._tell(f"Waiting for the teacher: {error.message}")
        asked = error.wait if isinstance(error, BusyError) else 0.0
        longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(waits, 10))
        # jitter, so that requests refused together do not return together
        seconds = max(asked, random.uniform(longest / 4, longest))  # noqa: S311
        cancel.wait(min(seconds, self._patience))

    def _count(self, answer: KeptAnswer | None = None, *, kept: int = 0) -> None:
        took = answer or KeptAnswer("", "")
        with self._lock:
            before = self._figures
            self._figures = TeacherFigures(
                asked=before.asked + 1,
                kept=before.kept + kept,
                prompt_tokens=before.prompt_tokens + took.prompt_tokens,
                generated_tokens=before.generated_tokens + took.generated_tokens,
                seconds=before.seconds + took.seconds,
            )


def teacher_at(
    place: Place,
    folder: Path,
    *,
    concurrent: int = 4,
    tell: Callable[[str], None] = lambda _: None,
) -> Teacher:
    """The teacher at ``place``, which keeps its answers in ``folder``.

    Raises UsageError for an address that cannot be used, UnavailableError when the folder cannot.
    """
    server = Server(place)
    try:
        answers = KeptAnswers(folder / FILE)
    except EsragError:
        server.close()
        raise
    return Teacher(server, answers, concurrent=concurrent, tell=tell)


def _reworded(error: EsragError) -> None:
    """Let an error of the client name the settings of the teacher."""
    for name in ("url", "api_key", "model", "ca_certs"):
        error.hint = error.hint.replace(f"generator.{name}", f"dataset.teacher_{name}")
    error.message = error.message.replace("the generator at", "the teacher at")


def _is_away(error: UnavailableError) -> bool:
    """Whether the server does not take requests at all, and may again later."""
    if isinstance(error, FailedError):
        return error.status in (0, 502, 503, 504)
    return isinstance(error, BusyError)


def _reply_of(answer: KeptAnswer, *, kept: bool) -> Reply:
    return Reply(answer.text, kept=kept, cut=answer.finish == "length")
