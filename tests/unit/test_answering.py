"""Answering: generate, verify, else quote, else refuse."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from esrag.answering import Answerer, Choices, GeneratorFailedError, sources
from esrag.answering.events import Event, Finished, Retrieved, Rewritten, Told
from esrag.calibration import Calibration
from esrag.errors import EsragError, UnavailableError
from esrag.generation.cancelling import Cancellation, CancelledError
from esrag.generation.pieces import IncompleteError, TooLongError
from esrag.prompting import REFUSAL
from esrag.testing import ScriptedGenerator, WordEmbedder, make_hit
from esrag.types import Answer, Asked, Found, Query, Turn

HITS = (
    make_hit(
        "a",
        "Aster 4.2.1 was released on March 3, 2026. The export job is repaired.",
        title="Aster 4.2.1 release notes",
        rank=1,
    ),
    make_hit("b", "The cafeteria opens at 8:00.", title="Office guide", rank=2),
)
QUESTION = "When was Aster 4.2.1 released?"
SUPPORTED = "Aster 4.2.1 was released on March 3, 2026 [1]."
INVENTED = "Aster 4.2.1 was released on May 9, 2026."


def answerer(
    generator: ScriptedGenerator | None, *, threshold: float = 0.5, choices: Choices | None = None
) -> Answerer:
    """An answerer over two fixed hits."""
    return Answerer(
        retrieve=lambda query: Found(HITS),
        embed=WordEmbedder(),
        generator=generator,
        calibration=Calibration(threshold=threshold),
        choices=choices or Choices(),
    )


def test_a_supported_sentence_is_shown_with_its_source() -> None:
    """What the generator wrote stands when the passage says the same."""
    answer = answerer(ScriptedGenerator(SUPPORTED)).answer(QUESTION)
    assert answer.kind == "generated"
    assert answer.text == "Aster 4.2.1 was released on March 3, 2026."
    (citation,) = answer.sentences[0].citations
    assert citation.hit.text[citation.start : citation.end] == citation.quote
    assert sources(answer) == ((1, HITS[0]),)


def test_an_invented_date_is_dropped_and_the_passage_quoted_instead() -> None:
    """An unsupported sentence never reaches the reader."""
    answer = answerer(ScriptedGenerator(INVENTED)).answer(QUESTION)
    assert answer.kind == "quoted"
    assert answer.sentences[0].text == "Aster 4.2.1 was released on March 3, 2026."
    assert answer.dropped == (INVENTED,)
    assert [verdict.kind for verdict in answer.verdicts] == ["unsupported"]


def test_a_supported_sentence_beside_the_point_is_not_an_answer() -> None:
    """Support alone is not enough: the sentence must answer the question asked."""
    answer = answerer(ScriptedGenerator("The cafeteria opens at 8:00 [2].")).answer(QUESTION)
    assert answer.kind == "quoted"
    assert [verdict.kind for verdict in answer.verdicts] == ["beside the point"]


def test_a_question_the_passages_do_not_answer_is_refused_without_generating() -> None:
    """Below the threshold nothing is generated and nothing is quoted."""
    generator = ScriptedGenerator("Anything.")
    answer = answerer(generator, threshold=0.8).answer("How heavy is a Borealis battery?")
    assert (answer.kind, answer.text) == ("refused", REFUSAL)
    assert generator.prompts == []
    assert answer.steps["refuse"] == "below the threshold"


def test_without_a_generator_the_passages_are_quoted() -> None:
    """Quoting needs no generator."""
    answer = answerer(None).answer(QUESTION)
    assert answer.kind == "quoted"
    assert answer.steps["generate"] == "switched off"


@pytest.mark.parametrize(
    "error", [UnavailableError("down"), IncompleteError("broke off", text="Aster 4.2.1 w")]
)
def test_a_failing_generator_still_leaves_the_quotes(error: UnavailableError) -> None:
    """The failure is raised, and carries the answer that needs no generator."""
    with pytest.raises(GeneratorFailedError) as caught:
        answerer(ScriptedGenerator("Aster 4.2.1 w", fail=error)).answer(QUESTION)
    assert caught.value.fallback.kind == "quoted"
    assert not caught.value.fallback.complete
    assert caught.value.exit_code == 4


def test_what_was_told_before_a_stream_broke_is_the_answer_that_is_left() -> None:
    """A told sentence is never taken back, so the fallback is made of what was told."""
    text = f"{SUPPORTED} And then. It was said th"
    generator = ScriptedGenerator(text, fail=IncompleteError("broke off", text=text))
    told: list[Event] = []
    with pytest.raises(GeneratorFailedError) as caught:
        answerer(generator).answer(QUESTION, on_event=told.append)
    fallback = caught.value.fallback
    assert fallback.kind == "generated"
    assert [e.sentence for e in told if isinstance(e, Told)] == list(fallback.sentences)
    assert not fallback.complete


def test_events_come_in_order_and_each_sentence_once() -> None:
    """Passages first, then the sentences as they are released, then the whole."""
    told: list[Event] = []
    text = "Aster 4.2.1 was released on March 3, 2026. [1] Aster 4.2.1 was released in Paris. [1]"
    answer = answerer(ScriptedGenerator(text)).answer(QUESTION, on_event=told.append)
    assert told == [
        Retrieved(HITS),
        *(Told(sentence, "generated") for sentence in answer.sentences),
        Finished(answer),
    ]
    assert len(answer.sentences) == 1


def test_every_step_says_how_it_ended() -> None:
    """Nothing runs, or is left out, without being told."""
    answer = answerer(ScriptedGenerator(SUPPORTED)).answer(QUESTION)
    assert answer.steps == {
        "rewrite": "not needed",
        "retrieve": "2 hits",
        "assess": f"confidence {answer.confidence:.2f}, threshold 0.50",
        "prompt": f"2 passages, {answer.prompt.tokens if answer.prompt else 0} tokens",
        "generate": "finished",
        "verify": "1 of 1 sentence supported and shown",
        "quote": "not needed",
        "refuse": "not needed",
    }
    assert {"retrieve", "assess", "prompt", "first_token", "total"} <= set(answer.seconds)
    assert len(answer.id) == 32


def test_marking_shows_unsupported_sentences_as_such() -> None:
    """With verify=mark the reader sees the sentence, and that nothing supports it."""
    generator = ScriptedGenerator(f"{SUPPORTED} {INVENTED}")
    answer = answerer(generator, choices=Choices(verify="mark")).answer(QUESTION)
    assert [(s.supported, bool(s.citations)) for s in answer.sentences] == [
        (True, True),
        (False, False),
    ]


def test_without_verification_the_answer_says_so_and_claims_no_support() -> None:
    """With verify=off citations are the generator's own; those to nothing are dropped, counted."""
    generator = ScriptedGenerator("Aster 4.2.1 was released on May 9, 2026 [1][7].")
    answer = answerer(generator, choices=Choices(verify="off")).answer(QUESTION)
    (sentence,) = answer.sentences
    assert not sentence.supported
    assert [citation.hit.id for citation in sentence.citations] == ["a"]
    assert answer.invalid_citations == 1
    assert any("switched off" in note for note in answer.notes)


def test_without_quoting_an_answer_without_support_is_the_refusal() -> None:
    """The last step is never to show what nothing supports."""
    answer = answerer(ScriptedGenerator(INVENTED), choices=Choices(quote=False)).answer(QUESTION)
    assert (answer.kind, answer.text) == ("refused", REFUSAL)
    assert answer.steps["quote"] == "switched off"


def test_without_refusing_a_weak_question_gets_quotes() -> None:
    """With refuse off the threshold decides nothing."""
    answer = answerer(None, threshold=0.99, choices=Choices(refuse=False)).answer(QUESTION)
    assert answer.kind == "quoted"


class _LateEmbedder:
    """Embeds when it is let; until then the judgement is not there."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self._words = WordEmbedder()

    def __call__(self, texts: Sequence[str]) -> list[list[float]]:
        assert self.go.wait(10)
        return self._words(texts)


class _WaitingGenerator(ScriptedGenerator):
    """Lets the judgement be made only once the generator has been asked."""

    def __init__(self, text: str, embedder: _LateEmbedder) -> None:
        super().__init__(text)
        self._embedder = embedder

    def stream(  # type: ignore[no-untyped-def]
        self, messages, *, cancel=None, max_tokens=None, on_sent=None
    ):
        """The text, after letting the judgement go and giving it time."""
        on_sent()
        self._embedder.go.set()
        cancel.wait(0.2)
        yield from super().stream(messages, cancel=cancel, max_tokens=max_tokens)


def test_the_generator_begins_while_the_passages_are_judged() -> None:
    """The stream is asked for before the judgement is there, and nothing is told before it is."""
    embedder = _LateEmbedder()
    speculating = Answerer(
        retrieve=lambda query: Found(HITS),
        embed=embedder,
        generator=_WaitingGenerator(SUPPORTED, embedder),
        calibration=Calibration(threshold=0.5),
    )
    assert speculating.answer(QUESTION).kind == "generated"


def test_a_generation_begun_too_early_is_thrown_away() -> None:
    """Below the threshold the stream is closed and the reader sees the refusal alone."""
    embedder = _LateEmbedder()
    generator = _WaitingGenerator(SUPPORTED, embedder)
    told: list[Event] = []
    answer = Answerer(
        retrieve=lambda query: Found(HITS),
        embed=embedder,
        generator=generator,
        calibration=Calibration(threshold=1.1),
    ).answer(QUESTION, on_event=told.append)
    assert (answer.kind, answer.text) == ("refused", REFUSAL)
    assert [event.kind for event in told if isinstance(event, Told)] == ["refused"]
    assert answer.steps["generate"].startswith("thrown away")
    assert generator.closed == 1


def test_an_error_of_judging_is_not_lost_beside_the_generator() -> None:
    """What the cluster raised in the other thread reaches the caller."""

    def fail(texts: Sequence[str]) -> list[list[float]]:
        raise UnavailableError("the model is gone")

    broken = Answerer(
        retrieve=lambda query: Found(HITS), embed=fail, generator=ScriptedGenerator(SUPPORTED)
    )
    with pytest.raises(UnavailableError, match="the model is gone"):
        broken.answer(QUESTION)


def test_nothing_is_judged_beside_before_the_generator_was_asked() -> None:
    """Judging takes processor time, which must not delay the request."""
    order: list[str] = []

    class Noting(ScriptedGenerator):
        def stream(self, messages, **more):  # type: ignore[no-untyped-def]
            order.append("asked")
            yield from super().stream(messages, **more)

    def embed(texts: Sequence[str]) -> list[list[float]]:
        order.append("judged")
        return WordEmbedder()(texts)

    Answerer(
        retrieve=lambda query: Found(HITS),
        embed=embed,
        generator=Noting(SUPPORTED),
        calibration=Calibration(threshold=0.5),
    ).answer(QUESTION)
    assert order == ["asked", "judged"]


def test_a_prompt_that_the_generator_finds_too_long_is_shortened_once() -> None:
    """The lowest-ranked passage is left out, and the answer says so."""

    class Small(ScriptedGenerator):
        def stream(self, messages, **more):  # type: ignore[no-untyped-def]
            if len(self.prompts) < 1:
                self.prompts.append(tuple(messages))
                raise TooLongError("too many tokens")
            yield from super().stream(messages, **more)

    generator = Small(SUPPORTED)
    answer = answerer(generator).answer(QUESTION)
    assert answer.kind == "generated"
    assert answer.prompt is not None
    assert [hit.id for hit in answer.prompt.hits] == ["a"]
    assert len(generator.prompts) == 2
    assert any("left out" in note for note in answer.notes)


def test_the_thresholds_may_be_known_only_after_retrieving() -> None:
    """The index notes them, and is read with the search."""
    order: list[str] = []

    def retrieve(query: object) -> Found:
        order.append("retrieved")
        return Found(HITS)

    def limits() -> Calibration:
        order.append("limits")
        return Calibration(threshold=0.99)

    answer = Answerer(retrieve=retrieve, embed=WordEmbedder(), calibration=limits).answer(QUESTION)
    assert order == ["retrieved", "limits"]
    assert (answer.kind, answer.threshold) == ("refused", 0.99)


def test_cancelling_ends_the_generation() -> None:
    """Once nobody waits any more, the stream is closed and nothing further is told."""
    cancel = Cancellation()
    told: list[Event] = []

    def listen(event: Event) -> None:
        told.append(event)
        cancel.cancel("the client left")

    generator = ScriptedGenerator(SUPPORTED)
    with pytest.raises(CancelledError):
        answerer(generator).answer(QUESTION, on_event=listen, cancel=cancel)
    assert told == [Retrieved(HITS)]


def test_who_leaves_does_not_wait_for_the_judgement() -> None:
    """A cluster that hangs while sentences are embedded holds nobody."""
    embedder = _LateEmbedder()
    cancel = Cancellation()

    class Leaving(ScriptedGenerator):
        def stream(self, messages, **more):  # type: ignore[no-untyped-def]
            yield from super().stream(messages, **more)
            cancel.cancel("the client left")

    waiting = Answerer(
        retrieve=lambda query: Found(HITS), embed=embedder, generator=Leaving(SUPPORTED)
    )
    with pytest.raises(CancelledError):
        waiting.answer(QUESTION, cancel=cancel)
    embedder.go.set()


def test_many_threads_ask_one_answerer() -> None:
    """Answers of one question at a time and of many at once are the same."""
    shared = answerer(ScriptedGenerator(SUPPORTED))
    alone = shared.answer(QUESTION)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(shared.answer, [QUESTION] * 24))
    assert all(answer.sentences == alone.sentences for answer in answers)
    assert len({answer.id for answer in answers}) == 24


def test_a_follow_up_is_searched_and_prompted_as_a_question_of_its_own() -> None:
    """The search, the prompt and the judgement see it; the reader is told of it."""
    searched: list[str] = []

    def retrieve(query: Query) -> Found:
        searched.append(query.text)
        return Found(HITS)

    generator = ScriptedGenerator(SUPPORTED)
    told: list[Event] = []
    asked = Asked("And 4.2.1?", history=(Turn("When was Aster 4.2.0 released?", "In 2025."),))
    answer = Answerer(
        retrieve=retrieve,
        embed=WordEmbedder(),
        generator=generator,
        calibration=Calibration(threshold=0.5),
        choices=Choices(rewrite="words"),
    ).answer(asked, on_event=told.append)
    assert searched == [QUESTION]
    assert told[0] == Rewritten(QUESTION)
    assert QUESTION in generator.prompts[0][-1].content
    assert (answer.question, answer.standalone) == ("And 4.2.1?", QUESTION)
    assert answer.steps["rewrite"] == "by words of the turns before"
    assert answer.kind == "generated"


def test_rewriting_can_be_switched_off() -> None:
    """Then what was typed is searched."""
    asked = Asked("And 4.2.1?", history=(Turn("When was Aster 4.2.0 released?", "In 2025."),))
    answer = answerer(None, choices=Choices(rewrite="off")).answer(asked)
    assert (answer.standalone, answer.steps["rewrite"]) == ("", "switched off")


def test_answers_are_kept_and_so_is_what_is_left_of_a_failure() -> None:
    """Whole before they are told as finished, and with the error that cut them short."""
    kept: list[tuple[Answer, EsragError | None]] = []
    good = replace(answerer(None), keep=lambda answer, error: kept.append((answer, error)))
    whole = good.answer(QUESTION)
    broken = replace(good, generator=ScriptedGenerator("As", fail=UnavailableError("down")))
    with pytest.raises(GeneratorFailedError) as caught:
        broken.answer(QUESTION)
    assert kept == [(whole, None), (caught.value.fallback, caught.value)]
