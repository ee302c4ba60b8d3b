"""What the generator writes for one answer, and what of it may be shown.

    prompt ─► stream ─► whole sentences ─► shown, or not, as soon as the passages are judged

The prompt is built and the stream begun without waiting for the judgement.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

from esrag.answering.course import OFF, Course, counted
from esrag.answering.parts import Choices, Generator
from esrag.answering.showing import Showing
from esrag.answering.writing import Writing
from esrag.generation.cancelling import Cancellation
from esrag.generation.pieces import TooLongError
from esrag.prompting import build
from esrag.quoting import Assessment
from esrag.types import Answer, AnswerKind, Prompt
from esrag.verification import Entails, Verifier

SHORTENED = "the generator took fewer passages than its limits say: the last one was left out"
UNCHECKED = "verification is switched off: nothing that was generated has been checked"


class Draft:
    """One generation.  ``write`` it once; ``added_to`` is right whenever that ends, and however."""

    def __init__(
        self,
        generator: Generator,
        course: Course,
        choices: Choices,
        *,
        coverage: float,
        entails: Entails | None = None,
    ) -> None:
        self._generator = generator
        self._course = course
        self._choices = choices
        self._coverage = coverage
        self._entails = entails
        self._prompt: Prompt | None = None
        self._writing = Writing()
        self._showing: Showing | None = None
        self._verifying = 0.0
        self._shortened = False

    def write(
        self,
        question: str,
        answer: Answer,
        allowed: Callable[[], Assessment],
        *,
        cancel: Cancellation,
        on_sent: Callable[[], None],
    ) -> None:
        """Have it written; sentences are told once ``allowed`` gives the judgement.

        ``on_sent`` is called when the generator has been asked.  A prompt that it finds too long
        is shortened once.
        """
        passages = self._choices.passages
        try:
            self._write(question, answer, passages, allowed, cancel, on_sent)
        except TooLongError:
            fitting = len(self._prompt.hits) if self._prompt else 0
            if fitting < 2:
                raise
            self._shortened = True
            self._write(question, answer, fitting - 1, allowed, cancel, on_sent)

    def _write(
        self,
        question: str,
        answer: Answer,
        passages: int,
        allowed: Callable[[], Assessment],
        cancel: Cancellation,
        on_sent: Callable[[], None],
    ) -> None:
        course = self._course
        prompt = self._prompt = self._build(question, answer, passages)
        showing = self._showing = Showing(
            Verifier(question, prompt.hits, coverage=self._coverage, entails=self._entails),
            prompt.hits,
            verify=self._choices.verify,
            show=lambda sentence: course.show(sentence, "generated"),
        )
        writing = self._writing = Writing()
        with course.step("generate") as facts:
            try:
                stream = self._generator.stream(prompt.messages, cancel=cancel, on_sent=on_sent)
                with closing(stream) as pieces:
                    for sentence in writing.sentences(pieces):
                        self._take(sentence, showing, allowed(), cancel)
            finally:
                facts |= course.observing.generation(prompt, self.added_to(answer))
                if writing.text:
                    course.seconds["first_token"] = writing.first_token
                    facts["gen_ai.response.time_to_first_chunk"] = writing.first_token
                self._tell_of_verifying(showing)
        ending = "out of tokens" if writing.ran_out else "finished"
        course.steps["generate"] = "cut off" if writing.cut_off else ending

    def added_to(self, answer: Answer) -> Answer:
        """``answer`` with what was written, and with what of it was told."""
        if self._prompt is None or self._showing is None:
            return answer
        writing, showing = self._writing, self._showing
        kind: AnswerKind = "generated" if showing.told else answer.kind
        notes = answer.notes
        if self._choices.verify == "off" and showing.told:
            notes = (*notes, UNCHECKED)
        if self._shortened:
            notes = (*notes, SHORTENED)
        return replace(
            answer,
            kind=kind,
            sentences=tuple(showing.told),
            dropped=showing.dropped,
            verdicts=tuple(showing.verdicts),
            generated_text=writing.text,
            prompt=self._prompt,
            prompt_tokens=writing.prompt_tokens or self._prompt.tokens,
            generated_tokens=writing.generated_tokens,
            notes=notes,
        )

    def _build(self, question: str, answer: Answer, passages: int) -> Prompt:
        course, generator = self._course, self._generator
        with course.step("prompt") as facts:
            prompt = build(
                question,
                answer.hits[:passages],
                budget=generator.budget(),
                count_tokens=generator.count_tokens,
                fence=secrets.token_hex(3),
            )
            facts |= {"esrag.passages": len(prompt.hits), "esrag.prompt.tokens": prompt.tokens}
        course.steps["prompt"] = f"{counted(len(prompt.hits), 'passage')}, {prompt.tokens} tokens"
        return prompt

    def _take(
        self, sentence: str, showing: Showing, assessed: Assessment, cancel: Cancellation
    ) -> None:
        cancel.check()
        began = time.monotonic()
        showing.take(sentence, assessed)
        self._verifying += time.monotonic() - began

    def _tell_of_verifying(self, showing: Showing) -> None:
        if self._choices.verify == "off":
            self._course.steps["verify"] = OFF
            return
        supported = sum(sentence.supported for sentence in showing.told)
        sentences = len(showing.verdicts)
        self._course.passed(
            "verify",
            self._verifying,
            {"esrag.sentences": sentences, "esrag.sentences.supported": supported},
        )
        self._course.steps["verify"] = (
            f"{supported} of {counted(sentences, 'sentence')} supported and shown"
        )
