"""Searches the set as its users do: with its own search template and the caller's rights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from esrag.errors import UsageError
from esrag.types import Filters, Hit, Query

if TYPE_CHECKING:
    from esrag.retrieval import Retriever


def searcher(
    retriever: Retriever, *, acl: Sequence[str] = ()
) -> Callable[[str, int], Sequence[Hit]]:
    """Hits for a question, best first; of documents that name their readers only those of ``acl``.

    A question that cannot be searched for, such as one that is too long, finds nothing.
    """

    def search(question: str, size: int) -> Sequence[Hit]:
        try:
            return retriever.retrieve(
                Query(text=question, size=size, filters=Filters(acl=tuple(acl)))
            ).hits
        except UsageError:
            return ()

    return search
