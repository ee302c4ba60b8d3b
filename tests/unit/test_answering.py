"""Answering: generate, verify, else quote, else refuse."""

import pytest

from esrag.answering import Answerer, Generator, GeneratorFailedError, joined, sources
from esrag.calibration import Calibration
from esrag.errors import UnavailableError
from esrag.generation.messages import IncompleteError
from esrag.prompting import REFUSAL
from esrag.testing import ScriptedGenerator, WordEmbedder, count_words, make_hit
from esrag.types import AnswerKind, Sentence

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


def answerer(generator: ScriptedGenerator | None, *, threshold: float = 0.5) -> Answerer:
    """An answerer over two fixed hits."""
    return Answerer(
        retrieve=lambda question: HITS,
        embed=WordEmbedder(),
        generator=Generator(generator, count_words, lambda: 2000) if generator else None,
        calibration=Calibration(threshold=threshold),
    )


def test_a_supported_sentence_is_shown_with_its_source() -> None:
    """What the generator wrote stands when the passage says the same."""
    answer = answerer(ScriptedGenerator("Aster 4.2.1 was released on March 3, 2026 [1].")).answer(
        QUESTION
    )
    assert answer.kind == "generated"
    assert answer.text == "Aster 4.2.1 was released on March 3, 2026."
    (citation,) = answer.sentences[0].citations
    assert citation.hit.text[citation.start : citation.end] == citation.quote
    assert sources(answer) == ((1, HITS[0]),)


def test_an_invented_date_is_dropped_and_the_passage_quoted_instead() -> None:
    """An unsupported sentence never reaches the reader."""
    answer = answerer(ScriptedGenerator("Aster 4.2.1 was released on May 9, 2026.")).answer(
        QUESTION
    )
    assert answer.kind == "quoted"
    assert answer.sentences[0].text == "Aster 4.2.1 was released on March 3, 2026."
    assert answer.dropped == ("Aster 4.2.1 was released on May 9, 2026.",)


def test_a_supported_sentence_beside_the_point_is_not_an_answer() -> None:
    """Support alone is not enough: the sentence must answer the question asked."""
    answer = answerer(ScriptedGenerator("The cafeteria opens at 8:00 [2].")).answer(QUESTION)
    assert answer.kind == "quoted"


def test_a_question_the_passages_do_not_answer_is_refused_without_generating() -> None:
    """Below the threshold nothing is generated and nothing is quoted."""
    generator = ScriptedGenerator("Anything.")
    answer = answerer(generator, threshold=0.8).answer("How heavy is a Borealis battery?")
    assert (answer.kind, answer.text) == ("refused", REFUSAL)
    assert generator.prompts == []


def test_without_a_generator_the_passages_are_quoted() -> None:
    """Quoting needs no generator."""
    assert answerer(None).answer(QUESTION).kind == "quoted"


@pytest.mark.parametrize(
    "error", [UnavailableError("down"), IncompleteError("broke off", text="Aster 4.2.1 w")]
)
def test_a_failing_generator_still_leaves_the_quotes(error: UnavailableError) -> None:
    """The failure is raised, and carries the answer that needs no generator."""
    with pytest.raises(GeneratorFailedError) as caught:
        answerer(ScriptedGenerator("Aster 4.2.1 w", fail=error)).answer(QUESTION)
    assert caught.value.fallback.kind == "quoted"
    assert caught.value.exit_code == 4


def test_sentences_are_told_as_they_are_released() -> None:
    """A listener sees every sentence once, with whose words it is."""
    told: list[tuple[str, AnswerKind]] = []

    def listen(sentence: Sentence, kind: AnswerKind) -> None:
        told.append((sentence.text, kind))

    text = "Aster 4.2.1 was released on March 3, 2026. [1] Aster 4.2.1 was released in Paris. [1]"
    answer = answerer(ScriptedGenerator(text)).answer(QUESTION, on_sentence=listen)
    assert told == [(sentence.text, "generated") for sentence in answer.sentences]
    assert len(told) == 1


def test_a_citation_behind_the_full_stop_belongs_to_the_sentence_before() -> None:
    """Models put the number after the stop as often as before it."""
    assert joined(["It is so.", "[1] Next one.", "[2]"]) == ["It is so. [1]", "Next one. [2]"]
