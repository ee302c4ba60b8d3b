"""Documents on their way: the actions each needs, and which answers are still missing.

Builds actions and keeps count; sends nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from esrag.chunking import chunk_id
from esrag.cluster.bulk import Action, Item, chunk_source
from esrag.cluster.chunk_index import Stored
from esrag.corpus.records import Listed
from esrag.ledger import Change, KnownDocument, State
from esrag.parsing.task import Cut
from esrag.types import Chunk

TextOf = Callable[[Chunk], str]  # the words of a chunk that this machine embeds


@dataclass(frozen=True, slots=True)
class Draft:
    """A document that has been cut, the number of its line, and the file it came from."""

    number: int
    file: Listed
    cut: Cut

    @property
    def id(self) -> str:
        """The document id."""
        return self.cut.parsed.document.id


@dataclass(slots=True)
class Work:
    """A document that is being sent or verified; its text has gone on."""

    number: int
    file: Listed
    document_id: str
    place: str
    sha256: str
    hash: str
    chunks: int
    positions: int  # how many positions the index may hold of it, old and new
    tokens: int
    content: str  # kept for a dead letter, when that is asked for
    waiting: int = 0  # answers that are missing
    afterwards: tuple[Action, ...] = ()  # to be sent when those have come
    cleaning: bool = False
    refusal: tuple[str, Item] | None = None  # the stage, and the answer
    left_over: Item | None = None  # the refusal to remove what had been accepted

    def change(self, state: State) -> Change:
        """The line of the ledger in a new state."""
        return Change(
            self.number,
            state,
            sha256=self.sha256,
            document_hash=self.hash,
            chunks=self.chunks,
        )

    def known(self, run_id: str, path: str) -> KnownDocument:
        """The line of the book of what the index holds."""
        origin, document_id = self.file.origin, self.document_id
        return KnownDocument(document_id, origin, self.hash, self.chunks, path, self.sha256, run_id)


def work_of(draft: Draft, before: Stored, *, keep_content: bool) -> Work:
    """The document on its way, over what the index holds of it."""
    parsed = draft.cut.parsed
    return Work(
        number=draft.number,
        file=draft.file,
        document_id=draft.id,
        place=parsed.place,
        sha256=parsed.sha256,
        hash=draft.cut.hash,
        chunks=len(draft.cut.chunks),
        positions=max(len(draft.cut.chunks), before.last_position + 1),
        tokens=sum(chunk.tokens for chunk in draft.cut.chunks),
        content=parsed.document.text if keep_content else "",
    )


def replaces(draft: Draft, before: Stored) -> bool:
    """Whether the index holds chunks of another version."""
    return bool(before.versions.keys() - {draft.cut.hash})


def actions_of(
    draft: Draft,
    before: Stored,
    *,
    set_name: str,
    run_id: str,
    text_of: TextOf | None = None,
) -> tuple[list[Action], list[Action]]:
    """The deletes, and then the chunks.

    Every old position is deleted when a version is replaced, else what is beyond the new end.
    """
    chunks = draft.cut.chunks
    first = 0 if replaces(draft, before) else len(chunks)
    deletes = deletions(set_name, draft.id, range(first, before.last_position + 1), draft.number)
    actions: list[Action] = []
    for chunk in chunks:
        source = chunk_source(chunk, document_hash=draft.cut.hash, run_id=run_id)
        text = "" if text_of is None else text_of(chunk)
        actions.append(Action("index", chunk.id, draft.number, source, text))
    return deletes, actions


def deletions(
    set_name: str, document_id: str, positions: Iterable[int], number: int
) -> list[Action]:
    """Deletes of a document's chunks."""
    return [
        Action("delete", chunk_id(set_name, document_id, position), number)
        for position in positions
    ]
