"""What is done to a ranking once it is there: rerank it, select from it, widen its passages."""

from __future__ import annotations

from dataclasses import dataclass

from esrag.errors import UsageError
from esrag.retrieval.reranking import EndpointReranker, Reranker, TeiReranker
from esrag.sections import RetrievalSettings


@dataclass(frozen=True, slots=True)
class Shaping:
    """Wishes for every query of a retriever; the default leaves the ranking as it is.

    ``near_duplicates`` is the share of common word sequences from which a passage repeats another
    one, 0 to leave out none; ``neighbours`` the chunks on each side that are read with a hit;
    ``window`` the hits that are reranked.
    """

    near_duplicates: float = 0.0
    neighbours: int = 0
    reranker: Reranker | None = None
    window: int = 30

    @property
    def rerank_endpoint(self) -> str:
        """The inference endpoint that reranks, "" when none of the cluster does."""
        reranker = self.reranker
        return reranker.inference_id if isinstance(reranker, EndpointReranker) else ""

    def close(self) -> None:
        """Let go of the reranker's connections; whoever made this calls it."""
        if self.reranker is not None:
            self.reranker.close()


NO_SHAPING = Shaping()


def shaping_of(settings: RetrievalSettings) -> Shaping:
    """As the settings say; raises UsageError when they name two rerankers or no address."""
    if settings.rerank_endpoint and settings.rerank_url:
        raise UsageError(
            "retrieval.rerank_endpoint and retrieval.rerank_url name two rerankers",
            hint="Leave one of them empty.",
        )
    reranker: Reranker | None = None
    if settings.rerank_endpoint:
        reranker = EndpointReranker(settings.rerank_endpoint)
    elif settings.rerank_url:
        reranker = TeiReranker(settings.rerank_url)
    return Shaping(
        near_duplicates=settings.near_duplicates,
        neighbours=settings.neighbours,
        reranker=reranker,
        window=settings.rerank_window,
    )
