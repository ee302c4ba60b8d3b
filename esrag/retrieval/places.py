"""Where the work for a document set is done, and who takes over when a licence ends.

    profile of the index ──► cluster embeds and fuses │ cluster embeds, we fuse │ we do both
                                  └────── licence ended ──────┴──────────────────────┘

Kept for as long as a process asks one set, by all threads and callers together.  Knows no query.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, TypeVar

from esrag.bundle import ModelBundle
from esrag.cluster.profile import Profile, read_profile
from esrag.embedding.process import Purpose
from esrag.errors import LicenceError, UnsupportedError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

Result = TypeVar("Result")

PROFILE_SECONDS = 60.0  # so long a change of the set may stay unnoticed, under serve


class LocalEmbedder(Protocol):
    """A model on this machine; ``esrag.embedding.process.Embedder`` is the real one."""

    bundle: ModelBundle

    def embed(self, texts: Sequence[str], purpose: Purpose = "none") -> list[list[float]]:
        """One vector for each text."""

    def close(self) -> None:
        """Let go of it."""


def no_embedder(profile: Profile) -> LocalEmbedder:
    """Stands for a caller who gave none."""
    raise UnsupportedError(
        f"no embedder was given for an index that embeds in the {profile.embedding}"
    )


class Places:
    """The profile of ``index``, the embedder of this machine, and what the licence ended.

    ``local`` makes the embedder that fits a profile, and raises UnsupportedError when there is
    none.  A ``profile`` that is given stays.  Safe in many threads.
    """

    def __init__(
        self,
        index: str,
        *,
        local: Callable[[Profile], LocalEmbedder],
        profile: Profile | None,
        tell: Callable[[str], None],
    ) -> None:
        self._index = index
        self._local = local
        self._tell = tell
        self._lock = threading.RLock()
        self._profile = profile
        self._until = math.inf  # when the profile is to be read again
        self._embedder: LocalEmbedder | None = None
        self._told: set[str] = set()

    @property
    def known(self) -> Profile | None:
        """The profile as far as it is known without asking."""
        return self._profile

    def profile(self, client: Elasticsearch) -> Profile:
        """Where the work is done; read once a minute."""
        with self._lock:
            if self._profile is not None and time.monotonic() < self._until:
                return self._profile
        profile = read_profile(client, self._index)
        if profile.indices:  # else these credentials may not see them: others may
            self._keep(profile)
        return profile

    def embedder(self, client: Elasticsearch) -> LocalEmbedder:
        """The model of this machine; raises UnsupportedError when there is none."""
        with self._lock:
            if self._embedder is None:
                self._embedder = self._local(self.profile(client))
            return self._embedder

    def forget(self, profile: Profile) -> None:
        """Let go of a profile that is outdated, unless another thread has done so."""
        with self._lock:
            if self._profile == profile:
                self._profile = None
                self.close()

    def working(self, client: Elasticsearch, work: Callable[[], Result]) -> Result:
        """The outcome of ``work``; a licence that ended moves work here, piece by piece."""
        while True:
            before = self._profile
            try:
                return work()
            except LicenceError as error:
                with self._lock:
                    profile = self.profile(client)
                    if before in (None, profile):  # else another thread was here first
                        self._take_over(error, profile, client)

    def tell_once(self, words: str) -> None:
        """Tell what has not been told yet."""
        with self._lock:
            known = words in self._told
            self._told.add(words)
        if not known:
            self._tell(words)

    def close(self) -> None:
        """End the embedder, if there is one."""
        with self._lock:
            embedder, self._embedder = self._embedder, None
        if embedder is not None:
            embedder.close()

    def _keep(self, profile: Profile) -> None:
        """Remember a profile; an embedder of another model is let go."""
        with self._lock:
            old, self._profile = self._profile, profile
            self._until = time.monotonic() + PROFILE_SECONDS
            if old is not None and old.model != profile.model:
                self.close()

    def _take_over(self, error: LicenceError, profile: Profile, client: Elasticsearch) -> None:
        if profile.fusion == "cluster":
            self._keep(replace(profile, fusion="client"))
            self.tell_once(
                f"{error.message}\nThis machine fuses the rankings instead, in the same order. "
                "To make it last: esrag setup"
            )
        elif profile.embedding == "cluster":
            try:
                self.embedder(client)
            except UnsupportedError as missing:
                raise LicenceError(
                    f"{error.message}\nEmbedding on this machine is not possible: "
                    f"{missing.message}",
                    hint=f"{missing.hint}. Or renew the licence of the cluster.",
                ) from error
            self._keep(replace(profile, embedding="client"))
            self.tell_once(
                f"{error.message}\nThis machine embeds instead; the ranking is the same. To make "
                "it last: esrag setup"
            )
        else:
            raise error
