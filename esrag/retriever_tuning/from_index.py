"""What the index gives for tuning: its chunks as they are embedded, and questions made of them.

Chunks are read with the caller's rights; those that name who may read them are left out unless
the caller says whom he tunes for, since a tuned model leaves the index.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from esrag.examples.desk import Desk
from esrag.examples.makers import makers_for
from esrag.examples.passages import Passage, Passages
from esrag.examples.reading import read_passages
from esrag.retriever_tuning.asked import from_examples
from esrag.retriever_tuning.batches import chance
from esrag.retriever_tuning.material import Question, Text

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

Fill = Callable[[Mapping[str, Any]], str]
MOST_MADE = 20  # of a document: hundreds of a table's would drown what the others teach


def read_chunks(
    client: Elasticsearch, index: str, *, acl: Sequence[str] = ()
) -> tuple[tuple[Passage, ...], Counter[str]]:
    """All chunks that may be used, by document and position, and how many others there are."""
    left_out: Counter[str] = Counter()
    found = {
        passage.id: passage for passage in read_passages(client, index, acl=acl, left_out=left_out)
    }
    ordered = sorted(found.values(), key=lambda one: (one.document_id, one.position, one.id))
    return tuple(ordered), left_out


def texts_of(passages: Sequence[Passage], fill: Fill) -> Iterator[Text]:
    """The text of each chunk as the ingest pipeline embeds it."""
    for passage in passages:
        source = {**asdict(passage), "context": passage.context}
        yield Text(passage.id, passage.document_id, fill(source))


def made_questions(
    passages: Sequence[Passage], *, index: str, set_name: str, seed: int
) -> tuple[Question, ...]:
    """Questions that programs without a teacher make of the chunks, those of ``dataset build``.

    Of each document there are at most ``MOST_MADE``, drawn by the seed.
    """
    with closing(sqlite3.connect(":memory:")) as file:
        desk = Desk(Passages(file, passages), index=index, set=set_name, seed=seed)
        makers = makers_for((), kinds=("knowledge",), has_teacher=False, has_search=False)
        examples = [example for maker in makers for example in maker.examples(desk)]
    return tuple(_some_of_each(tuple(from_examples(examples)), seed))


def _some_of_each(made: Sequence[Question], seed: int) -> Iterator[Question]:
    by_document: dict[str, list[int]] = {}
    for number, question in enumerate(made):
        by_document.setdefault(min(question.grades), []).append(number)
    kept: set[int] = set()
    for document, numbers in by_document.items():
        count = min(len(numbers), MOST_MADE)
        kept.update(chance(seed, "made", document).sample(numbers, count))
    return (question for number, question in enumerate(made) if number in kept)


def document_finder(documents: set[str]) -> Callable[[str], str]:
    """How a judged folder's document id is found among those of the index.

    ``esrag ingest corpus.jsonl`` gives a record the id ``corpus.jsonl#<id>``; an id that stands
    behind the last # of exactly one document is that document, "" where there is none.
    """
    behind = Counter(name.rpartition("#")[2] for name in documents)
    whole = {name.rpartition("#")[2]: name for name in documents}

    def find(name: str) -> str:
        if name in documents:
            return name
        return whole[name] if behind[name] == 1 else ""

    return find
