"""What is worth embedding, and whether generating may begin before it is embedded."""

from esrag.quoting import assess, gate
from esrag.quoting.candidates import Sought, candidates, likeliest
from esrag.testing import WordEmbedder, make_hit

LONG = " ".join(f"Paragraph {n} speaks of something else entirely." for n in range(30))
HITS = (
    make_hit("a", f"{LONG} The hub weighs 290 g. {LONG}", title="Hub", rank=1),
    make_hit("b", "Dogs bark at night. Cats purr.", title="Animals", rank=2),
)


def test_only_the_likeliest_sentences_are_embedded() -> None:
    """The sentence that answers is among them, however long the passages are."""
    embed = WordEmbedder()
    found = assess("How heavy is the hub?", HITS, embed=embed, most_embedded=5)
    assert found.embedded == 6
    assert len(embed.calls[0]) == 6
    assert found.quotes[0].text == "The hub weighs 290 g."


def test_each_passage_has_one_sentence_among_them() -> None:
    """Words do not decide alone: a passage without a common word may have the answer."""
    pool = candidates(HITS)
    picked = likeliest(Sought.of("How heavy is the hub?", pool, HITS), pool, most=3)
    assert {pool[place].hit.id for place in picked} == {"a", "b"}
    assert list(picked) == sorted(picked)


def test_the_gate_opens_for_words_that_fit() -> None:
    """Most words in one passage, and all figures and names."""
    assert gate("How heavy is the hub?", HITS)
    assert not gate("How heavy is the Borealis hub of 2019?", HITS)
    assert not gate("Who plays the violin in the orchestra?", HITS)
    assert not gate("When?", HITS)
    assert not gate("How heavy is the hub?", ())
