"""The generator: one for a process, for any number of threads.

    messages ─► stream ─► Piece, Piece, … ─► the last has a finish reason
                  ├─ deadlines: connection, first token, each further token, all of it
                  ├─ tries again before the first piece only: a reader never sees two answers
                  └─ called off by another thread, or by leaving the iterator: the connection
                     closes at once, which ends the work of the server

Connections and the server's limits are kept between answers.  Nothing but the one address of the
settings is ever called.  What is said in which protocol, and what errors mean, others know.
"""

from __future__ import annotations

import json
import random
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Generator as Yielding
from contextlib import suppress
from dataclasses import replace
from typing import Any

from esrag.calling.addresses import service_address
from esrag.calling.connections import BrokenError, Connections, Exchanges, Reply
from esrag.calling.guard import Resolve, resolved
from esrag.calling.wire import Limit, TooSlowError
from esrag.errors import EsragError, UnavailableError, UsageError
from esrag.generation.budget import Budget, Limits
from esrag.generation.cancelling import Cancellation
from esrag.generation.pieces import (
    BusyError,
    FailedError,
    IncompleteError,
    Piece,
)
from esrag.generation.places import Place
from esrag.generation.protocols import (
    ErrorEvent,
    folded,
    plain_text,
    speech_of,
    without_beginning,
)
from esrag.generation.refusals import NoSystemTurnError, error_text, event_refusal, refusal
from esrag.generation.sse import EventError, EventStream
from esrag.types import Message

# how often a request is sent in all, by what became of it before its first piece
_TRIES: dict[type[EsragError], int] = {BusyError: 3, FailedError: 2}
_FIRST_WAIT = 0.5
_LONGEST_BODY = 2**16
_ASKING_SECONDS = 10.0
_FAREWELL_SECONDS = 0.05
# no token of any vocabulary is longer on average
_CHARACTERS_PER_TOKEN = 64


class Generator:
    """Speaks with the generator at ``place``.

    ``resolve`` replaces the name server, ``exchanges`` the network, both for tests.
    """

    def __init__(
        self, place: Place, *, resolve: Resolve = resolved, exchanges: Exchanges | None = None
    ) -> None:
        try:
            address = service_address(place.url)
        except ValueError as error:
            raise UsageError(f"generator.url cannot be used: {error}") from error
        self.place = place
        self._speech = speech_of(place)
        self._where = f"the generator at {address}"
        self._connections = exchanges or Connections(
            address, ca_certs=place.ca_certs, resolve=resolve
        )
        self._authorization = place.authorization
        self._budget = Budget(
            self._asked,
            model=place.model,
            context_tokens=place.context_tokens,
            told=place.protocol != "elasticsearch",
        )
        self._folds = False

    @property
    def model(self) -> str:
        """The model or adapter that is asked for."""
        return self.place.inference_id or self.place.model

    def as_caller(self, authorization: str) -> Generator:
        """The same generator, its connections and limits shared, called with other credentials.

        For the cluster's endpoints, where each caller has rights of his own.
        """
        other = object.__new__(Generator)
        other.__dict__.update(self.__dict__)
        other._authorization = authorization
        return other

    def limits(self) -> Limits:
        """What the server takes; kept for minutes."""
        return self._budget.limits()

    def budget(self, max_tokens: int | None = None) -> int:
        """Tokens that a prompt may have when the answer may have ``max_tokens``."""
        return self.limits().input_budget(max_tokens or self.place.max_new_tokens)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of the messages, counted by the server where it counts."""
        return self._budget.count(messages)

    def health(self) -> int:
        """The status with which it says how it is; raises UnavailableError when nobody is there."""
        path = "/" if self.place.protocol == "elasticsearch" else "/health"
        limit = Limit.after(
            self.place.connect_timeout, "it was asked how it is", "generator.connect_timeout"
        )
        try:
            with self._connections.exchange(
                "GET", path, connect=limit, answer=limit, headers=self._headers("*/*")
            ) as reply:
                reply.read(_LONGEST_BODY)
                return reply.status
        except (TooSlowError, BrokenError) as error:
            raise self._explained(error, _Written(1)) from error

    def call(
        self, method: str, path: str, body: Any = None, *, seconds: float = _ASKING_SECONDS
    ) -> tuple[int, Any]:
        """A request other than a stream: the status, and the JSON of the answer, None for others.

        Raises what a refusal of credentials, too many requests and a failing server mean.
        """
        limit = Limit.after(seconds, "it was asked", "generator.first_token_timeout")
        try:
            with self._connections.exchange(
                method,
                path,
                body,
                connect=self._connecting(),
                answer=limit,
                headers=self._headers("application/json"),
            ) as reply:
                status, words = reply.status, reply.read()
                retry_after = reply.header("retry-after")
        except (TooSlowError, BrokenError) as error:
            raise self._explained(error, _Written(1)) from error
        if status in (401, 403, 429) or status >= 500:
            raise refusal(self._where, status, words, retry_after=retry_after)
        try:
            return status, json.loads(words)
        except (ValueError, RecursionError):
            return status, None

    def close(self) -> None:
        """Close the connections that are idle."""
        self._connections.close()

    def __enter__(self) -> Generator:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def stream(
        self,
        messages: Sequence[Message],
        *,
        cancel: Cancellation | None = None,
        max_tokens: int | None = None,
        on_sent: Callable[[], None] | None = None,
    ) -> Yielding[Piece, None, None]:
        """Yield the answer piece by piece.

        ``on_sent`` is called once the request is on its way, before anything is awaited; with every
        try anew.
        Raises IncompleteError when it breaks off, and before its first piece: BusyError,
        FailedError, TooLongError (a shorter prompt may do) and what else ``esrag.errors`` has;
        CancelledError when it was called off.  Closing the iterator ends the generation.
        """
        tokens = max_tokens or self.place.max_new_tokens
        total = Limit.after(
            self.place.total_timeout, "an answer was generated", "generator.total_timeout"
        )
        tried = 0
        while True:
            tried += 1
            try:
                # errors that are caught here come before the first piece only
                yield from self._attempt(messages, tokens, total, cancel, on_sent)
            except (BusyError, FailedError) as error:
                self._wait_for_next(error, tried, total, cancel)
            except NoSystemTurnError:
                if self._folds:
                    raise
                self._folds = True
            else:
                return

    def _wait_for_next(
        self,
        error: BusyError | FailedError,
        tried: int,
        total: Limit,
        cancel: Cancellation | None,
    ) -> None:
        """Sleep before the next try; raises the error when there is none."""
        if tried >= min(_TRIES[type(error)], self.place.tries):
            raise error
        asked = error.wait if isinstance(error, BusyError) else 0.0
        # jitter, so that clients refused together do not return together
        seconds = max(asked, random.uniform(0.1, _FIRST_WAIT * 2**tried))  # noqa: S311
        if seconds >= total.left:
            raise error
        if cancel is None:
            time.sleep(seconds)
        else:
            cancel.wait(seconds)
            cancel.check()

    def _attempt(
        self,
        messages: Sequence[Message],
        max_tokens: int,
        total: Limit,
        cancel: Cancellation | None,
        on_sent: Callable[[], None] | None,
    ) -> Iterator[Piece]:
        """One request and its pieces."""
        place = self.place
        if self._folds:
            messages = folded(messages)
        text = self._templated(messages) if self._speech.wants_text else ""
        sending = self._speech.request(messages, max_tokens=max_tokens, text=text)
        first = Limit.after(
            place.first_token_timeout,
            "the first token was awaited",
            "generator.first_token_timeout",
        ).or_earlier(total)
        written = _Written(max_tokens)
        try:
            with self._connections.exchange(
                "POST",
                sending.path,
                sending.body,
                connect=self._connecting(),
                answer=first,
                headers=self._headers("text/event-stream"),
                stop=cancel,
                on_sent=on_sent,
            ) as reply:
                self._check(reply)
                for piece in self._pieces(reply, written):
                    yield piece
                    # from now on, since the reader's own work is no delay of the server
                    if written.begun:
                        reply.limit = Limit.after(
                            place.token_timeout, "the next token was awaited", _NEXT_SETTING
                        ).or_earlier(total)
        except (TooSlowError, BrokenError, EventError, ErrorEvent) as error:
            raise self._explained(error, written) from error

    def _pieces(self, reply: Reply, written: _Written) -> Iterator[Piece]:
        """The pieces of an answer, as far as they are wanted; EventError when it ends early."""
        events = EventStream()
        for part in reply.parts():
            for event in events.feed(part):
                piece = self._speech.piece(event)
                if piece is None and written.finished:
                    _say_farewell(reply)
                    return
                if piece is None:
                    raise EventError("it ended without saying why")
                written.add(piece)
                if written.is_too_long:
                    yield replace(piece, text="", finish_reason="length")
                    return
                if piece.text or piece.finish_reason or piece.prompt_tokens:
                    yield piece
                if piece.finish_reason and not self._speech.ends_with_done:
                    _say_farewell(reply)
                    return
        if not written.finished or not reply.is_whole:
            raise EventError("the stream ended before the answer was complete")

    def _check(self, reply: Reply) -> None:
        """Raise what an answer means that is no stream."""
        if reply.status != 200:
            body = reply.read(_LONGEST_BODY)
            raise refusal(self._where, reply.status, body, retry_after=reply.header("retry-after"))
        kind = reply.header("content-type").partition(";")[0].strip().lower()
        if kind != "text/event-stream":
            words = error_text(reply.read(_LONGEST_BODY))
            raise UsageError(
                f"{self._where} does not stream: it sent {kind or 'something'}: {words[:200]}",
                hint="Is generator.url the address of a generator, and generator.protocol its own?",
            )

    def _explained(self, error: Exception, written: _Written) -> EsragError:
        """What an error in the middle means for who waits for the answer."""
        if isinstance(error, ErrorEvent) and not written.begun:
            return event_refusal(self._where, error.data)
        hint = ""
        if isinstance(error, TooSlowError):
            what = f"{self._where} did not answer in time: {error}"
            hint = f"It may be overloaded; try again, or raise {error.limit.setting}."
        elif isinstance(error, BrokenError) and not error.connected:
            what = f"{self._where} cannot be reached: {error}"
            hint = "Is it running? For the local stack: esrag local status"
            if isinstance(error.__cause__, ssl.SSLError):
                hint = "Name its authority as generator.ca_certs, or does it speak no TLS?"
        elif isinstance(error, ErrorEvent):
            what = f"{self._where} stopped with an error: {error_text(error.data)}"
        else:
            what = f"the stream of {self._where} broke: {error}"
        if written.begun:
            return IncompleteError(what, text=written.text, hint=hint)
        if isinstance(error, BrokenError):
            return FailedError(what, hint=hint or "Try again in a moment, or look into its log.")
        return UnavailableError(what, hint=hint)

    def _templated(self, messages: Sequence[Message]) -> str:
        """The prompt as one text, by the template of the model where it has one."""
        return without_beginning(self._budget.templated(messages)) or plain_text(messages)

    def _asked(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """A short request beside the generation: its status and JSON."""
        return self.call(
            method, path, body, seconds=min(_ASKING_SECONDS, self.place.first_token_timeout)
        )

    def _connecting(self) -> Limit:
        return Limit.after(self.place.connect_timeout, "connecting", "generator.connect_timeout")

    def _headers(self, accept: str) -> dict[str, str]:
        login = {"Authorization": self._authorization} if self._authorization else {}
        return {"Accept": accept, **login}


_NEXT_SETTING = "generator.token_timeout"


class _Written:
    """What has arrived of an answer, and whether it is more than was asked for."""

    def __init__(self, max_tokens: int) -> None:
        self._max_tokens = max_tokens
        self._parts: list[str] = []
        self._characters = 0
        self.finished = False

    def add(self, piece: Piece) -> None:
        if piece.text:
            self._parts.append(piece.text)
            self._characters += len(piece.text)
        self.finished = self.finished or bool(piece.finish_reason)

    @property
    def begun(self) -> bool:
        return bool(self._parts) or self.finished

    @property
    def text(self) -> str:
        return "".join(self._parts)

    @property
    def is_too_long(self) -> bool:
        """A piece has a token at least; a server that sends more does not keep to the limit."""
        return (
            len(self._parts) > self._max_tokens
            or self._characters > self._max_tokens * _CHARACTERS_PER_TOKEN
        )


def _say_farewell(reply: Reply) -> None:
    """Read the end of the body, so that the connection can be used again; it is there already."""
    reply.limit = Limit.after(_FAREWELL_SECONDS, "the stream ended", "")
    with suppress(TooSlowError, BrokenError):
        for _ in reply.parts():
            pass
