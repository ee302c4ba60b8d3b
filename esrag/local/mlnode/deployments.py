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
    Execution,
    ExecutionSettings,
    LoadRefused,
    can_isolate,
)
from esrag.local.mlnode.identifiers import require_id
from esrag.local.mlnode.problems import Problem
from esrag.local.mlnode.scaling import (
    MOST_ALLOCATIONS,
    AdaptiveAllocations,
    Scaler,
    read_adaptive,
)
from esrag.local.mlnode.store import ModelStore
from esrag.local.mlnode.tasks.embedding import TextEmbedding
from esrag.local.mlnode.tasks.registry import read_kind, read_task
from esrag.local.mlnode.tasks.task import Output, Task
from esrag.local.mlnode.tokenization import TokenizationSettings
from esrag.local.mlnode.tokenizer import VocabularyTokenizer
from esrag.local.mlnode.vocabulary import Vocabulary

Start = Callable[[ExecutionSettings], Execution]

MOST_THREADS = 32
MOST_QUEUED = 100_000
SCALE_EVERY_SECONDS = 10.0

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
        start: Start,
        isolates: Callable[[], bool] = can_isolate,
        scale_every: float = SCALE_EVERY_SECONDS,
    ) -> None:
        self._folder = folder
        self._staging = staging
        self._store = store
        self._empty_folder = empty_folder
        self._start = start
        self._lock = threading.RLock()
        self._running: dict[str, Deployment] = {}
        self._isolates = isolates()
        self._scale_every = scale_every
        self._scalers: dict[str, Scaler] = {}
        self._scaling: threading.Thread | None = None
        self._over = threading.Event()
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
                settings = _read_settings(path.read_bytes())
            except (TypeError, orjson.JSONDecodeError) as error:
                _log.error("%s is not a deployment, it is left alone: %s", path, error)
                continue
            try:
                deployment = self._prepare(settings)
            except Problem as problem:
                deployment = self._broken(settings, problem)
            with self._lock:
                self._running[settings.deployment_id] = deployment
                self._follow(settings)
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
            self._write(settings)
            self._running[settings.deployment_id] = deployment
            self._follow(settings)
        deployment.start()
        return deployment

    def update(self, deployment_id: str, request: Mapping[str, Any]) -> Deployment:
        """Change how many allocations a deployment has, or who decides it."""
        with self._lock:
            deployment = self.get(deployment_id)
            before = deployment.settings
            adaptive = read_adaptive(
                request.get("adaptive_allocations"), before.adaptive_allocations
            )
            if "adaptive_allocations" in request and request["adaptive_allocations"] is None:
                adaptive = None  # the wish itself is taken back
            allocations = request.get("number_of_allocations")
            if adaptive is not None and adaptive.enabled:
                if allocations is not None:
                    raise Problem(
                        "bad_request",
                        "[number_of_allocations] cannot be set if adaptive allocations is enabled",
                    )
                number = adaptive.bound(before.number_of_allocations)
            else:
                number = _number(
                    request if allocations is not None else {},
                    "number_of_allocations",
                    default=before.number_of_allocations,
                    most=MOST_ALLOCATIONS,
                )
            self._resize(deployment, number, adaptive)
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
                self._scalers.pop(deployment_id, None)
                self._staging.remove(self._path(deployment_id))

    def shut_down(self) -> None:
        """End all children; the list on disk stays, so that the next start brings them back."""
        self._over.set()
        deployments = self.all()
        for deployment in deployments:
            deployment.begin_stop()
        for deployment in deployments:
            deployment.stop()

    def scale(self, now: float) -> None:
        """Give each deployment that adapts as many allocations as its load asks for."""
        for deployment in self.all():
            limits = deployment.settings.adaptive_allocations
            if limits is None or not limits.enabled or not deployment.is_started:
                continue
            with self._lock:
                scaler = self._scalers.setdefault(deployment.settings.deployment_id, Scaler())
                before = deployment.settings.number_of_allocations
                number = scaler.decide(
                    before, limits, busy_seconds=deployment.busy_seconds, now=now
                )
                if number != before:
                    _log.info(
                        "deployment [%s] goes from %d to %d allocations",
                        deployment.settings.deployment_id,
                        before,
                        number,
                    )
                    self._resize(deployment, number, limits)

    def _follow(self, settings: DeploymentSettings) -> None:
        adaptive = settings.adaptive_allocations
        if adaptive is None or not adaptive.enabled or self._scaling is not None:
            return
        self._scaling = threading.Thread(
            target=self._keep_scaling, name="adaptive allocations", daemon=True
        )
        self._scaling.start()

    def _keep_scaling(self) -> None:
        while not self._over.wait(self._scale_every):
            try:
                self.scale(time.monotonic())
            except (Problem, OSError) as error:  # stopped meanwhile, or the disk is full
                _log.warning("allocations could not be adapted: %s", error)

    def _resize(
        self, deployment: Deployment, number: int, adaptive: AdaptiveAllocations | None
    ) -> None:
        settings = deployment.update(number, adaptive)
        self._write(settings)
        self._follow(settings)

    def _write(self, settings: DeploymentSettings) -> None:
        self._staging.write(self._path(settings.deployment_id), orjson.dumps(asdict(settings)))

    def _path(self, deployment_id: str) -> Path:
        return self._folder / f"{deployment_id}.json"

    def _prepare(self, settings: DeploymentSettings) -> Deployment:
        definition = self._store.deployable(settings.model_id)
        task_name, output, tokenization = self._kind(settings.model_id)
        tokenizer = VocabularyTokenizer(self._store.vocabulary(settings.model_id), tokenization)
        execution = ExecutionSettings(
            parts=definition.parts,
            sha256=definition.sha256 or "",
            kind=tokenization.kind,
            pad_id=tokenizer.pad_id,
            output=output,
            slots=MOST_ALLOCATIONS,
            threads=settings.threads_per_allocation,
            empty_folder=self._empty_folder,
        )
        size = settings.cache_size
        return Deployment(
            settings,
            task_name=task_name,
            tokenizer=tokenizer,
            cache_bytes=definition.stored_length if size is None else parse_size(size),
            execute=lambda: self._start(execution),
        )

    def default_task(self, model_id: str) -> Task:
        """The task that the model's own configuration names, for a call that brings none."""
        inference_config = self._store.config(model_id).get("inference_config")
        if inference_config is None:
            return TextEmbedding(TokenizationSettings())
        return read_task(inference_config)

    def _kind(self, model_id: str) -> tuple[str, Output, TokenizationSettings]:
        inference_config = self._store.config(model_id).get("inference_config")
        if inference_config is None:
            return TextEmbedding.name, TextEmbedding.output, TokenizationSettings()
        return read_kind(inference_config)

    @staticmethod
    def _broken(settings: DeploymentSettings, problem: Problem) -> Deployment:
        def refuse() -> Execution:
            raise LoadRefused(problem.message)

        unused = VocabularyTokenizer(
            Vocabulary(("[PAD]", "[UNK]")), TokenizationSettings(with_special_tokens=False)
        )
        return Deployment(settings, task_name="", tokenizer=unused, cache_bytes=0, execute=refuse)


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
    adaptive = read_adaptive(request.get("adaptive_allocations"))
    if adaptive is not None and adaptive.enabled:
        allocations = adaptive.bound(1)
    else:
        allocations = _number(request, "number_of_allocations", default=1, most=MOST_ALLOCATIONS)
    return DeploymentSettings(
        deployment_id=require_id(request.get("deployment_id", model_id), name="deployment_id"),
        model_id=model_id,
        number_of_allocations=allocations,
        threads_per_allocation=threads,
        queue_capacity=_number(request, "queue_capacity", default=10_000, most=MOST_QUEUED),
        priority=priority,
        cache_size=cache_size,
        start_time_ms=int(time.time() * 1000),
        adaptive_allocations=adaptive,
    )


def _read_settings(written: bytes) -> DeploymentSettings:
    fields = orjson.loads(written)
    adaptive = fields.pop("adaptive_allocations", None)
    return DeploymentSettings(
        **fields,
        adaptive_allocations=None if adaptive is None else AdaptiveAllocations(**adaptive),
    )


def _number(request: Mapping[str, Any], name: str, *, default: int, most: int) -> int:
    value = request.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise Problem("bad_request", f"[{name}] must be a positive integer")
    if value > most:
        raise Problem("bad_request", f"[{name}] must be less than or equal to {most}")
    return value
