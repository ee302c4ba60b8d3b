"""A desk for makers of examples over a few passages, with a search by words; nothing is asked."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from esrag.examples.desk import Desk, SplitShares
from esrag.examples.passages import Passage, Passages
from esrag.terms import terms
from esrag.types import Hit

# releases of an invented product: alike, but for their figures
RELEASES = (
    ("4.1.0", "3 March 2026", "2,000"),
    ("4.2.0", "9 April 2026", "5,000"),
    ("4.3.0", "21 July 2026", "8,000"),
    ("5.0.0", "2 October 2026", "12,000"),
)


def passage(
    chunk_id: str, text: str, *, title: str = "", document_id: str = "", **fields: Any
) -> Passage:
    """A passage; without ``document_id`` it is the whole document of its own."""
    document = document_id or chunk_id.partition("#")[0]
    return Passage(
        chunk_id, document, 0, text, title=title, source=f"{document}.md",
        document_hash=f"hash of {document}", **fields,
    )  # fmt: skip


def release_notes() -> tuple[Passage, ...]:
    """One document a release."""
    return tuple(
        passage(
            f"tern-{version}",
            f"Tern {version} was released on {date}. A batch may hold up to {points} points. "
            "The nest keeps its eggs warm.",
            title=f"Tern {version} release notes",
        )
        for version, date, points in RELEASES
    )


def word_search(passages: Iterable[Passage]) -> Callable[[str, int], Sequence[Hit]]:
    """Hits by the number of words that question and passage share."""
    kept = tuple(passages)

    def search(question: str, size: int) -> Sequence[Hit]:
        asked = terms(question).words
        found = sorted(
            ((len(asked & terms(f"{each.context} {each.text}").words), each) for each in kept),
            key=lambda pair: -pair[0],
        )
        return tuple(each.as_hit(rank) for rank, (_, each) in enumerate(found[:size], start=1))

    return search


def desk_of(passages: Iterable[Passage], **fields: Any) -> Desk:
    """A desk where all is for training, unless ``fields`` say otherwise."""
    kept = tuple(passages)
    wanted = {
        "index": "esrag-docs-test-000001",
        "set": "test",
        "seed": 7,
        "shares": SplitShares(0.0, 0.0),
        "search": word_search(kept),
        **fields,
    }
    return Desk(passages=Passages(sqlite3.connect(":memory:"), kept), **wanted)
