"""Puts answerers together from settings: what is dear is made once, an answerer costs nothing.

    settings ──► Assembly ──┬─ kept for all: generator with its connections, embedder, calibration
                            └─ answerer(client) for each caller: searches with that client's rights

So ``serve`` makes one assembly, and for every request an answerer with the caller's credentials.
Hits, prompts and answers are never kept between questions.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from esrag.answering.answerer import Answerer
from esrag.answering.course import Keep
from esrag.answering.parts import QUOTE_POOL, Choices
from esrag.answering.record import as_record
from esrag.calibration import Calibration, calibration_of
from esrag.cluster.client import authorization_of
from esrag.entailment import entails_from
from esrag.errors import EsragError, UsageError
from esrag.generation.generator import Generator
from esrag.generation.pieces import Piece
from esrag.generation.places import BASE_MODEL, Place
from esrag.generator_place import place_from
from esrag.names import Names
from esrag.observing.answer_log import AnswerLog
from esrag.observing.building import build_observing
from esrag.observing.observing import Observing
from esrag.observing.prices import Prices
from esrag.retrieval import LocalEmbedder, Retriever, shaping_of
from esrag.settings import Settings
from esrag.types import Answer, Message
from esrag.verification import Entails

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

    from esrag.bundle import ModelBundle
    from esrag.cluster.profile import Profile
    from esrag.embedding.process import Purpose

Local = Callable[["Profile"], LocalEmbedder]


CALIBRATION_SECONDS = 60.0


class Assembly:
    """What all answerers of one process share; a context manager, safe in many threads.

    ``local`` makes the embedder of this machine where an index wants one; ``tell`` hears what
    retrieval has to say besides its hits.  With ``metrics`` answers are counted in
    ``observing.metrics``.  ``log`` keeps feedback and, where that is wanted, answers; None where
    neither is.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        local: Local,
        tell: Callable[[str], None] = lambda _: None,
        metrics: bool = False,
    ) -> None:
        self._settings = settings
        self.observing = observing_from(settings, metrics=metrics)
        self._tell = tell
        self._shaping = shaping_of(settings.retrieval)
        self._lock = threading.Lock()
        self._local = local
        self._embedder: LocalEmbedder | None = None
        self._generator: Generator | None = None
        self._judge: Generator | None = None
        self._retrievers: dict[bool, Retriever] = {}
        self._calibrations: dict[str, tuple[Calibration, float]] = {}
        self.log = self._log() if settings.answer.log or settings.serve.feedback else None

    @property
    def generator(self) -> Generator:
        """The generator of the settings; nothing is sent before it is asked for something."""
        with self._lock:
            if self._generator is None:
                self._generator = Generator(place_from(self._settings))
            return self._generator

    def answerer(
        self,
        client: Elasticsearch,
        *,
        generate: bool | None = None,
        allow_degraded: bool = False,
        choices: Choices | None = None,
    ) -> Answerer:
        """An answerer that searches with the rights of ``client``; nothing is sent.

        ``generate`` and ``choices`` stand for those of the settings.
        """
        wanted = self._settings.answer.generate if generate is None else generate
        retriever = self.retriever(client, allow_degraded=allow_degraded)

        def calibration() -> Calibration:
            return self._calibration(retriever.profile.calibration)

        return Answerer(
            retrieve=retriever.retrieve,
            embed=retriever.embed,
            generator=self._generator_for(client) if wanted else None,
            calibration=calibration,
            choices=choices or choices_from(self._settings),
            observing=self.observing,
            keep=self._keep(client),
            entails=self._entails_for(client) if wanted else None,
        )

    def retriever(self, client: Elasticsearch, *, allow_degraded: bool = False) -> Retriever:
        """A retriever that searches with the rights of ``client``; nothing is sent.

        What the index says of itself is read once a minute, for all.
        """
        with self._lock:
            kept = self._retrievers.get(allow_degraded)
            if kept is None:
                kept = self._retriever(client, allow_degraded=allow_degraded)
                self._retrievers[allow_degraded] = kept
        return kept.with_client(client)

    def _retriever(self, client: Elasticsearch, *, allow_degraded: bool) -> Retriever:
        return Retriever(
            client,
            Names(self._settings.index.set),
            self._settings.retrieval.template,
            model_id=self._settings.model.id,
            local=self._shared,
            allow_degraded=allow_degraded,
            tell=self._tell,
            shaping=self._shaping,
        )

    def _generator_for(self, client: Elasticsearch) -> Generator:
        """The generator; where the cluster leads to it, with the rights of ``client``."""
        generator = self.generator
        if self._settings.generator.protocol == "elasticsearch":
            return generator.as_caller(authorization_of(client))
        return generator

    def _entails_for(self, client: Elasticsearch) -> Entails | None:
        """Who checks sentences besides the rules; the cluster's model with the caller's rights."""
        wanted = self._settings.answer
        return entails_from(
            client, nli_model=wanted.nli_model, judge=self._judged if wanted.judge_url else None
        )

    def _judged(self, messages: Sequence[Message], most: int) -> Iterator[Piece]:
        """What the judge says to messages, in at most so many tokens."""
        wanted = self._settings.answer
        with self._lock:
            if self._judge is None:
                place = Place(url=wanted.judge_url, model=wanted.judge_model or BASE_MODEL)
                self._judge = Generator(place)
            judge = self._judge
        with closing(judge.stream(messages, max_tokens=most)) as pieces:
            yield from pieces

    def _calibration(self, note: str) -> Calibration:
        """The thresholds of the document set: what its index notes, else those of this machine."""
        now = time.monotonic()
        kept = self._calibrations.get(note)
        if kept is None or now - kept[1] > CALIBRATION_SECONDS:
            found = calibration_of(note, calibration_file(self._settings))
            self._calibrations = {note: (found, now)}
            return found
        return kept[0]

    def keep_feedback(
        self, client: Elasticsearch, *, answer_id: str, rating: str, comment: str
    ) -> None:
        """Keep what a reader thinks of an answer, with the rights of ``client``.

        Raises what the cluster raises, and UsageError where feedback is not kept.
        """
        if self.log is None or not self._settings.serve.feedback:
            raise UsageError("feedback is not kept here", hint="Switch on serve.feedback.")
        self.log.keep_feedback(client, answer_id, rating=rating, comment=comment)

    def close(self) -> None:
        """End the generator's connections and the embedder."""
        with self._lock:
            generator, self._generator = self._generator, None
            judge, self._judge = self._judge, None
            embedder, self._embedder = self._embedder, None
        self._shaping.close()
        for speaking in (generator, judge):
            if speaking is not None:
                speaking.close()
        if embedder is not None:
            embedder.close()
        if self.log is not None:
            self.log.close()
        self.observing.close()

    def __enter__(self) -> Assembly:
        """The assembly itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def _log(self) -> AnswerLog:
        metrics = self.observing.metrics
        return AnswerLog(
            Names(self._settings.index.set).answers,
            record=_record,
            prices=self.observing.prices,
            tell=self._tell,
            missed=metrics.unlogged if metrics else lambda: None,
        )

    def _keep(self, client: Elasticsearch) -> Keep | None:
        log = self.log
        if log is None or not self._settings.answer.log:
            return None
        return lambda answer, error: log.keep(
            client, answer, error=error, trace_id=self.observing.trace_id()
        )

    def _shared(self, profile: Profile) -> LocalEmbedder:
        """The one embedder of this process, made when it is first needed."""
        with self._lock:
            if self._embedder is None or not profile.fits(self._embedder.bundle.fingerprint):
                old, self._embedder = self._embedder, self._local(profile)
                if old is not None:
                    old.close()
            return _Borrowed(self._embedder)


def choices_from(settings: Settings) -> Choices:
    """What the settings say about the steps of an answer."""
    answer, retrieval = settings.answer, settings.retrieval
    return Choices(
        verify=answer.verify,
        quote=answer.quote,
        refuse=answer.refuse,
        speculate=answer.speculate,
        rewrite=answer.rewrite,
        size=max(retrieval.size, QUOTE_POOL),
        passages=settings.generator.passages,
        per_source=retrieval.per_source,
    )


def observing_from(settings: Settings, *, metrics: bool) -> Observing:
    """What the settings say about spans and prices; with ``metrics`` also metrics."""
    wanted = settings.observe
    authorization = wanted.otlp_authorization
    return build_observing(
        prices=Prices(wanted.prompt_token_cost, wanted.generated_token_cost),
        metrics=metrics,
        otlp_endpoint=wanted.otlp_endpoint,
        otlp_authorization=authorization.get_secret_value() if authorization else "",
        content=wanted.content,
    )


def calibration_file(settings: Settings) -> Path:
    """Where the thresholds of the settings' document set are kept on this machine."""
    return settings.data_dir / "calibration" / f"{settings.index.set}.json"


def _record(answer: Answer, error: EsragError | None) -> dict[str, Any]:
    said = (error.message, error.hint) if error is not None else None
    return as_record(answer, hits=True, prompt=True, error=said)


class _Borrowed:
    """The shared embedder as one retriever sees it: letting go of it ends nothing."""

    def __init__(self, embedder: LocalEmbedder) -> None:
        self._embedder = embedder
        self.bundle: ModelBundle = embedder.bundle

    def embed(self, texts: Sequence[str], purpose: Purpose = "none") -> list[list[float]]:
        """One vector for each text."""
        return self._embedder.embed(texts, purpose)

    def close(self) -> None:
        """The others still use it."""
