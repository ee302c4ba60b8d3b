"""What the routes share: the model once it is loaded, its limits, and the count of requests.

Lives in the event loop.  A request is an async context: leaving it, for whatever reason, frees
its place in the batch, so a client that goes away costs nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from esrag.base_models.source import ModelFolder
from esrag.local.tgi.adapters import Adapters
from esrag.local.tgi.errors import (
    GenerationFailed,
    IncompleteGeneration,
    Overloaded,
    Unhealthy,
    WireError,
)
from esrag.local.tgi.generation.events import Event, Failed, Finished
from esrag.local.tgi.generation.scheduler import Scheduler
from esrag.local.tgi.metrics import Metrics
from esrag.local.tgi.requests import GenerateRequest
from esrag.local.tgi.text import ChatTemplate, TextTokens
from esrag.local.tgi.validation import (
    RESERVED_NEW_TOKENS,
    ConstraintMaker,
    Limits,
    ValidRequest,
    validate,
)

_LONG_TEXT = 20_000  # characters; beyond, tokenising would be felt by other requests


class Generation:
    """The events of one request, as they come from the worker."""

    def __init__(self, request: ValidRequest, queue: asyncio.Queue[Event]) -> None:
        self.input_length = len(request.input_ids)
        self._queue = queue

    async def events(self) -> AsyncIterator[Event]:
        """Everything up to Finished; raises GenerationFailed or IncompleteGeneration."""
        while True:
            event = await self._queue.get()
            if isinstance(event, Failed):
                raise IncompleteGeneration() if event.stopped else GenerationFailed(event.message)
            yield event
            if isinstance(event, Finished):
                return


class Engine:
    """A loaded model that answers requests."""

    def __init__(
        self,
        *,
        model: ModelFolder,
        limits: Limits,
        tokens: TextTokens,
        template: ChatTemplate,
        scheduler: Scheduler,
        compute_type: str,
        metrics: Metrics | None = None,
        grammars: ConstraintMaker | None = None,
        adapters: Adapters | None = None,
    ) -> None:
        self.model = model
        self.limits = limits
        self.tokens = tokens
        self.template = template
        self.scheduler = scheduler
        self.compute_type = compute_type
        self.metrics = metrics or Metrics()
        self.adapters = adapters or Adapters(None, base_names=[model.model_id])
        self._grammars = grammars
        self._places = limits.max_concurrent_requests

    @asynccontextmanager
    async def generate(self, request: GenerateRequest) -> AsyncIterator[Generation]:
        """Validate, queue, and give the place back at the end."""
        if self._places <= 0:
            self.metrics.failure("overloaded")
            raise Overloaded
        self._places -= 1
        try:
            valid = await self._counted(request)
            loop = asyncio.get_running_loop()
            queue: asyncio.Queue[Event] = asyncio.Queue()

            def sink(event: Event) -> None:
                with contextlib.suppress(RuntimeError):  # the loop is closed: the server is going
                    loop.call_soon_threadsafe(queue.put_nowait, event)

            sequence = self.scheduler.submit(valid, sink)
            try:
                yield Generation(valid, queue)
            finally:
                sequence.cancel()
        finally:
            self._places += 1

    async def _counted(self, request: GenerateRequest) -> ValidRequest:
        try:
            valid = await self._validated(request)
        except WireError as error:
            self.metrics.failure(error.error_type)
            raise
        self.metrics.observe("tgi_request_input_length", len(valid.input_ids))
        reserved = min(valid.max_new_tokens, RESERVED_NEW_TOKENS)
        self.metrics.observe("tgi_request_max_new_tokens", reserved)
        return valid

    async def _validated(self, request: GenerateRequest) -> ValidRequest:
        checking = partial(
            validate,
            request,
            limits=self.limits,
            tokens=self.tokens,
            grammars=self._grammars,
            adapter=self.adapters.weights(request.parameters.adapter_id),
        )
        if len(request.inputs) < _LONG_TEXT and request.parameters.grammar is None:
            return checking()
        return await asyncio.to_thread(checking)


@dataclass(slots=True)
class ServerState:
    """Set up before the server listens; ``engine`` comes when the model is loaded."""

    max_body_bytes: int
    api_key: str | None = field(default=None, repr=False)
    engine: Engine | None = None

    def ready(self) -> Engine:
        """The engine; raises Unhealthy while there is none or its worker has died."""
        if self.engine is None or not self.engine.scheduler.alive:
            raise Unhealthy
        return self.engine
