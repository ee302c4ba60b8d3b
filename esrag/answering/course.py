"""One answer under way: its id, who listens, whether it is still wanted, its steps and times."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from esrag.answering.events import Finished, OnEvent, Told
from esrag.answering.parts import GeneratorFailedError
from esrag.errors import EsragError
from esrag.generation.cancelling import Cancellation
from esrag.observing.observing import Facts, Observing
from esrag.types import Answer, AnswerKind, Asked, Sentence

Keep = Callable[[Answer, EsragError | None], None]

STEPS = ("rewrite", "retrieve", "assess", "prompt", "generate", "verify", "quote", "refuse")
NOT_REACHED = "not reached"
NOT_NEEDED = "not needed"
OFF = "switched off"


class Course:
    """``steps`` says of each step how it ended; one that never began is ``not reached``."""

    def __init__(
        self,
        tell: OnEvent,
        cancel: Cancellation,
        observing: Observing,
        *,
        keep: Keep | None = None,
    ) -> None:
        self.id = uuid.uuid4().hex
        self.tell = tell
        self.cancel = cancel
        self.observing = observing
        self.steps = dict.fromkeys(STEPS, NOT_REACHED)
        self.seconds: dict[str, float] = {}
        self._keep = keep
        self._facts: Facts = {}
        self._began = time.monotonic()

    @contextmanager
    def whole(self, asked: Asked) -> Iterator[None]:
        """Around the whole answer; a failure is told of too."""
        with self.observing.answering(self.id, asked) as self._facts:
            try:
                yield
            except GeneratorFailedError as error:
                self.observing.answered(error.fallback, self._facts)
                self.observing.failed(error.__cause__ or error)
                if self._keep is not None:
                    self._keep(error.fallback, error)
                raise
            except BaseException as error:
                self.observing.failed(error)
                raise

    @contextmanager
    def step(self, name: str) -> Iterator[Facts]:
        """Time a step of the answer, unless the answer is no longer wanted."""
        self.cancel.check()
        began = time.monotonic()
        try:
            with self.observing.step(name) as facts:
                yield facts
        except EsragError:
            self.steps[name] = "failed"
            raise
        finally:
            self.seconds[name] = time.monotonic() - began

    def passed(self, name: str, seconds: float, facts: Facts) -> None:
        """A step has ended that ran in the course of another one."""
        self.seconds[name] = seconds
        self.observing.passed(name, seconds, facts)

    def show(self, sentence: Sentence, kind: AnswerKind) -> None:
        """Tell of a sentence that may be shown."""
        self.seconds.setdefault("first_sentence", time.monotonic() - self._began)
        self.tell(Told(sentence, kind))

    def so_far(self, answer: Answer) -> Answer:
        """The answer with what is known of its course."""
        seconds = {**self.seconds, "total": time.monotonic() - self._began}
        return replace(answer, id=self.id, steps=dict(self.steps), seconds=seconds)

    def finish(self, answer: Answer) -> Answer:
        """The whole answer, told."""
        whole = self.so_far(answer)
        self.observing.answered(whole, self._facts)
        if self._keep is not None:
            self._keep(whole, None)
        self.tell(Finished(whole))
        return whole


def counted(number: int, noun: str) -> str:
    """A number with its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
