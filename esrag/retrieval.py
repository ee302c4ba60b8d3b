"""A question becomes ranked hits, wherever the work for the document set is done.

    profile of the index ─┬─ all in the cluster ──► one call of the stored search template
                          └─ else ────────────────► the same template rendered; the client embeds
                                                    the question or fuses the rankings, or both

The template in the cluster is the only definition of the query; this module gives it the
parameters and knows nothing of its body.  What the cluster stops doing while this runs, because
its licence ended, is done here from then on, with the same ranking; what cannot be done is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from esrag.bundle import ModelBundle
from esrag.cluster.embedding import embed as embed_in_cluster
from esrag.cluster.fused_search import IndexMovedError, run_rendered
from esrag.cluster.profile import Profile, read_profile
from esrag.cluster.search import run_template
from esrag.embedding.process import Purpose
from esrag.errors import LicenceError, ModelDownError, UnsupportedError, UsageError
from esrag.names import Names
from esrag.types import Hit

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

Result = TypeVar("Result")

LONGEST_QUESTION = 8_000
NO_VECTOR_KINDS = ("lexical", "context")  # templates that search without the model
DEGRADED = "the embedding model does not run: passages were searched by words alone"


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


class Retriever:
    """Retrieves from one document set with one search template; a context manager.

    ``local`` makes the embedder of this machine that fits a profile, and raises UnsupportedError
    when there is none.  ``profile`` is read from the index when it is not given.  ``tell`` hears
    of a fallback, once.  With ``allow_degraded`` a model that does not run leaves the words to
    search by; ``degraded`` says afterwards that this happened.  ``index`` is one generation to ask
    instead of the one behind the alias.
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
    ) -> None:
        self.client = client
        self.names = names
        self.kind = kind
        self.index = index or names.alias
        self.degraded = ""
        self._model_id = model_id
        self._local = local
        self._profile = profile
        self._allow_degraded = allow_degraded
        self._tell = tell
        self._embedder: LocalEmbedder | None = None

    def retrieve(
        self,
        question: str,
        *,
        size: int,
        filters: tuple[dict[str, Any], ...] = (),
        narrowing: Mapping[str, object] | None = None,
    ) -> tuple[Hit, ...]:
        """The ``size`` best hits.

        ``narrowing`` are the typed filters of the template ``filtered``, which is then called.
        Raises UsageError when the question is empty or longer than 8,000 characters, and what
        ``run`` raises.
        """
        params: dict[str, object] = {"query": checked(question), "size": size}
        if filters:
            params["filters"] = list(filters)
        kind, by_words = self.kind, "lexical"
        if narrowing:
            params |= {**narrowing, "lexical_only": _lexical_only(kind)}
            kind = by_words = "filtered"
        try:
            return self.run(kind, params)
        except ModelDownError:
            if not self._allow_degraded:
                raise
            self._note_degraded()
            if narrowing:
                params["lexical_only"] = True
            template = self.names.search_template(by_words)
            return run_template(self.client, self.index, template, params)

    def run(self, kind: str, params: Mapping[str, object]) -> tuple[Hit, ...]:
        """The hits of a search template for its own parameters.

        Raises ModelDownError when the cluster shall embed and cannot, LicenceError when its
        licence ended and nothing here can take over, and what ``cluster.client.explained`` raises.
        """
        return self._with_fallback(lambda: self._run(kind, params))

    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """One vector for each text, for comparing sentences with a question.

        In degraded mode, and without a model on this machine, the vectors are empty.
        """
        if self.degraded:
            try:
                return self._local_embedder().embed(texts)
            except UnsupportedError:
                return [[] for _ in texts]
        try:
            return self._with_fallback(lambda: self._embed(texts))
        except ModelDownError:
            if not self._allow_degraded:
                raise
            self._note_degraded()
            return self.embed(texts)

    @property
    def profile(self) -> Profile:
        """Where the work is done."""
        if self._profile is None:
            self._profile = read_profile(self.client, self.index)
        return self._profile

    def close(self) -> None:
        """End the embedder, if there is one."""
        if self._embedder is not None:
            self._embedder.close()
            self._embedder = None

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

    def _run(self, kind: str, params: Mapping[str, object]) -> tuple[Hit, ...]:
        template = self.names.search_template(kind)
        by_words = kind in NO_VECTOR_KINDS or params.get("lexical_only")
        if by_words or self.profile.all_in_cluster:
            return run_template(self.client, self.index, template, params)
        try:
            return self._run_rendered(template, params)
        except IndexMovedError:
            # the alias leads to another generation, maybe of another model: look again, once
            self.close()
            self._profile = None
            return self._run_rendered(template, params)

    def _run_rendered(self, template: str, params: Mapping[str, object]) -> tuple[Hit, ...]:
        profile = self.profile
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
        if self._embedder is None:
            self._embedder = self._local(self.profile)
        return self._embedder

    def _with_fallback(self, work: Callable[[], Result]) -> Result:
        """The outcome of ``work``; a licence that ended moves work here, piece by piece."""
        while True:
            try:
                return work()
            except LicenceError as error:
                self._take_over(error)

    def _take_over(self, error: LicenceError) -> None:
        profile = self.profile
        if profile.fusion == "cluster":
            self._profile = replace(profile, fusion="client")
            self._tell(
                f"{error.message}\nThis machine fuses the rankings instead, in the same order. "
                "To make it last: esrag setup"
            )
        elif profile.embedding == "cluster":
            try:
                self._embedder = self._local(profile)
            except UnsupportedError as missing:
                raise LicenceError(
                    f"{error.message}\nEmbedding on this machine is not possible: "
                    f"{missing.message}",
                    hint=f"{missing.hint}. Or renew the licence of the cluster.",
                ) from error
            self._profile = replace(profile, embedding="client")
            self._tell(
                f"{error.message}\nThis machine embeds instead; the ranking is the same. To make "
                "it last: esrag setup"
            )
        else:
            raise error

    def _note_degraded(self) -> None:
        if not self.degraded:
            self.degraded = DEGRADED
            self._tell(f"Degraded: {DEGRADED}.")


def _lexical_only(kind: str) -> bool:
    """How the template ``filtered`` stands in for ``kind``."""
    if kind not in ("hybrid", "lexical", "filtered"):
        raise UsageError(
            f"the template {kind} has no such filters",
            hint="Filter with --template hybrid or --template lexical.",
        )
    return kind == "lexical"


def checked(question: str) -> str:
    """``question`` without surrounding space; raises UsageError when it cannot be asked."""
    question = question.strip()
    if not question:
        raise UsageError("the question is empty", hint='Ask like this: esrag ask "When …?"')
    if len(question) > LONGEST_QUESTION:
        raise UsageError(
            f"the question has {len(question):,} characters; {LONGEST_QUESTION:,} are the most",
            hint="Ask the question itself; documents are given to: esrag ingest",
        )
    return question
