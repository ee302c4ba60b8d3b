"""Quoting: the sentence that answers comes first."""

import pytest

from esrag.quoting import cosine, rank_quotes, select
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
    return [quote.unit.text for quote in rank_quotes(question, HITS, embed=WordEmbedder())]


def test_version_and_kind_decide_between_look_alikes() -> None:
    """The date of the version asked for wins over the same sentence about another version."""
    assert texts("When was Aster 4.2.1 released?")[0] == "It was released on March 3, 2026."
    assert texts("When was Aster 4.2.0 released?")[0].endswith("January 9, 2026.")


def test_a_question_without_any_of_its_words_scores_low() -> None:
    """What the passages do not speak of stays well below what they answer."""
    embed = WordEmbedder()
    near = rank_quotes("When was Aster 4.2.1 released?", HITS, embed=embed)[0].score
    far = rank_quotes("How heavy is a Borealis 7 battery?", HITS, embed=embed)[0].score
    assert far < 0.5 * near


def test_the_cluster_embeds_once_a_question() -> None:
    """Question and all sentences go out in one call."""
    embed = WordEmbedder()
    rank_quotes("When?", HITS, embed=embed)
    assert len(embed.calls) == 1
    assert embed.calls[0][0] == "When?"


def test_no_hits_no_quotes() -> None:
    """Without passages nothing is embedded and nothing quoted."""
    embed = WordEmbedder()
    assert rank_quotes("When?", (), embed=embed) == ()
    assert embed.calls == []


def test_only_good_quotes_are_selected() -> None:
    """Few are shown, none below the threshold, none twice."""
    quotes = rank_quotes("When was Aster 4.2.1 released?", HITS, embed=WordEmbedder())
    assert select(quotes, threshold=quotes[0].score + 0.01) == ()
    assert 1 <= len(select(quotes, threshold=0.1, most=2)) <= 2


def test_cosine_of_nothing_is_zero() -> None:
    """A zero vector is near to nothing."""
    assert cosine([0.0, 0.0], [1.0, 0.0]) == 0.0
    assert cosine([2.0, 0.0], [1.0, 0.0]) == pytest.approx(1.0)
