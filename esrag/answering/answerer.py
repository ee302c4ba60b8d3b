"""Answers a question: retrieve, generate, verify, else quote, else refuse.

    asked ─ standalone ─► question ─ retrieve ─► hits ─┬─ judge ──────► below the threshold: refusal
                                                       └─ generate ──► sentences ─ verify ─► answer
                                    nothing of it may be shown ─► quotes;  no quotes ─► refusal

A generated sentence is shown only if a passage supports it and the supporting words are among
those that would be quoted; so what a reader sees is either backed, or the documents' own words,
or a refusal.  This module knows neither Elasticsearch nor HTTP: it is handed functions.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from esrag.answering.course import NOT_NEEDED, OFF, Course, Keep, counted
from esrag.answering.drafting import Draft
from esrag.answering.events import OnEvent, Retrieved, Rewritten, nobody
from esrag.answering.judging import Judging
from esrag.answering.parts import Choices, Generator, GeneratorFailedError, Retrieve
from esrag.answering.showing import Numbers
from esrag.calibration import Calibration
from esrag.conversation import standalone
from esrag.errors import EsragError, UnavailableError
from esrag.generation.cancelling import Cancellation, CancelledError
from esrag.observing.observing import Observing
from esrag.prompting import REFUSAL
from esrag.quoting import Assessment, Embed, assess, gate
from esrag.types import Answer, Asked, Found, Query, Sentence

BELOW = "below the threshold"


@dataclass(frozen=True, slots=True)
class Answerer:
    """The parts of answering, put together by the caller; many threads may ask at once.

    ``generator`` is None when only quotes are wanted.  ``keep`` puts answers into the log.  No
    question leaves anything behind here.
    """

    retrieve: Retrieve
    embed: Embed
    generator: Generator | None = None
    calibration: Calibration = field(default_factory=Calibration)
    choices: Choices = field(default_factory=Choices)
    observing: Observing = field(default_factory=Observing)
    keep: Keep | None = None

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
        with course.whole(asked):
            return self._answer(asked, course)

    def confidence(self, question: str) -> float:
        """How well the passages answer ``question``: what is compared with the threshold."""
        found = self.retrieve(self._query(question, Asked(question)))
        return assess(question, found.hits, embed=self.embed).confidence

    def _answer(self, asked: Asked, course: Course) -> Answer:
        question = self._question(asked, course)
        found = self._found(question, asked, course)
        answer = Answer(
            asked.question,
            "refused",
            (),
            found.hits,
            degraded=found.degraded,
            notes=found.notes,
            standalone=question if question != asked.question else "",
            threshold=self.calibration.threshold,
            model=self.generator.model if self.generator else "",
        )
        judging = self._judging(question, found, course)
        if not judging.beside:
            assessed = judging.result()
            if self._refused(assessed):
                course.steps["generate"] = NOT_NEEDED
                return self._refusal(answer, assessed, course)
        if self.generator is None:
            course.steps["generate"] = course.steps["verify"] = OFF
            return self._quoted(answer, judging.result(), course)
        return self._generated(answer, question, judging, self.generator, course)

    def _question(self, asked: Asked, course: Course) -> str:
        """The question to search for: of its own, whatever was said before."""
        if not asked.history:
            course.steps["rewrite"] = NOT_NEEDED
            return asked.question
        with course.step("rewrite"):
            rewritten = standalone(asked.question, asked.history)
        course.steps["rewrite"] = rewritten.how
        if rewritten.text != asked.question:
            course.tell(Rewritten(rewritten.text))
        return rewritten.text

    def _query(self, question: str, asked: Asked) -> Query:
        chosen = self.choices
        return Query(
            question,
            chosen.size,
            filters=asked.filters,
            per_source=chosen.per_source,
            facets=chosen.facets,
            explain=chosen.explain,
        )

    def _found(self, question: str, asked: Asked, course: Course) -> Found:
        with course.step("retrieve") as facts:
            found = self.retrieve(self._query(question, asked))
            facts["esrag.hits"] = len(found.hits)
            for name, seconds in found.seconds.items():
                if name == "rerank":
                    course.passed(name, seconds, {})
                else:
                    course.seconds[f"retrieve.{name}"] = seconds
        course.steps["retrieve"] = f"{len(found.hits)} hits"
        course.tell(Retrieved(found.hits, found.facets))
        return found

    def _judging(self, question: str, found: Found, course: Course) -> Judging:
        """The judgement of the passages, begun; beside the generator when that is worth it."""

        def work() -> Assessment:
            with course.step("assess") as facts:
                assessed = assess(question, found.hits, embed=self.embed)
                facts["esrag.confidence"] = round(assessed.confidence, 4)
                facts["esrag.embedded"] = assessed.embedded
            limit = f", threshold {self.calibration.threshold:.2f}" if self.choices.refuse else ""
            course.steps["assess"] = f"confidence {assessed.confidence:.2f}{limit}"
            return assessed

        beside = (
            self.generator is not None
            and self.choices.speculate
            and gate(question, found.hits[: self.choices.passages])
        )
        return Judging(work, beside=beside)

    def _refused(self, assessed: Assessment) -> bool:
        """Whether the passages do not answer the question."""
        if not assessed.chosen:
            return True
        return self.choices.refuse and assessed.confidence < self.calibration.threshold

    def _generated(
        self,
        answer: Answer,
        question: str,
        judging: Judging,
        generator: Generator,
        course: Course,
    ) -> Answer:
        """The answer of the generator, else what is said without it."""
        draft = Draft(generator, course, self.choices, coverage=self.calibration.coverage)
        failure: EsragError | None = None
        cancel = course.cancel.child()

        def judged(assessed: Assessment | None) -> None:
            if assessed is None or self._refused(assessed):
                cancel.cancel(BELOW)

        def allowed() -> Assessment:
            assessed = judging.result()
            if self._refused(assessed):  # the stream may not have been cancelled yet
                raise CancelledError(BELOW)
            return assessed

        judging.when_done(judged)
        try:
            draft.write(question, answer, allowed, cancel)
        except CancelledError:
            course.cancel.check()
        except EsragError as error:
            failure = error
        assessed = judging.result()
        answer = draft.added_to(answer)
        if self._refused(assessed):
            course.steps["generate"] = f"thrown away: {BELOW}"
            course.steps["verify"] = NOT_NEEDED
            return self._refusal(answer, assessed, course)
        if failure is not None:
            raise self._failed(failure, answer, assessed, course)
        if answer.sentences:
            course.steps["quote"] = course.steps["refuse"] = NOT_NEEDED
            return course.finish(replace(answer, confidence=assessed.confidence))
        return self._quoted(answer, assessed, course)

    def _failed(
        self, failure: EsragError, answer: Answer, assessed: Assessment, course: Course
    ) -> EsragError:
        """The error to raise; one of the generator carries what can be said without it."""
        if not isinstance(failure, UnavailableError):
            return failure
        course.steps["generate"] = "failed"
        answer = replace(answer, complete=False, confidence=assessed.confidence)
        if not answer.sentences:
            answer = self._with_quotes(answer, assessed, course)
        error = GeneratorFailedError(failure, course.so_far(answer))
        error.__cause__ = failure
        return error

    def _quoted(self, answer: Answer, assessed: Assessment, course: Course) -> Answer:
        """The passages' own sentences, else a refusal; told."""
        if self._refused(assessed):
            return self._refusal(answer, assessed, course)
        answer = self._with_quotes(answer, assessed, course)
        return course.finish(_told(answer, course))

    def _with_quotes(self, answer: Answer, assessed: Assessment, course: Course) -> Answer:
        answer = replace(answer, confidence=assessed.confidence)
        if not self.choices.quote:
            course.steps["quote"] = OFF
            course.steps["refuse"] = "nothing to show"
            return replace(answer, kind="refused", sentences=(Sentence(REFUSAL, ()),))
        numbers = Numbers()
        shown = tuple(
            Sentence(quote.text, (numbers.cite(quote.hit, quote.start, quote.end),))
            for quote in assessed.chosen
        )
        course.steps["quote"] = counted(len(shown), "quote")
        course.steps["refuse"] = NOT_NEEDED
        return replace(answer, kind="quoted", sentences=shown)

    def _refusal(self, answer: Answer, assessed: Assessment, course: Course) -> Answer:
        course.steps["quote"] = NOT_NEEDED
        course.steps["refuse"] = BELOW if assessed.chosen else "nothing was found"
        answer = replace(
            answer,
            kind="refused",
            sentences=(Sentence(REFUSAL, ()),),
            confidence=assessed.confidence,
        )
        return course.finish(_told(answer, course))


def _told(answer: Answer, course: Course) -> Answer:
    for sentence in answer.sentences:
        course.show(sentence, answer.kind)
    return answer
