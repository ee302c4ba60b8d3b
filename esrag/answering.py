"""Answers a question: retrieve, generate, verify, else quote, else refuse.

    question -> hits -> quotes -+- best below threshold ---------------> refusal
                                +- prompt -> sentences -> verified ----> generated answer
                                +- none verified ----------------------> quoted answer

A generated sentence is shown only if a passage supports it and the supporting words are among
those that would be quoted; so what a reader sees is either backed, or the documents' own words,
or a refusal.  This module knows neither Elasticsearch nor HTTP: it is handed functions.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from esrag.calibration import Calibration
from esrag.errors import UnavailableError
from esrag.generation.messages import IncompleteError, Piece
from esrag.prompting import REFUSAL, CountTokens, build
from esrag.quoting import Assessment, Embed, assess
from esrag.sentences import sentences
from esrag.types import Answer, AnswerKind, Citation, Hit, Message, Sentence, Verdict
from esrag.verification import Verifier

Retrieve = Callable[[str], tuple[Hit, ...]]
Stream = Callable[[Sequence[Message]], Iterator[Piece]]

MOST_SENTENCES = 3


@dataclass(frozen=True, slots=True)
class Generator:
    """What answering needs of a generator: its stream, its token counts, its input budget.

    ``budget`` is called only when a prompt is built, so that a refusal needs no generator.
    """

    stream: Stream
    count_tokens: CountTokens
    budget: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Answerer:
    """The parts of answering, put together by the caller.

    ``generator`` is None when only quotes are wanted.  ``passages`` is how many hits the prompt
    may hold; more hits than that are still searched for quotes.  ``degraded`` tells, after
    retrieving, what that had to do without.
    """

    retrieve: Retrieve
    embed: Embed
    generator: Generator | None = None
    calibration: Calibration = field(default_factory=Calibration)
    passages: int = 5
    degraded: Callable[[], str] = lambda: ""

    def answer(
        self, question: str, *, on_sentence: Callable[[Sentence, AnswerKind], None] | None = None
    ) -> Answer:
        """The answer; ``on_sentence`` sees each sentence, and whose words it is, as soon as it may
        be shown.

        Raises GeneratorFailedError, which carries the best answer possible without the
        generator, when the generator cannot be reached or breaks off.
        """
        tell = on_sentence or _nobody
        clock = _Clock()
        hits = self.retrieve(question)
        clock.lap("retrieve")
        found = assess(question, hits, embed=self.embed)
        clock.lap("rank")
        answer = Answer(
            question,
            "refused",
            (),
            hits,
            confidence=found.confidence,
            degraded=self.degraded(),
            seconds=clock.laps,
        )
        if found.confidence < self.calibration.threshold:
            return _told(replace(answer, sentences=(Sentence(REFUSAL, ()),)), tell)
        if self.generator is None:
            return _told(self._quoted(answer, found), tell)
        try:
            answer = self._generated(answer, found, tell)
        except UnavailableError as error:
            fallback = self._quoted(replace(answer, seconds=clock.laps), found)
            raise GeneratorFailedError(error, fallback) from error
        clock.lap("generate")
        if answer.sentences:
            return replace(answer, kind="generated", seconds=clock.laps)
        return _told(replace(self._quoted(answer, found), seconds=clock.laps), tell)

    def confidence(self, question: str) -> float:
        """How well the passages answer ``question``: what is compared with the threshold."""
        return assess(question, self.retrieve(question), embed=self.embed).confidence

    def _quoted(self, answer: Answer, found: Assessment) -> Answer:
        numbers = _Numbers()
        shown = tuple(
            Sentence(quote.text, (numbers.cite(quote.hit, quote.start, quote.end),))
            for quote in found.chosen
        )
        return replace(answer, kind="quoted", sentences=shown)

    def _generated(
        self,
        answer: Answer,
        found: Assessment,
        tell: Callable[[Sentence, AnswerKind], None],
    ) -> Answer:
        """``answer`` with the generated sentences that survived, told one by one."""
        generator = self.generator
        if generator is None:
            raise TypeError("there is no generator")
        prompt = build(
            answer.question,
            answer.hits[: self.passages],
            budget=generator.budget(),
            count_tokens=generator.count_tokens,
            fence=secrets.token_hex(3),
        )
        verifier = Verifier(answer.question, prompt.hits, coverage=self.calibration.coverage)
        verdicts: list[Verdict] = []
        kept: list[Sentence] = []
        told = 0
        numbers, writing = _Numbers(), _Writing()
        for sentence in writing.sentences(generator.stream(prompt.messages)):
            verdict = found.judged(verifier.verdict(sentence))
            verdicts.append(verdict)
            if verdict.kind == "supported":
                kept.append(_shown(verdict, numbers))
            # told as soon as the sentences so far say as much as the quotes would
            if found.equalled_by(verdicts):
                for released in kept[told:]:
                    tell(released, "generated")
                told = len(kept)
        dropped = [verdict.text for verdict in verdicts if verdict.kind != "supported"]
        dropped += [sentence.text for sentence in kept[told:]]
        return replace(
            answer,
            sentences=tuple(kept[:told]),
            dropped=tuple(dropped),
            verdicts=tuple(verdicts),
            generated_text=writing.text,
            prompt_tokens=writing.prompt_tokens or prompt.tokens,
            generated_tokens=writing.generated_tokens,
        )


class GeneratorFailedError(UnavailableError):
    """The generator failed; ``fallback`` is the quoted answer that needs no generator."""

    def __init__(self, cause: UnavailableError, fallback: Answer) -> None:
        super().__init__(cause.message, hint=cause.hint)
        self.fallback = fallback
        self.partial_text = cause.text if isinstance(cause, IncompleteError) else ""


def sources(answer: Answer) -> tuple[tuple[int, Hit], ...]:
    """The cited hits with their numbers, in the order of the numbers."""
    found = {c.number: c.hit for sentence in answer.sentences for c in sentence.citations}
    return tuple(sorted(found.items()))


def _shown(verdict: Verdict, numbers: _Numbers) -> Sentence:
    """The sentence to show for a verdict that has support."""
    support = verdict.support
    citations = (numbers.cite(support.hit, support.start, support.end),) if support else ()
    return Sentence(verdict.text, citations)


def _told(answer: Answer, tell: Callable[[Sentence, AnswerKind], None]) -> Answer:
    for sentence in answer.sentences:
        tell(sentence, answer.kind)
    return answer


def _nobody(sentence: Sentence, kind: AnswerKind) -> None:
    """Listens to sentences and does nothing."""
    del sentence, kind


class _Numbers:
    """Gives each cited hit its number, 1 for the first."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def cite(self, hit: Hit, start: int, end: int) -> Citation:
        number = self._numbers.setdefault(hit.id, len(self._numbers) + 1)
        return Citation(number=number, hit=hit, quote=hit.text[start:end], start=start, end=end)


class _Clock:
    """Seconds spent per step."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, step: str) -> None:
        now = time.monotonic()
        self.laps[step] = now - self._last
        self._last = now


class _Writing:
    """Collects a stream and hands out its sentences as they become whole."""

    def __init__(self) -> None:
        self.text = ""
        self.prompt_tokens = 0
        self.generated_tokens = 0

    def sentences(self, pieces: Iterator[Piece]) -> Iterator[str]:
        """Each sentence once its end, and the citation that may follow it, have arrived.

        The prompt asks for few sentences; a generator that goes on is cut off, which also
        cancels its work.
        """
        done = 0
        for piece in pieces:
            if done >= MOST_SENTENCES:
                return
            self.text += piece.text
            self.prompt_tokens = piece.prompt_tokens or self.prompt_tokens
            self.generated_tokens = piece.generated_tokens or self.generated_tokens
            if not any(mark in piece.text for mark in ".!?\n"):
                continue
            # the last two may still grow: an abbreviation, or a citation behind the full stop
            whole = joined(sentences(self.text))[:-2]
            yield from whole[done:]
            done = max(done, len(whole))
        yield from joined(sentences(self.text))[done:MOST_SENTENCES]


def joined(parts: Sequence[str]) -> list[str]:
    """Sentences with a citation that stands alone behind the full stop put back to its sentence."""
    whole: list[str] = []
    for part in parts:
        head, bracket, rest = part.partition("]")
        if whole and bracket and head.startswith("[") and head[1:].replace(",", "").isdigit():
            whole[-1] = f"{whole[-1]} {head}]"
            part = rest.strip()
        if part:
            whole.append(part)
    return whole
