"""The retriever: a query becomes hits, by the cluster, or with its help by this machine.

    places ─┬─ all in the cluster ──► one call of the stored search template
            └─ else ────────────────► the same template rendered; the client embeds the question
                                      or fuses the rankings, or both

The template in the cluster is the only definition of the query; this module knows nothing of its
body.  What the cluster stops doing while this runs, because its licence ended, is done here from
then on, with the same ranking; what cannot be done is told.  Several threads may ask at once.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING

from esrag.cluster.embedding import embed as embed_in_cluster
from esrag.cluster.expansions import require_expansions
from esrag.cluster.fused_search import IndexMovedError, run_rendered
from esrag.cluster.profile import Profile
from esrag.cluster.retry import soon_again
from esrag.cluster.search import run_template, run_templates
from esrag.errors import ModelDownError, UnavailableError, UnsupportedError
from esrag.names import SPARSE_KIND, Names
from esrag.retrieval.neighbours import widen
from esrag.retrieval.parameters import checked, only_of, template_params
from esrag.retrieval.places import LocalEmbedder, Places, no_embedder
from esrag.retrieval.reranking import reranked
from esrag.retrieval.selection import Selection, select
from esrag.retrieval.shaping import NO_SHAPING, Shaping
from esrag.search_parameters import MOST_HITS
from esrag.types import Found, Hit, Query

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

NO_VECTOR_KINDS = ("lexical", "context")  # templates that search without the model
DEGRADED = "the embedding model does not run: passages were searched by words alone"
NOT_RERANKED = "the reranker does not answer: passages are in the order of the search"
_RERANKING = ("rerank_endpoint", "rerank_window")
MORE = 4  # times the size that is fetched when too few hits are left; at once with a cap


class Retriever:
    """Retrieves from one document set with one search template; a context manager.

    ``local`` makes the embedder of this machine that fits a profile, and raises UnsupportedError
    when there is none.  ``profile`` is read from the index when it is not given.  ``tell`` hears
    of a fallback, once.  With ``allow_degraded`` a model that does not run leaves the words to
    search by, and a reranker that does not answer the order of the search; ``Found.degraded`` says
    so.  ``index`` is one generation to ask instead of the one behind the alias.
    """

    def __init__(
        self,
        client: Elasticsearch,
        names: Names,
        kind: str = "hybrid",
        *,
        model_id: str = "",
        local: Callable[[Profile], LocalEmbedder] = no_embedder,
        profile: Profile | None = None,
        allow_degraded: bool = False,
        tell: Callable[[str], None] = lambda _: None,
        index: str = "",
        shaping: Shaping = NO_SHAPING,
    ) -> None:
        self.client = client
        self.names = names
        self.kind = kind
        self.index = index or names.alias
        self._model_id = model_id
        self._allow_degraded = allow_degraded
        self._shaping = shaping
        self._places = Places(self.index, local=local, profile=profile, tell=tell)

    def with_client(self, client: Elasticsearch) -> Retriever:
        """The same with other credentials; nothing is sent.

        Profile, embedder and what the licence ended are shared with this one, which has to stay
        open as long; the view needs no closing.
        """
        view = copy.copy(self)
        view.client = client
        return view

    def retrieve(self, query: Query) -> Found:
        """The best hits.

        Raises UsageError when the question is empty or longer than 8,000 characters or a filter
        holds what it cannot, and what ``run`` raises.
        """
        course = _Course()
        size = query.size * (MORE if query.per_source else 1)
        found = self._ranked(query, min(size, MOST_HITS), course)
        selection = self._selected(query, found.hits)
        if len(selection.hits) < query.size <= len(found.hits) < MOST_HITS:
            # too few are left: once more, from further down
            found = self._ranked(query, min(query.size * MORE, MOST_HITS), course)
            selection = self._selected(query, found.hits)
        hits = selection.hits
        if self.kind == SPARSE_KIND and not hits and not found.degraded:
            require_expansions(self.client, self.index)
        if self._shaping.neighbours and hits:
            with course.step("neighbours"):
                hits = self._widened(hits, query)
        return replace(found, hits=hits, notes=selection.notes, seconds=course.seconds)

    def run(self, kind: str, params: Mapping[str, object]) -> Found:
        """What a search template finds for its own parameters.

        Raises ModelDownError when the cluster shall embed and cannot, LicenceError when its
        licence ended and nothing here can take over, and what ``cluster.client.explained`` raises.
        """
        return self._places.working(
            self.client, lambda: soon_again(lambda: self._run(kind, params))
        )

    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """One vector for each text, for comparing sentences with a question.

        Where the model does not run, degraded mode asks this machine's; without one the vectors
        are empty.
        """
        try:
            return self._places.working(self.client, lambda: soon_again(lambda: self._embed(texts)))
        except ModelDownError:
            if not self._allow_degraded:
                raise
        self._places.tell_once(f"Degraded: {DEGRADED}.")
        try:
            return self._places.embedder(self.client).embed(texts)
        except UnsupportedError:
            return [[] for _ in texts]

    @property
    def profile(self) -> Profile:
        """Where the work is done; read once a minute."""
        return self._places.profile(self.client)

    def close(self) -> None:
        """End the embedder, if there is one, and connections to a reranker."""
        self._places.close()
        self._shaping.close()

    def __enter__(self) -> Retriever:
        """The retriever itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the embedder."""
        self.close()

    def _selected(self, query: Query, hits: Sequence[Hit]) -> Selection:
        return select(
            hits,
            size=query.size,
            per_source=query.per_source,
            near_duplicates=self._shaping.near_duplicates,
        )

    def _ranked(self, query: Query, size: int, course: _Course) -> Found:
        """The best ``size`` hits, reranked where that is wished for."""
        shaping = self._shaping
        if shaping.reranker is None:
            with course.step("search"):
                return self._searched(self.kind, template_params(query, size=size))
        window = max(size, shaping.window)
        if shaping.rerank_endpoint and self.profile.fusion == "cluster":
            wish = {"rerank_endpoint": shaping.rerank_endpoint, "rerank_window": window}
            try:
                with course.step("search"):
                    found = self._searched(self.kind, template_params(query, size=size) | wish)
                if self.profile.fusion == "cluster":
                    return found
            except UnavailableError as error:
                if isinstance(error, ModelDownError) or not self._allow_degraded:
                    raise
        with course.step("search"):
            found = self._searched(self.kind, template_params(query, size=window))
        with course.step("rerank"):
            return self._reranked(query, found, size)

    def _reranked(self, query: Query, found: Found, size: int) -> Found:
        """The best ``size`` of what was found, by the reranker's order."""
        reranker = self._shaping.reranker
        if reranker is None or not found.hits:
            return found
        texts = [hit.text for hit in found.hits]
        try:
            scores = soon_again(lambda: reranker.scores(self.client, checked(query.text), texts))
        except UnavailableError:
            if not self._allow_degraded:
                raise
            degraded = "; ".join(filter(None, (found.degraded, NOT_RERANKED)))
            return replace(found, hits=found.hits[:size], degraded=degraded)
        return replace(found, hits=reranked(found.hits, scores)[:size])

    def _widened(self, hits: Sequence[Hit], query: Query) -> tuple[Hit, ...]:
        """The hits with the chunks beside them; one request for all."""
        only = only_of(query.filters)
        template = self.names.search_template("context")
        beside = {"before": self._shaping.neighbours, "after": self._shaping.neighbours}
        wishes = [
            {"document_id": hit.document_id, "position": hit.position, "only": only, **beside}
            for hit in hits
        ]
        around = soon_again(lambda: run_templates(self.client, self.index, template, wishes))
        own = {hit.id for hit in hits}
        return tuple(widen(hit, each.hits, own=own) for hit, each in zip(hits, around, strict=True))

    def _searched(self, kind: str, params: Mapping[str, object]) -> Found:
        """By the template, else by words alone where that is allowed."""
        try:
            return self.run(kind, params)
        except ModelDownError:
            if not self._allow_degraded:
                raise
        self._places.tell_once(f"Degraded: {DEGRADED}.")
        return replace(self.run("lexical", params), degraded=DEGRADED)

    def _run(self, kind: str, params: Mapping[str, object]) -> Found:
        template = self.names.search_template(kind)
        known = self._places.known
        if known is not None and known.fusion == "client":  # then it does not rerank either
            params = {name: value for name, value in params.items() if name not in _RERANKING}
        if kind in NO_VECTOR_KINDS:
            return run_template(self.client, self.index, template, params)
        profile = self.profile
        if kind == SPARSE_KIND and profile.embedding == "client":
            raise UnsupportedError(
                "sparse retrieval needs a cluster that runs models itself, and this one does not: "
                f"{self.index} is embedded by this machine",
                hint="Use another search template: retrieval.template, or --template hybrid",
            )
        if kind == SPARSE_KIND or profile.all_in_cluster:
            return run_template(self.client, self.index, template, params)
        try:
            return self._run_rendered(template, params, profile)
        except IndexMovedError:
            # the alias leads to another generation, maybe of another model: look again, once
            self._places.forget(profile)
            return self._run_rendered(template, params, self.profile)

    def _run_rendered(self, template: str, params: Mapping[str, object], profile: Profile) -> Found:
        vector: list[float] | None = None
        model_id = self._model_id
        if profile.embedding == "client":
            embedder = self._places.embedder(self.client)
            (vector,) = embedder.embed([str(params["query"])], "search")
            model_id = embedder.bundle.model_id
        return run_rendered(
            self.client,
            self.index,
            template,
            params,
            vector=vector,
            model_id=model_id,
            expected=profile.indices,
        )

    def _embed(self, texts: Sequence[str]) -> list[list[float]]:
        if self.profile.embedding == "client":
            return self._places.embedder(self.client).embed(texts)
        return embed_in_cluster(self.client, self._model_id, texts)


class _Course:
    """The seconds of each step of one question."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Count the time of the block."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - began
