"""How one answer comes about: retrieve, generate, verify, else quote, else refuse.

    asked ─ standalone ─► question ─ retrieve ─► hits ─┬─ judge ──────► below the threshold: refusal
                                                       └─ generate ──► sentences ─ verify ─► answer
                                    nothing of it may be shown ─► quotes;  no quotes ─► refusal

A generated sentence is shown only if a passage supports it and the supporting words are among
those that would be quoted; so what a reader sees is either backed, or the documents' own words,
or a refusal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace

from esrag.answering.course import NOT_NEEDED, OFF, Course, counted
from esrag.answering.drafting import Draft
from esrag.answering.events import Retrieved, Rewritten
from esrag.answering.judging import Judging
from esrag.answering.parts import Choices, Generator, GeneratorFailedError, Retrieve
from esrag.answering.showing import Numbers
from esrag.calibration import Calibration
from esrag.conversation import LONGEST_REWRITTEN, standalone
from esrag.errors import EsragError, UnavailableError
from esrag.generation.cancelling import CancelledError
from esrag.prompting import REFUSAL
from esrag.quoting import Assessment, Embed, assess, gate
from esrag.types import Answer, Asked, Found, Message, Query, Sentence
from esrag.verification import Entails

BELOW = "below the threshold"


class Asking:
    """One question on its way to its answer; ``answer`` it once."""

    def __init__(
        self,
        asked: Asked,
        course: Course,
        *,
        retrieve: Retrieve,
        embed: Embed,
        generator: Generator | None,
        limits: Callable[[], Calibration],
        choices: Choices,
        entails: Entails | None = None,
    ) -> None:
        self._asked = asked
        self._course = course
        self._retrieve = retrieve
        self._embed = embed
        self._generator = generator
        self._choices = choices
        self._read_limits = limits
        self._entails = entails
        self._limits = Calibration()

    def answer(self) -> Answer:
        """The answer, told as it comes about."""
        asked, course = self._asked, self._course
        question = self._question()
        found = self._found(question)
        self._limits = self._read_limits()
        answer = Answer(
            asked.question,
            "refused",
            (),
            found.hits,
            degraded=found.degraded,
            notes=found.notes,
            standalone=question if question != asked.question else "",
            threshold=self._limits.threshold,
            model=self._generator.model if self._generator else "",
            filters=asked.filters,
        )
        judging = Judging(lambda: self._assessed(question, found))
        if self._generator is None:
            course.steps["generate"] = course.steps["verify"] = OFF
            return self._quoted(answer, judging.result(course.cancel))
        if not self._may_begin(question, found):
            assessed = judging.result(course.cancel)
            if self._is_refused(assessed):
                course.steps["generate"] = course.steps["verify"] = NOT_NEEDED
                return self._refusal(answer, assessed)
        return self._generated(answer, question, judging, self._generator)

    def _question(self) -> str:
        """The question to search for: of its own, whatever was said before."""
        asked, course = self._asked, self._course
        if not asked.history:
            course.steps["rewrite"] = NOT_NEEDED
            return asked.question
        way = self._choices.rewrite
        if way == "off":
            course.steps["rewrite"] = OFF
            return asked.question
        with course.step("rewrite"):
            complete = self._complete if self._generator and way != "words" else None
            rewritten = standalone(
                asked.question, asked.history, complete=complete, always=way == "generator"
            )
        course.steps["rewrite"] = rewritten.how
        if rewritten.text != asked.question:
            course.tell(Rewritten(rewritten.text))
        return rewritten.text

    def _complete(self, messages: Sequence[Message]) -> str:
        """What the generator says to messages, whole."""
        generator = self._generator
        if generator is None:
            raise TypeError("there is no generator")
        stream = generator.stream(
            messages, cancel=self._course.cancel, max_tokens=LONGEST_REWRITTEN
        )
        with closing(stream) as pieces:
            return "".join(piece.text for piece in pieces)

    def _found(self, question: str) -> Found:
        chosen, course = self._choices, self._course
        query = Query(
            question,
            chosen.size,
            filters=self._asked.filters,
            per_source=chosen.per_source,
            facets=chosen.facets,
            explain=chosen.explain,
        )
        with course.step("retrieve") as facts:
            found = self._retrieve(query)
            facts["esrag.hits"] = len(found.hits)
            for name, seconds in found.seconds.items():
                if name == "rerank":
                    course.passed(name, seconds, {})
                else:
                    course.seconds[f"retrieve.{name}"] = seconds
        course.steps["retrieve"] = counted(len(found.hits), "hit")
        course.tell(Retrieved(found.hits, found.facets))
        return found

    def _assessed(self, question: str, found: Found) -> Assessment:
        """Whether the passages answer the question; may run in a thread of its own."""
        course = self._course
        with course.step("assess") as facts:
            assessed = assess(question, found.hits, embed=self._embed)
            facts["esrag.confidence"] = round(assessed.confidence, 4)
            facts["esrag.embedded"] = assessed.embedded
        limit = f", threshold {self._limits.threshold:.2f}" if self._choices.refuse else ""
        course.steps["assess"] = f"confidence {assessed.confidence:.2f}{limit}"
        return assessed

    def _may_begin(self, question: str, found: Found) -> bool:
        """Whether it is worth while to generate before the passages are judged."""
        chosen = self._choices
        return chosen.speculate and gate(question, found.hits[: chosen.passages])

    def _is_refused(self, assessed: Assessment) -> bool:
        """Whether the passages do not answer the question."""
        if not assessed.chosen:
            return True
        return self._choices.refuse and assessed.confidence < self._limits.threshold

    def _generated(
        self, answer: Answer, question: str, judging: Judging, generator: Generator
    ) -> Answer:
        """The answer of the generator, else what is said without it."""
        course = self._course
        draft = Draft(
            generator,
            course,
            self._choices,
            coverage=self._limits.coverage,
            entails=self._entails,
        )
        failure: EsragError | None = None
        cancel = course.cancel.child()

        def judged(assessed: Assessment | None) -> None:
            if assessed is None or self._is_refused(assessed):
                cancel.cancel(BELOW)

        def allowed() -> Assessment:
            assessed = judging.result(course.cancel)
            if self._is_refused(assessed):  # the stream may not have been cancelled yet
                raise CancelledError(BELOW)
            return assessed

        judging.when_done(judged)
        try:
            draft.write(question, answer, allowed, cancel=cancel, on_sent=judging.begin)
        except CancelledError:
            course.cancel.check()
        except EsragError as error:
            failure = error
        assessed = judging.result(course.cancel)
        answer = draft.added_to(answer)
        if self._is_refused(assessed):
            course.steps["generate"] = f"thrown away: {BELOW}"
            course.steps["verify"] = NOT_NEEDED
            return self._refusal(answer, assessed)
        if failure is not None:
            raise self._failed(failure, answer, assessed)
        if answer.sentences:
            course.steps["quote"] = course.steps["refuse"] = NOT_NEEDED
            return course.finish(replace(answer, confidence=assessed.confidence))
        return self._quoted(answer, assessed)

    def _failed(self, failure: EsragError, answer: Answer, assessed: Assessment) -> EsragError:
        """The error to raise; one of the generator carries what can be said without it."""
        if not isinstance(failure, UnavailableError):
            return failure
        self._course.steps["generate"] = "failed"
        answer = replace(answer, complete=False, confidence=assessed.confidence)
        if not answer.sentences:
            answer = self._with_quotes(answer, assessed)
        error = GeneratorFailedError(failure, self._course.so_far(answer))
        error.__cause__ = failure
        return error

    def _quoted(self, answer: Answer, assessed: Assessment) -> Answer:
        """The passages' own sentences, else a refusal; told."""
        if self._is_refused(assessed):
            return self._refusal(answer, assessed)
        return self._finished(self._with_quotes(answer, assessed))

    def _with_quotes(self, answer: Answer, assessed: Assessment) -> Answer:
        steps = self._course.steps
        answer = replace(answer, confidence=assessed.confidence)
        if not self._choices.quote:
            steps["quote"], steps["refuse"] = OFF, "nothing to show"
            return replace(answer, kind="refused", sentences=(Sentence(REFUSAL, ()),))
        numbers = Numbers()
        shown = tuple(
            Sentence(quote.text, (numbers.cite(quote.hit, quote.start, quote.end),))
            for quote in assessed.chosen
        )
        steps["quote"], steps["refuse"] = counted(len(shown), "quote"), NOT_NEEDED
        return replace(answer, kind="quoted", sentences=shown)

    def _refusal(self, answer: Answer, assessed: Assessment) -> Answer:
        steps = self._course.steps
        steps["quote"] = NOT_NEEDED
        steps["refuse"] = BELOW if assessed.chosen else "nothing was found"
        refusal = (Sentence(REFUSAL, ()),)
        return self._finished(
            replace(answer, kind="refused", sentences=refusal, confidence=assessed.confidence)
        )

    def _finished(self, answer: Answer) -> Answer:
        for sentence in answer.sentences:
            self._course.show(sentence, answer.kind)
        return self._course.finish(answer)
