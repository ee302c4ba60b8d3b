"""What is left out of a ranking: repetitions, and more of one document than wished for."""

from __future__ import annotations

import pytest

from esrag.retrieval.selection import select
from esrag.types import Hit

PAGE = (
    "The queue keeps every message until a worker has confirmed it. A worker that stops in between "
    "leaves the message where it was, and another one takes it over after a minute. Messages that "
    "nobody could handle go to a separate list, where an operator looks at them."
)


def hit(rank: int, text: str, *, document: str = "", title: str = "Queues") -> Hit:
    """A hit of this rank with this text."""
    return Hit(
        id=f"h{rank}",
        document_id=document or f"d{rank}",
        rank=rank,
        score=1 / rank,
        text=text,
        title=title,
        heading_path=(),
        source="a.md",
        url="",
        position=0,
        start=0,
        end=len(text),
    )


def ids(*texts: str, share: float = 0.9) -> list[str]:
    """The hits that stay of these texts, in this order."""
    hits = [hit(rank, text) for rank, text in enumerate(texts, start=1)]
    return [each.id for each in select(hits, size=10, near_duplicates=share).hits]


@pytest.mark.parametrize(
    "again",
    [PAGE, PAGE.replace("separate", "special"), PAGE[: PAGE.rindex(",")], PAGE.replace(" ", "\n")],
)
def test_a_passage_that_says_the_same_again_is_left_out(again: str) -> None:
    """Also with another word of no weight, without its end, or in other lines."""
    assert ids(PAGE, again) == ["h1"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a minute", "3 minutes"),
        ("an operator", "Ada"),
        ("could handle", "could not handle"),
        ("go to", "don't go to"),
    ],
)
def test_one_word_can_make_another_statement(old: str, new: str) -> None:
    """Numbers, names and negations keep a passage, however much it repeats."""
    assert ids(PAGE, PAGE.replace(old, new)) == ["h1", "h2"]


def test_a_longer_passage_is_no_repetition_of_its_part() -> None:
    """What follows may be what was asked for."""
    assert ids(PAGE[:90], PAGE) == ["h1", "h2"]


def test_the_same_words_under_another_title_are_another_passage() -> None:
    """Default values of two versions are told apart by their headings alone."""
    hits = [hit(1, PAGE, title="Version 4.2"), hit(2, PAGE, title="Version 5.0")]
    assert len(select(hits, size=2, near_duplicates=0.9).hits) == 2


def test_a_share_of_one_leaves_out_equal_passages_alone() -> None:
    """The setting's other end."""
    assert ids(PAGE, PAGE.replace("separate", "special"), PAGE, share=1.0) == ["h1", "h2"]


def test_a_document_has_no_more_than_its_share() -> None:
    """The others move up, and are ranked anew."""
    documents = ["a", "a", "a", "b", "a", "c"]
    hits = [hit(n, f"text {n}", document=each) for n, each in enumerate(documents, start=1)]
    found = select(hits, size=3, per_source=1)
    assert [(each.rank, each.document_id) for each in found.hits] == [(1, "a"), (2, "b"), (3, "c")]
    assert found.notes == ("3 passages were left out beyond a document's share",)


def test_nothing_is_left_out_unsaid() -> None:
    """And where nothing is left out, nothing is said."""
    assert select([hit(1, "a"), hit(2, "a")], size=2, near_duplicates=1.0).notes == (
        "1 passage was left out that repeat a better one",
    )
    assert select([hit(1, "a"), hit(2, "b")], size=1).notes == ()
