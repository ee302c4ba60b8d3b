"""The adapters that the server has now, by name: loaded and unloaded while it runs.

    POST /v1/load_lora_adapter ──► checks ──► reader (a thread) ──► by name
    request with ``model`` or ``adapter_id`` ──► the weights, kept by the request to its end

Unloading takes the name away at once; requests that run keep the weights that they began with,
and the last of them frees the memory.  Names, limits and words of refusal are vLLM's, whose
routes these are; TGI itself knows its adapters only from its start.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from esrag.errors import EsragError, UnsupportedError, UsageError
from esrag.local.tgi.chat_requests import BASE_MODEL
from esrag.local.tgi.errors import AdapterRefused
from esrag.local.tgi.metrics import Metrics

_NAME = re.compile(r"[A-Za-z0-9_][\w.:@/-]{0,127}")
_log = logging.getLogger(__name__)


class AdapterWeights(Protocol):
    """What the runner takes; only its size matters here."""

    @property
    def bytes(self) -> int:
        """What it occupies."""


class Reader(Protocol):
    """Turns folders into weights; see ``generation.adapter_reading``."""

    def prepare(self) -> None:
        """What takes long and can be done before there is an adapter."""

    def read(self, folder: Path, *, most_bytes: int) -> tuple[AdapterWeights, str]:
        """The weights and the sha256 of their file; raises UnsupportedError."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """One adapter that can be asked for."""

    name: str
    folder: Path
    weights: AdapterWeights
    sha256: str


@dataclass(frozen=True, slots=True)
class AdapterPlan:
    """Which adapters to begin with, where others may come from, and how many."""

    first: tuple[tuple[str, Path], ...] = ()
    below: tuple[Path, ...] = ()
    most: int = 16


class Adapters:
    """All adapters of one server.  Lives in the event loop, except for ``begin``."""

    def __init__(
        self,
        reader: Reader | None,
        *,
        base_names: Collection[str],
        plan: AdapterPlan | None = None,
        most_bytes: int = 0,
        metrics: Metrics | None = None,
    ) -> None:
        self._reader = reader
        self._base_names = frozenset(base_names) | {BASE_MODEL}
        self._plan = plan or AdapterPlan()
        self._most_bytes = most_bytes
        self._metrics = metrics or Metrics()
        self._by_name: dict[str, Adapter] = {}
        self._loading = asyncio.Lock()

    def __iter__(self) -> Iterator[Adapter]:
        return iter(self._by_name.values())

    def begin(self) -> None:
        """Load the first ones, before anything is served; raises where one is refused."""
        for name, folder in self._plan.first:
            try:
                self._check_name(name, replacing=False)
                self._check_room(name)
                self._keep(self._read(name, folder.resolve()))
            except AdapterRefused as error:
                raise UsageError(f"--adapter {name}={folder}: {error.message}") from error

    def prepare(self) -> None:
        """Do now, in a thread of the server's start, what the first adapter would wait for."""
        if self._reader is not None and (self._plan.first or self._plan.below):
            try:
                self._reader.prepare()
            except OSError as error:
                _log.warning("adapters are not ready to be checked: %s", error)

    def weights(self, name: str | None) -> AdapterWeights | None:
        """What a request of that ``model`` or ``adapter_id`` goes through.

        A name that is not known is served by the base model without a word, as by TGI.
        """
        adapter = None if name is None else self._by_name.get(name)
        if adapter is None:
            return None
        self._metrics.count("esrag_adapter_requests_count", adapter=adapter.name)
        return adapter.weights

    async def load(self, name: str, path: str, *, replacing: bool) -> None:
        """Load a folder under a name; raises AdapterRefused, and then nothing has changed."""
        async with self._loading:  # one at a time: the limits hold, and so does the memory
            self._check_name(name, replacing=replacing)
            folder = self._allowed(path)
            self._check_room(name)
            begun = time.monotonic()
            try:
                adapter = await asyncio.to_thread(self._read, name, folder)
            except EsragError as error:
                raise AdapterRefused(_words(error)) from error
            except (OSError, MemoryError, RuntimeError) as error:
                raise AdapterRefused(f"{folder} cannot be loaded: {error!r}") from error
            self._keep(adapter)
            self._metrics.observe("esrag_adapter_load_duration", time.monotonic() - begun)

    def unload(self, name: str) -> None:
        """Forget a name; raises AdapterRefused where there is none."""
        if not name:
            raise AdapterRefused("'lora_name' must be provided.", kind="InvalidUserInput")
        if name not in self._by_name:
            raise AdapterRefused(
                f"The lora adapter '{name}' cannot be found.", kind="NotFoundError", status=404
            )
        del self._by_name[name]
        self._metrics.set("esrag_adapters_loaded", len(self._by_name))
        _log.info("adapter %s was unloaded", name)

    def _keep(self, adapter: Adapter) -> None:
        self._by_name[adapter.name] = adapter
        self._metrics.set("esrag_adapters_loaded", len(self._by_name))
        _log.info(
            "adapter %s: %.1f MiB from %s, sha256 %s",
            adapter.name,
            adapter.weights.bytes / 2**20,
            adapter.folder,
            adapter.sha256,
        )

    def _read(self, name: str, folder: Path) -> Adapter:
        if self._reader is None:
            raise UnsupportedError("this server has no adapters")
        taken = sum(one.weights.bytes for one in self._by_name.values() if one.name != name)
        left = max(0, self._most_bytes - taken)
        weights, sha256 = self._reader.read(folder, most_bytes=left)
        return Adapter(name, folder, weights, sha256)

    def _check_name(self, name: str, *, replacing: bool) -> None:
        if not _NAME.fullmatch(name):
            raise AdapterRefused(
                f"{name!r} is no name for an adapter: letters, digits and . _ - : @ /, 128 at most",
                kind="InvalidUserInput",
            )
        if name in self._base_names:
            raise AdapterRefused(
                f"The lora adapter name '{name}' conflicts with a served base model.",
                kind="InvalidUserInput",
            )
        if name in self._by_name and not replacing:
            raise AdapterRefused(
                f"The lora adapter '{name}' has already been loaded. "
                "If you want to load the adapter in place, set 'load_inplace' to True.",
                kind="InvalidUserInput",
            )

    def _check_room(self, name: str) -> None:
        if name not in self._by_name and len(self._by_name) >= self._plan.most:
            raise AdapterRefused(
                f"{self._plan.most} adapters are loaded, as many as this server takes; "
                "unload one, or start it with a higher --max-adapters"
            )

    def _allowed(self, path: str) -> Path:
        """The folder, if it is one from which this server may load."""
        if not Path(path).is_absolute():
            raise AdapterRefused(
                f"lora_path {path!r} is no absolute path; ids of the hub are not fetched"
            )
        try:
            folder = Path(path).resolve()
            # where nothing may be loaded from, not even what is there is told
            if not any(folder.is_relative_to(top.resolve()) for top in self._plan.below):
                raise AdapterRefused(f"{path} is not below {_listed(self._plan.below)}")
            there = folder.is_dir()
        except (OSError, RuntimeError, ValueError) as error:
            raise AdapterRefused(f"lora_path {path!r} cannot be followed: {error}") from error
        if not there:
            raise AdapterRefused(f"No adapter found for {path}", kind="NotFoundError", status=404)
        return folder


def _listed(folders: Sequence[Path]) -> str:
    if not folders:
        return "any folder that this server may load adapters from; start it with --adapters-below"
    return " or ".join(str(folder) for folder in folders)


def _words(error: EsragError) -> str:
    return f"{error.message}. {error.hint}" if error.hint else error.message
