"""All deployments of the process, and their list on disk that outlives it.

    deployments/<deployment_id>.json    what was asked for; removed when the deployment is stopped

A deployment on the list is started again when the process is: one that cannot be shows its
reason in the state ``failed`` and keeps its place.  Requests become settings here.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from esrag.local.mlnode.cache import parse_size
from esrag.local.mlnode.deployment import Deployment, DeploymentSettings
from esrag.local.mlnode.durable import Staging
from esrag.local.mlnode.execution import (
    ChildExecution,
    Execution,
    ExecutionSettings,
    LoadRefused,
    can_isolate,
)
from esrag.local.mlnode.identifiers import require_id
from esrag.local.mlnode.problems import Problem
from esrag.local.mlnode.store import ModelStore
from esrag.local.mlnode.tokenization import BertTokenizer, TokenizationSettings, read_settings
from esrag.local.mlnode.vocabulary import Vocabulary

Start = Callable[[ExecutionSettings], Execution]

MOST_THREADS = 32
MOST_QUEUED = 100_000
MOST_ALLOCATIONS = 32

_log = logging.getLogger(__name__)


class Deployments:
    """Starts, finds and stops deployments; safe to call from several threads."""

    def __init__(
        self,
        folder: Path,
        staging: Staging,
        store: ModelStore,
        *,
        empty_folder: Path,
        start: Start = ChildExecution,
        isolates: Callable[[], bool] = can_isolate,
    ) -> None:
        self._folder = folder
        self._staging = staging
        self._store = store
        self._empty_folder = empty_folder
        self._start = start
        self._lock = threading.RLock()
        self._running: dict[str, Deployment] = {}
        self._isolates = isolates()
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def isolated(self) -> bool:
        """Whether children reach neither network nor files: probed at the start, told by each."""
        with self._lock:
            return self._isolates and all(d.isolated for d in self._running.values())

    def start_again(self) -> None:
        """Start what the list on disk holds."""
        for path in sorted(self._folder.glob("*.json")):
            try:
                settings = DeploymentSettings(**orjson.loads(path.read_bytes()))
            except (TypeError, orjson.JSONDecodeError) as error:
                _log.error("%s is not a deployment, it is left alone: %s", path, error)
                continue
            try:
                deployment = self._prepare(settings)
            except Problem as problem:
                deployment = self._broken(settings, problem)
            with self._lock:
                self._running[settings.deployment_id] = deployment
            deployment.start()

    def create(self, request: Mapping[str, Any]) -> Deployment:
        """Start a new deployment; returns while it is still starting."""
        settings = read_deployment(request)
        with self._lock:
            if settings.deployment_id in self._running:
                raise Problem(
                    "already_exists",
                    "Could not start model deployment because an existing deployment with the "
                    f"same id [{settings.deployment_id}] exist",
                )
            deployment = self._prepare(settings)
            self._staging.write(self._path(settings.deployment_id), orjson.dumps(asdict(settings)))
            self._running[settings.deployment_id] = deployment
        deployment.start()
        return deployment

    def get(self, deployment_id: str) -> Deployment:
        """A deployment by its id."""
        with self._lock:
            deployment = self._running.get(deployment_id)
        if deployment is None:
            raise Problem("not_found", f"No known model deployment with id [{deployment_id}]")
        return deployment

    def all(self) -> list[Deployment]:
        """Every deployment, in the order of their ids."""
        with self._lock:
            return [self._running[deployment_id] for deployment_id in sorted(self._running)]

    def of_model(self, model_id: str) -> list[Deployment]:
        """The deployments of one model."""
        return [d for d in self.all() if d.settings.model_id == model_id]

    def delete(self, deployment_id: str) -> None:
        """Stop a deployment for good; returns when its child is gone."""
        deployment = self.get(deployment_id)
        deployment.stop()
        with self._lock:
            if self._running.get(deployment_id) is deployment:
                del self._running[deployment_id]
                self._staging.remove(self._path(deployment_id))

    def shut_down(self) -> None:
        """End all children; the list on disk stays, so that the next start brings them back."""
        deployments = self.all()
        for deployment in deployments:
            deployment.begin_stop()
        for deployment in deployments:
            deployment.stop()

    def _path(self, deployment_id: str) -> Path:
        return self._folder / f"{deployment_id}.json"

    def _prepare(self, settings: DeploymentSettings) -> Deployment:
        definition = self._store.deployable(settings.model_id)
        tokenizer = BertTokenizer(self._store.vocabulary(settings.model_id))
        tokenization = self.default_tokenization(settings.model_id)
        tokenizer.check(tokenization)
        execution = ExecutionSettings(
            parts=definition.parts,
            sha256=definition.sha256 or "",
            kind=tokenization.kind,
            pad_id=tokenizer.pad_id,
            allocations=settings.number_of_allocations,
            threads=settings.threads_per_allocation,
            empty_folder=self._empty_folder,
        )
        size = settings.cache_size
        return Deployment(
            settings,
            tokenizer=tokenizer,
            cache_bytes=definition.stored_length if size is None else parse_size(size),
            execute=lambda: self._start(execution),
        )

    def default_tokenization(self, model_id: str) -> TokenizationSettings:
        """What the model's own configuration says about tokenization."""
        inference_config = self._store.config(model_id).get("inference_config")
        return (
            TokenizationSettings() if inference_config is None else read_settings(inference_config)
        )

    @staticmethod
    def _broken(settings: DeploymentSettings, problem: Problem) -> Deployment:
        def refuse() -> Execution:
            raise LoadRefused(problem.message)

        unused = BertTokenizer(Vocabulary(("[PAD]", "[UNK]")))
        return Deployment(settings, tokenizer=unused, cache_bytes=0, execute=refuse)


def read_deployment(request: Mapping[str, Any]) -> DeploymentSettings:
    """Check the body of a start request; the limits are the server's."""
    threads = _number(request, "threads_per_allocation", default=1, most=MOST_THREADS)
    if threads & (threads - 1):
        raise Problem(
            "bad_request",
            f"[threads_per_allocation] must be a power of 2 less than or equal to {MOST_THREADS}",
        )
    priority = request.get("priority", "normal")
    if priority not in ("normal", "low"):
        raise Problem("bad_request", f"[priority] cannot be [{priority}]")
    cache_size = request.get("cache_size")
    if cache_size is not None:
        cache_size = str(cache_size)
        parse_size(cache_size)
    model_id = require_id(request.get("model_id"), name="model_id")
    return DeploymentSettings(
        deployment_id=require_id(request.get("deployment_id", model_id), name="deployment_id"),
        model_id=model_id,
        number_of_allocations=_number(
            request, "number_of_allocations", default=1, most=MOST_ALLOCATIONS
        ),
        threads_per_allocation=threads,
        queue_capacity=_number(request, "queue_capacity", default=10_000, most=MOST_QUEUED),
        priority=priority,
        cache_size=cache_size,
        start_time_ms=int(time.time() * 1000),
    )


def _number(request: Mapping[str, Any], name: str, *, default: int, most: int) -> int:
    value = request.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise Problem("bad_request", f"[{name}] must be a positive integer")
    if value > most:
        raise Problem("bad_request", f"[{name}] must be less than or equal to {most}")
    return value
