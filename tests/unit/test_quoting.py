"""Quoting: the sentence that answers comes first."""

import pytest

from esrag.quoting import assess, cosines
from esrag.testing import WordEmbedder, make_hit

HITS = (
    make_hit(
        "a",
        "Aster 4.2.1 brings a new export. It was released on March 3, 2026. Thanks to all.",
        title="Aster 4.2.1",
        rank=1,
    ),
    make_hit("b", "Aster 4.2.0 was released on January 9, 2026.", title="Aster 4.2.0", rank=2),
)


def texts(question: str) -> list[str]:
    """The ranked quotes of a question, best first."""
    return [quote.text for quote in assess(question, HITS, embed=WordEmbedder()).quotes]


def test_version_and_kind_decide_between_look_alikes() -> None:
    """The date of the version asked for wins over the same sentence about another version."""
    assert "March 3, 2026." in texts("When was Aster 4.2.1 released?")[0]
    assert texts("When was Aster 4.2.0 released?")[0].endswith("January 9, 2026.")


def test_a_question_the_passages_do_not_speak_of_has_little_confidence() -> None:
    """What the passages answer stands well above what they do not."""
    near = assess("When was Aster 4.2.1 released?", HITS, embed=WordEmbedder())
    far = assess("How heavy is a Borealis 7 battery?", HITS, embed=WordEmbedder())
    assert far.confidence < 0.6 * near.confidence


def test_a_version_that_no_passage_knows_lowers_the_confidence() -> None:
    """A look-alike of the version asked for is not an answer."""
    known = assess("When was Aster 4.2.1 released?", HITS, embed=WordEmbedder())
    unknown = assess("When was Aster 4.2.7 released?", HITS, embed=WordEmbedder())
    assert unknown.confidence < known.confidence - 0.2


def test_a_comparison_quotes_both_sides() -> None:
    """Each version asked about gets a quote of its own, and confidence counts them together."""
    found = assess("When were Aster 4.2.1 and 4.2.0 released?", HITS, embed=WordEmbedder())
    assert {quote.hit.id for quote in found.chosen} == {"a", "b"}


def test_the_cluster_embeds_once_a_question() -> None:
    """Question and all sentences go out in one call."""
    embed = WordEmbedder()
    assess("When?", HITS, embed=embed)
    assert len(embed.calls) == 1
    assert embed.calls[0][0] == "When?"


def test_no_hits_no_quotes() -> None:
    """Without passages nothing is embedded and nothing quoted."""
    embed = WordEmbedder()
    assert assess("When?", (), embed=embed).quotes == ()
    assert embed.calls == []


def test_chosen_quotes_do_not_repeat_each_other() -> None:
    """Few are shown, and none that overlaps another."""
    chosen = assess("When was Aster 4.2.1 released?", HITS, embed=WordEmbedder()).chosen
    assert 1 <= len(chosen) <= 4
    assert not any(a.overlaps(b) for a in chosen for b in chosen if a is not b)


@pytest.mark.parametrize(
    ("question", "right", "wrong"),
    [
        (
            "What does the Team plan cost?",
            "The Team plan is EUR 49.",
            "The Team plan has 12 seats.",
        ),
        ("How heavy is the hub?", "The hub weighs 290 g.", "The hub has 4 ports."),
        ("How long does the battery last?", "It lasts 30 hours.", "It has 3 cells."),
    ],
)
def test_the_kind_of_thing_asked_for_counts(question: str, right: str, wrong: str) -> None:
    """A price answers "what does it cost", a mass "how heavy", a duration "how long"."""
    hits = (make_hit("1", f"{wrong} {right}"),)
    assert assess(question, hits, embed=WordEmbedder()).quotes[0].text == right


def test_cosine_of_nothing_is_zero() -> None:
    """A zero vector is near to nothing, and nothing is further away than that."""
    assert cosines([0.0, 0.0], [[1.0, 0.0]]) == [0.0]
    found = cosines([2.0, 0.0], [[1.0, 0.0], [-1.0, 0.0], [0.0, 0.0]])
    assert found == pytest.approx([1.0, 0.0, 0.0])


def test_a_quote_is_read_with_the_sentence_its_pronoun_speaks_of() -> None:
    """A sentence that begins with "It" brings the one before, and draws in the one after."""
    hits = (make_hit("1", "The hub has a battery. It lasts 30 hours. Dogs bark."),)
    chosen = assess("How long does it last?", hits, embed=WordEmbedder()).chosen
    assert chosen[0].text == "The hub has a battery. It lasts 30 hours."


def test_quotes_that_grow_into_each_other_are_shown_once() -> None:
    """Drawing in the neighbour must not show the same words twice."""
    text = "The hub was released in May. It has a battery. Cats purr."
    for question in ("When was the hub released?", "Which hub has a battery?"):
        chosen = assess(question, (make_hit("1", text),), embed=WordEmbedder()).chosen
        assert not any(a.overlaps(b) for a in chosen for b in chosen if a is not b)
