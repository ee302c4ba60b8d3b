"""Each kind of system replies with what a user of it would get."""

from __future__ import annotations

from dataclasses import replace

import pytest

from esrag.answering import Answerer
from esrag.answering.parts import Choices
from esrag.calibration import Calibration
from esrag.errors import UnavailableError
from esrag.evaluation.askers import Answering, ClosedBook, Retrieving
from esrag.evaluation.records import Reply
from esrag.generation.cancelling import Cancellation, CancelledError
from esrag.prompting import CLOSED_BOOK_SYSTEM
from esrag.questions import KnownQuestion
from esrag.testing import ScriptedGenerator, WordEmbedder, make_hit
from esrag.types import Found, Query

QUESTION = KnownQuestion("q", "Which port does the Marlow gateway use?", "fact", "test", "", (), ())
HITS = (
    replace(make_hit("m", "The Marlow gateway uses port 7443."), start=20, heading_path=("Ports",)),
    make_hit("c", "The cafeteria opens at 8:00.", rank=2),
)


def answerer(said: str | None, **chosen: object) -> Answerer:
    """One that finds both passages."""
    return Answerer(
        retrieve=lambda query: Found(HITS[: query.size]),
        embed=WordEmbedder(),
        generator=None if said is None else ScriptedGenerator(said),
        calibration=Calibration(threshold=0.1),
        choices=replace(Choices(), **chosen),  # type: ignore[arg-type]
    )


def reply(said: str | None, **chosen: object) -> Reply:
    """What the system replies."""
    asker = Answering("s", answerer(said, **chosen), lambda: True)
    return asker.ask(QUESTION, Cancellation())


def test_what_a_model_writes_is_kept_beside_what_is_shown() -> None:
    """Verification takes a sentence out; the reply has both texts, passages and citations."""
    said = "The Marlow gateway uses port 7443 [1]. It was built by Rembrandt [2]."
    found = reply(said)
    assert (found.status, found.text) == ("answered", "The Marlow gateway uses port 7443.")
    assert found.written == said
    assert [(cited.sentence, cited.chunk_id) for cited in found.cited] == [(0, "m")]
    assert [passage.chunk_id for passage in found.passages] == ["m", "c"]
    assert (found.passages[0].start, found.passages[0].heading_path) == (20, ("Ports",))
    assert (found.usage.prompt_tokens, found.usage.generated_tokens) == (10, 3)
    assert found.usage.seconds > 0


def test_as_written_nothing_is_taken_out() -> None:
    """What the model makes of passages, its inventions too, without the numbers."""
    found = reply(
        "It uses port 80 [1]. Rembrandt built it [7].", verify="off", refuse=False, quote=False
    )
    assert found.text == "It uses port 80. Rembrandt built it."
    assert [cited.chunk_id for cited in found.cited] == ["m"]


def test_a_model_that_declines_has_refused() -> None:
    """Its own words count as a refusal, as esrag's do."""
    found = reply(
        "The passages do not answer this question.", verify="off", refuse=False, quote=False
    )
    assert found.status == "refused"


def test_without_a_generator_passages_are_quoted() -> None:
    """The extractive system."""
    found = reply(None)
    assert (found.status, found.written) == ("answered", "")
    assert "port 7443" in found.text


@pytest.mark.parametrize(
    ("said", "status"),
    [("It uses port 80.", "answered"), ("I do not know.", "refused"), ("", "refused")],
)
def test_a_closed_book_is_asked_without_passages(said: str, status: str) -> None:
    """The prompt is the one that training uses; nothing is searched."""
    generator = ScriptedGenerator(said)
    found = ClosedBook("s", generator, lambda: True).ask(QUESTION, Cancellation())
    assert (found.status, found.text, found.passages) == (status, said, ())
    (prompt,) = generator.prompts
    assert [message.content for message in prompt] == [CLOSED_BOOK_SYSTEM, QUESTION.text]
    assert generator.closed == 1


def test_a_closed_book_that_breaks_off_is_no_reply() -> None:
    """Half an answer must not be judged as a whole one."""
    generator = ScriptedGenerator("It uses", fail=UnavailableError("broken"))
    with pytest.raises(UnavailableError, match="broken"):
        ClosedBook("s", generator, lambda: True).ask(QUESTION, Cancellation())


def test_retrieval_replies_with_passages_alone() -> None:
    """As many as the settings want."""
    asked: list[Query] = []

    def retrieve(query: Query) -> Found:
        asked.append(query)
        return Found(HITS)

    wanted = replace(answerer(None, size=7, per_source=2), retrieve=retrieve)
    found = Retrieving("s", wanted, lambda: True).ask(QUESTION, Cancellation())
    assert (found.status, found.text) == ("answered", "")
    assert [passage.rank for passage in found.passages] == [1, 2]
    assert (asked[0].size, asked[0].per_source) == (7, 2)


def test_what_is_called_off_is_no_reply() -> None:
    """Of all kinds."""
    cancel = Cancellation()
    cancel.cancel("stopped by ^C")
    for asker in (
        Answering("s", answerer("x"), lambda: True),
        ClosedBook("s", ScriptedGenerator("x"), lambda: True),
        Retrieving("s", answerer(None), lambda: True),
    ):
        with pytest.raises(CancelledError):
            asker.ask(QUESTION, cancel)
