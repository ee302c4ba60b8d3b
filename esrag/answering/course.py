"""One answer under way: its id, who listens, whether it is still wanted, its steps and times."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from esrag.answering.events import Finished, OnEvent, Told
from esrag.errors import EsragError
from esrag.generation.cancelling import Cancellation
from esrag.types import Answer, AnswerKind, Sentence

STEPS = ("rewrite", "retrieve", "assess", "prompt", "generate", "verify", "quote", "refuse")
NOT_REACHED = "not reached"
NOT_NEEDED = "not needed"
OFF = "switched off"


class Course:
    """``steps`` says of each step how it ended; one that never began is ``not reached``."""

    def __init__(self, tell: OnEvent, cancel: Cancellation) -> None:
        self.id = uuid.uuid4().hex
        self.tell = tell
        self.cancel = cancel
        self.steps = dict.fromkeys(STEPS, NOT_REACHED)
        self.seconds: dict[str, float] = {}
        self._began = time.monotonic()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step of the answer, unless the answer is no longer wanted."""
        self.cancel.check()
        began = time.monotonic()
        try:
            yield
        except EsragError:
            self.steps[name] = "failed"
            raise
        finally:
            self.seconds[name] = time.monotonic() - began

    def show(self, sentence: Sentence, kind: AnswerKind) -> None:
        """Tell of a sentence that may be shown."""
        self.tell(Told(sentence, kind))

    def so_far(self, answer: Answer) -> Answer:
        """The answer with what is known of its course."""
        seconds = {**self.seconds, "total": time.monotonic() - self._began}
        return replace(answer, id=self.id, steps=dict(self.steps), seconds=seconds)

    def finish(self, answer: Answer) -> Answer:
        """The whole answer, told."""
        whole = self.so_far(answer)
        self.tell(Finished(whole))
        return whole
