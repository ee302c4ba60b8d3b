"""The retriever: lets the cluster do the work, and takes over what its licence ends.

    profile of the index ─┬─ all in the cluster ──► one call of the stored search template
                          └─ else ────────────────► the same template rendered; the client embeds
                                                    the question or fuses the rankings, or both

The template in the cluster is the only definition of the query; this module knows nothing of its
body.  What the cluster stops doing while this runs, because its licence ended, is done here from
then on, with the same ranking; what cannot be done is told.  Several threads may ask at once.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, TypeVar

from esrag.bundle import ModelBundle
from esrag.cluster.embedding import embed as embed_in_cluster
from esrag.cluster.fused_search import IndexMovedError, run_rendered
from esrag.cluster.profile import Profile, read_profile
from esrag.cluster.retry import soon_again
from esrag.cluster.search import run_template, run_templates
from esrag.embedding.process import Purpose
from esrag.errors import LicenceError, ModelDownError, UnavailableError, UnsupportedError
from esrag.names import Names
from esrag.retrieval.neighbours import widen
from esrag.retrieval.parameters import checked, only_of, template_params
from esrag.retrieval.reranking import reranked
from esrag.retrieval.selection import Selection, select
from esrag.retrieval.shaping import NO_SHAPING, Shaping
from esrag.search_parameters import MOST_HITS
from esrag.types import Found, Hit, Query

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

Result = TypeVar("Result")

NO_VECTOR_KINDS = ("lexical", "context")  # templates that search without the model
DEGRADED = "the embedding model does not run: passages were searched by words alone"
NOT_RERANKED = "the reranker does not answer: passages are in the order of the search"
_RERANKING = ("rerank_endpoint", "rerank_window")
PROFILE_SECONDS = 60.0  # so long a change of the set may stay unnoticed, under serve
MORE = 4  # times the size that is fetched when too few hits are left; at once with a cap


class LocalEmbedder(Protocol):
    """A model on this machine; ``esrag.embedding.process.Embedder`` is the real one."""

    bundle: ModelBundle

    def embed(self, texts: Sequence[str], purpose: Purpose = "none") -> list[list[float]]:
        """One vector for each text."""

    def close(self) -> None:
        """Let go of it."""


def _no_embedder(profile: Profile) -> LocalEmbedder:
    raise UnsupportedError(
        f"no embedder was given for an index that embeds in the {profile.embedding}"
    )


@dataclass
class _Shared:
    """What all views of one retriever have in common; changed under the lock alone."""

    profile: Profile | None
    until: float = math.inf  # when the profile is to be read again
    embedder: LocalEmbedder | None = None
    told: set[str] = field(default_factory=set)
    lock: threading.RLock = field(default_factory=threading.RLock)


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
        local: Callable[[Profile], LocalEmbedder] = _no_embedder,
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
        self._local = local
        self._allow_degraded = allow_degraded
        self._tell = tell
        self._shaping = shaping
        self._shared = _Shared(profile)

    def with_client(self, client: Elasticsearch) -> Retriever:
        """The same with other credentials; nothing is sent.

        Profile, embedder and what the licence ended are shared with this one, which has to stay
        open as long; the view needs no closing.
        """
        view = Retriever(
            client,
            self.names,
            self.kind,
            model_id=self._model_id,
            local=self._local,
            allow_degraded=self._allow_degraded,
            tell=self._tell,
            index=self.index,
            shaping=self._shaping,
        )
        view._shared = self._shared
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
        if self._shaping.neighbours and hits:
            with course.step("neighbours"):
                hits = self._widened(hits, query)
        return replace(found, hits=hits, notes=selection.notes, seconds=course.seconds)

    def run(self, kind: str, params: Mapping[str, object]) -> Found:
        """What a search template finds for its own parameters.

        Raises ModelDownError when the cluster shall embed and cannot, LicenceError when its
        licence ended and nothing here can take over, and what ``cluster.client.explained`` raises.
        """
        return self._with_fallback(lambda: soon_again(lambda: self._run(kind, params)))

    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """One vector for each text, for comparing sentences with a question.

        Where the model does not run, degraded mode asks this machine's; without one the vectors
        are empty.
        """
        try:
            return self._with_fallback(lambda: soon_again(lambda: self._embed(texts)))
        except ModelDownError:
            if not self._allow_degraded:
                raise
        self._tell_once(f"Degraded: {DEGRADED}.")
        try:
            return self._local_embedder().embed(texts)
        except UnsupportedError:
            return [[] for _ in texts]

    @property
    def profile(self) -> Profile:
        """Where the work is done; read once a minute."""
        shared = self._shared
        with shared.lock:
            if shared.profile is not None and time.monotonic() < shared.until:
                return shared.profile
        profile = read_profile(self.client, self.index)
        if profile.indices:  # else these credentials may not see them: others may
            self._keep(profile)
        return profile

    def close(self) -> None:
        """End the embedder, if there is one, and connections to a reranker."""
        self._end_embedder()
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
        self._tell_once(f"Degraded: {DEGRADED}.")
        return replace(self.run("lexical", params), degraded=DEGRADED)

    def _run(self, kind: str, params: Mapping[str, object]) -> Found:
        template = self.names.search_template(kind)
        known = self._shared.profile
        if known is not None and known.fusion == "client":  # then it does not rerank either
            params = {name: value for name, value in params.items() if name not in _RERANKING}
        if kind in NO_VECTOR_KINDS:
            return run_template(self.client, self.index, template, params)
        profile = self.profile
        if profile.all_in_cluster:
            return run_template(self.client, self.index, template, params)
        try:
            return self._run_rendered(template, params, profile)
        except IndexMovedError:
            # the alias leads to another generation, maybe of another model: look again, once
            self._forget(profile)
            return self._run_rendered(template, params, self.profile)

    def _run_rendered(self, template: str, params: Mapping[str, object], profile: Profile) -> Found:
        vector: list[float] | None = None
        model_id = self._model_id
        if profile.embedding == "client":
            embedder = self._local_embedder()
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
            return self._local_embedder().embed(texts)
        return embed_in_cluster(self.client, self._model_id, texts)

    def _local_embedder(self) -> LocalEmbedder:
        with self._shared.lock:
            if self._shared.embedder is None:
                self._shared.embedder = self._local(self.profile)
            return self._shared.embedder

    def _keep(self, profile: Profile) -> None:
        """Remember a profile; an embedder of another model is let go."""
        with self._shared.lock:
            old, self._shared.profile = self._shared.profile, profile
            self._shared.until = time.monotonic() + PROFILE_SECONDS
            if old is not None and old.model != profile.model:
                self._end_embedder()

    def _end_embedder(self) -> None:
        with self._shared.lock:
            embedder, self._shared.embedder = self._shared.embedder, None
        if embedder is not None:
            embedder.close()

    def _forget(self, profile: Profile) -> None:
        """Let go of a profile that is outdated, unless another thread has done so."""
        with self._shared.lock:
            if self._shared.profile == profile:
                self._end_embedder()
                self._shared.profile = None

    def _with_fallback(self, work: Callable[[], Result]) -> Result:
        """The outcome of ``work``; a licence that ended moves work here, piece by piece."""
        while True:
            before = self._shared.profile
            try:
                return work()
            except LicenceError as error:
                with self._shared.lock:
                    profile = self.profile
                    if before in (None, profile):  # else another thread was here first
                        self._take_over(error, profile)

    def _take_over(self, error: LicenceError, profile: Profile) -> None:
        if profile.fusion == "cluster":
            self._keep(replace(profile, fusion="client"))
            self._tell_once(
                f"{error.message}\nThis machine fuses the rankings instead, in the same order. "
                "To make it last: esrag setup"
            )
        elif profile.embedding == "cluster":
            try:
                self._local_embedder()
            except UnsupportedError as missing:
                raise LicenceError(
                    f"{error.message}\nEmbedding on this machine is not possible: "
                    f"{missing.message}",
                    hint=f"{missing.hint}. Or renew the licence of the cluster.",
                ) from error
            self._keep(replace(profile, embedding="client"))
            self._tell_once(
                f"{error.message}\nThis machine embeds instead; the ranking is the same. To make "
                "it last: esrag setup"
            )
        else:
            raise error

    def _tell_once(self, words: str) -> None:
        with self._shared.lock:
            known = words in self._shared.told
            self._shared.told.add(words)
        if not known:
            self._tell(words)


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
