"""The passages of one document put together again: the text that continued pre-training reads.

Chunks of one document overlap, and between two of them blanks may be missing; both follow from
the offsets that each chunk carries.  Chunks of other producers have no offsets: they are set one
below the other.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from esrag.examples.passages import Passage, Passages
from esrag.examples.reading import read_passages

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

_MOST_BLANK = 2  # lines: what was blank between two chunks


def document_text(passages: Sequence[Passage]) -> str:
    """The text of a document from all of its passages that may be used, in their order.

    What lies in no passage is left out.  The title stands above a text that does not begin with it.
    """
    whole, reached = "", 0
    for passage in sorted(passages, key=lambda each: (each.start, each.position, each.id)):
        text, shared = passage.text, reached - passage.start
        if not whole:
            whole = text
        elif not 0 < shared <= len(text) or not whole.endswith(text[:shared]):
            # further on, or of a producer whose offsets say nothing
            blank = _MOST_BLANK if shared > 0 else min(_MOST_BLANK, -shared)
            whole += "\n" * blank + text
        else:
            whole += text[shared:]
        reached = max(reached, passage.end)
    whole = whole.strip()
    title = passages[0].title.strip() if passages else ""
    return f"{title}\n\n{whole}" if title and not whole.startswith(title) else whole


def indexed_texts(
    client: Elasticsearch, index: str, *, acl: Sequence[str], left_out: Counter[str]
) -> Iterator[tuple[str, str]]:
    """Id and text of every document that may be used, by id; ``left_out`` counts by reason.

    Chunks are sorted in a temporary file, so that memory does not grow with the corpus.
    """
    with TemporaryDirectory(prefix="esrag-texts-") as folder:
        file = sqlite3.connect(Path(folder) / "passages.sqlite")
        with closing(file):
            read = read_passages(client, index, acl=acl, left_out=left_out)
            for passages in Passages(file, read).documents():
                text = document_text(passages)
                if text:
                    yield passages[0].document_id, text
