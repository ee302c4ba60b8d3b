"""Answers questions: the parts that it takes, for many threads at once.

How one answer comes about stands in ``asking``.  Neither knows Elasticsearch or HTTP: they are
handed functions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from esrag.answering.asking import Asking
from esrag.answering.course import Course, Keep
from esrag.answering.events import OnEvent, nobody
from esrag.answering.parts import Choices, Generator, Retrieve
from esrag.calibration import Calibration
from esrag.generation.cancelling import Cancellation
from esrag.observing.observing import Observing
from esrag.quoting import Embed, assess
from esrag.types import Answer, Asked, Query
from esrag.verification import Entails


@dataclass(frozen=True, slots=True)
class Answerer:
    """The parts of answering, put together by the caller; many threads may ask at once.

    ``generator`` is None when only quotes are wanted.  ``calibration`` may be a function, which is
    asked once something was retrieved.  ``keep`` puts answers into the log.  ``entails`` is another
    model that checks sentences.  No question leaves anything behind here.
    """

    retrieve: Retrieve
    embed: Embed
    generator: Generator | None = None
    calibration: Calibration | Callable[[], Calibration] = field(default_factory=Calibration)
    choices: Choices = field(default_factory=Choices)
    observing: Observing = field(default_factory=Observing)
    keep: Keep | None = None
    entails: Entails | None = None

    def answer(
        self,
        asked: Asked | str,
        *,
        on_event: OnEvent | None = None,
        cancel: Cancellation | None = None,
    ) -> Answer:
        """The answer; ``on_event`` hears of it as it comes about, in the thread that called.

        Raises GeneratorFailedError, which carries the best answer possible without the
        generator, when the generator cannot be reached or breaks off; CancelledError when it was
        cancelled from another thread.
        """
        asked = Asked(asked) if isinstance(asked, str) else asked
        course = Course(
            on_event or nobody, cancel or Cancellation(), self.observing, keep=self.keep
        )
        asking = Asking(
            asked,
            course,
            retrieve=self.retrieve,
            embed=self.embed,
            generator=self.generator,
            limits=self.limits,
            choices=self.choices,
            entails=self.entails,
        )
        with course.whole(asked):
            return asking.answer()

    def confidence(self, question: str) -> float:
        """How well the passages answer ``question``: what is compared with the threshold."""
        chosen = self.choices
        query = Query(question, chosen.size, per_source=chosen.per_source)
        return assess(question, self.retrieve(query).hits, embed=self.embed).confidence

    def limits(self) -> Calibration:
        """The thresholds."""
        return self.calibration() if callable(self.calibration) else self.calibration
