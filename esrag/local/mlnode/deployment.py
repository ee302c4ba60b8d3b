"""One deployment: a queue of inputs, the child process that executes them, and its numbers.

    infer ─► cache? ─► task ─► waiting ─► (a thread per allocation) ─► child ─► task ─► result

A supervising thread starts the child, notices its end at once, tells everybody who waited, and
starts it again a bounded number of times.  Allocations come and go while it runs.  HTTP is
unknown here, and so are torch and what the tasks make of a module's output.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from esrag.local.mlnode.cache import ResultCache
from esrag.local.mlnode.execution import ChildEnded, Execution, LoadRefused, Outcome
from esrag.local.mlnode.problems import Problem
from esrag.local.mlnode.request import InferRequest, InputResult, WaitingSequence, Work
from esrag.local.mlnode.scaling import AdaptiveAllocations
from esrag.local.mlnode.statistics import Statistics
from esrag.local.mlnode.tasks.task import Task
from esrag.local.mlnode.tokenization import Refused
from esrag.local.mlnode.tokenizer import VocabularyTokenizer
from esrag.local.mlnode.waiting import WaitingSequences

State = Literal["starting", "started", "stopping", "failed"]

MOST_CRASHES = 5
CRASH_WINDOW_SECONDS = 600.0
# Padded tokens of a full batch for each thread.  Measured with MiniLM on two threads, tokens per
# second are level from 256 to 2048 tokens in a batch; small batches make questions wait less.
TOKENS_PER_THREAD = 256
# An allocation has one batch in work and the next at hand, so that it never waits for us.
BATCHES_AT_HAND = 2
# What is sent ahead must fit the socket's buffer, as the child reads it only after its own answer.
MOST_TOKENS_AHEAD = 8192

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeploymentSettings:
    """What was asked for when the deployment was started."""

    deployment_id: str
    model_id: str
    number_of_allocations: int
    threads_per_allocation: int
    queue_capacity: int
    priority: str
    cache_size: str | None
    start_time_ms: int
    adaptive_allocations: AdaptiveAllocations | None = None


class Deployment:
    """A deployment from start to stop; every method may be called from any thread."""

    def __init__(
        self,
        settings: DeploymentSettings,
        *,
        task_name: str,
        tokenizer: VocabularyTokenizer,
        cache_bytes: int,
        execute: Callable[[], Execution],
        restart_delay: Callable[[int], float] = lambda crashes: min(0.1 * 4**crashes, 10.0),
    ) -> None:
        self.settings = settings
        self.isolated = True
        self._task_name = task_name
        self._tokenizer = tokenizer
        self._execute = execute
        self._restart_delay = restart_delay
        self._changed = threading.Condition()
        self._state: State = "starting"
        self._reason = ""
        self._waiting = WaitingSequences(
            capacity=settings.queue_capacity,
            token_budget=TOKENS_PER_THREAD * settings.threads_per_allocation,
        )
        self._running = 0
        self._statistics = Statistics()
        self._cache = ResultCache(cache_bytes)
        self._execution: Execution | None = None
        self._serving: tuple[Execution, threading.Event] | None = None
        self._slots: dict[int, threading.Thread] = {}
        self._crashes: list[float] = []
        self._supervisor = threading.Thread(
            target=self._supervise, name=f"supervise {settings.deployment_id}", daemon=True
        )

    def start(self) -> None:
        """Start in the background."""
        self._supervisor.start()

    def stop(self) -> None:
        """End the child and refuse what waits; returns when the child is gone."""
        self.begin_stop()
        if self._supervisor.ident is not None:
            self._supervisor.join()

    def begin_stop(self) -> None:
        """Refuse what waits and tell the child to end, without waiting for it."""
        with self._changed:
            self._state = "stopping"
            execution = self._execution
            self._fail_waiting(self._not_deployed())
            self._changed.notify_all()
        if execution is not None:
            execution.kill()

    def submit(self, texts: Sequence[str], task: Task) -> InferRequest:
        """Queue the texts; the request's future holds one result for each of them.

        Tokenising long texts takes a while; callers with a loop use a thread.
        """
        with self._changed:
            self._require_running()
            self._require_room(len(texts))
        self._require_task(task)
        request = InferRequest(texts, task)
        unknown = self._settle_from_cache(request)
        prepared = task.prepare([texts[position] for position in unknown], self._tokenizer)
        refusals: list[tuple[int, str]] = []
        for position, item in zip(unknown, prepared, strict=True):
            if isinstance(item, Refused):
                refusals.append((position, item.reason))
            else:
                request.waiting += Work(request, position, item).sequences
        with self._changed:
            self._require_running()
            self._require_room(len(unknown) - len(refusals))
            self._waiting.add(request.waiting)
            for position, reason in refusals:
                self._statistics.error_count += 1
                request.settle(position, InputResult(None, error=reason))
            self._changed.notify_all()
        return request

    def give_up(self, request: InferRequest) -> None:
        """The caller's time is over: drop what still waits and count what it got nothing for."""
        with self._changed:
            self._waiting.remove(request.waiting)
            self._statistics.timeout_count += request.missing
            request.future.cancel()

    def update(
        self, allocations: int, adaptive_allocations: AdaptiveAllocations | None
    ) -> DeploymentSettings:
        """Have so many allocations from now on; what is being executed is not disturbed."""
        with self._changed:
            self._require_running()
            self.settings = replace(
                self.settings,
                number_of_allocations=allocations,
                adaptive_allocations=adaptive_allocations,
            )
            self._start_allocations()
            self._changed.notify_all()
            return self.settings

    def clear_cache(self) -> None:
        """Forget all results."""
        with self._changed:
            self._cache.clear()

    @property
    def busy_seconds(self) -> float:
        """All time spent in the model."""
        with self._changed:
            return self._statistics.executed_seconds

    @property
    def is_started(self) -> bool:
        """Whether it executes now."""
        with self._changed:
            return self._state == "started"

    @property
    def is_starting(self) -> bool:
        """Whether it does not execute yet, or not again."""
        with self._changed:
            return self._state == "starting"

    def describe(self) -> dict[str, Any]:
        """The deployment as the wire shows it."""
        with self._changed:
            settings, numbers = self.settings, self._statistics
            adaptive = settings.adaptive_allocations
            description = {
                "deployment_id": settings.deployment_id,
                "model_id": settings.model_id,
                "state": self._state,
                "reason": self._reason,
                "start_time_ms": settings.start_time_ms,
                "number_of_allocations": settings.number_of_allocations,
                "target_allocations": settings.number_of_allocations,
                "threads_per_allocation": settings.threads_per_allocation,
                "queue_capacity": settings.queue_capacity,
                "priority": settings.priority,
                "adaptive_allocations": None if adaptive is None else adaptive.describe(),
                "inference_count": numbers.inference_count,
                "error_count": numbers.error_count,
                "rejected_execution_count": numbers.rejected_count,
                "timeout_count": numbers.timeout_count,
                "inference_cache_hit_count": numbers.cache_hit_count,
                "average_inference_time_ms": numbers.average_inference_ms,
                "number_of_pending_requests": len(self._waiting) + self._running,
                "last_access_ms": numbers.last_access_ms,
                "throughput_last_minute": numbers.throughput_last_minute,
                "peak_throughput_per_minute": numbers.peak_per_minute,
            }
            if settings.cache_size is not None:
                description["cache_size"] = settings.cache_size
            return description

    # -- callers' side ------------------------------------------------------------------------

    def _require_running(self) -> None:
        if self._state == "failed":
            raise Problem(
                "failed",
                f"Deployment [{self.settings.deployment_id}] has failed: {self._reason}",
            )
        if self._state == "stopping":
            raise self._not_deployed()

    def _require_task(self, task: Task) -> None:
        if task.name != self._task_name:
            raise Problem(
                "bad_request",
                f"Trained model [{self.settings.model_id}] is configured for task "
                f"[{self._task_name}] but called with task [{task.name}]",
            )

    def _require_room(self, inputs: int) -> None:
        try:
            self._waiting.require_room(inputs)
        except Problem:
            self._statistics.rejected_count += inputs
            raise

    def _not_deployed(self) -> Problem:
        return Problem(
            "not_deployed",
            f"Deployment [{self.settings.deployment_id}] is stopping; model "
            f"[{self.settings.model_id}] must be deployed to use",
        )

    def _settle_from_cache(self, request: InferRequest) -> list[int]:
        """Answer what is known; returns the positions that are not."""
        if not self._cache.enabled:
            return list(range(len(request.texts)))
        unknown = []
        with self._changed:
            for position, text in enumerate(request.texts):
                known = self._cache.get(text, request.task)
                if known is None:
                    unknown.append(position)
                else:
                    request.settle(position, known)
            self._statistics.served_from_cache(len(request.texts) - len(unknown))
        return unknown

    # -- the child's side ---------------------------------------------------------------------

    def _supervise(self) -> None:
        while True:
            try:
                with self._changed:
                    if self._state == "stopping":
                        return
                    execution = self._execution = self._execute()
                execution.wait_ready()
                reason = self._serve(execution)
            except LoadRefused as refused:
                self._fail(str(refused))
                return
            except ChildEnded as ended:
                reason = str(ended)
            except OSError as error:
                reason = f"the child process could not be started: {error}"
            if not self._may_restart(reason):
                return

    def _serve(self, execution: Execution) -> str:
        """Hand out batches until the child is gone; returns why it is."""
        with self._changed:
            self.isolated = execution.isolated
            if self._state == "starting":
                self._state, self._reason = "started", ""
                _log.info("deployment [%s] started", self.settings.deployment_id)
            ended = threading.Event()
            self._serving = (execution, ended)
            self._start_allocations()
        reason = execution.wait_end()
        with self._changed:
            ended.set()
            self._serving = None
            allocations = list(self._slots.values())
            self._slots.clear()
            self._changed.notify_all()
        for allocation in allocations:
            allocation.join()
        return reason

    def _start_allocations(self) -> None:
        """Start the threads that are missing; those there are too many of end by themselves."""
        if self._serving is None:
            return
        for slot in range(self.settings.number_of_allocations):
            if slot not in self._slots:
                self._slots[slot] = threading.Thread(
                    target=self._allocation,
                    args=(*self._serving, slot),
                    name=f"allocation {slot} of {self.settings.deployment_id}",
                    daemon=True,
                )
                self._slots[slot].start()

    def _may_restart(self, reason: str) -> bool:
        """Tell those who waited; then wait a moment, unless it is over for good."""
        now = time.monotonic()
        self._crashes = [t for t in self._crashes if now - t < CRASH_WINDOW_SECONDS] + [now]
        if len(self._crashes) > MOST_CRASHES:
            self._fail(
                f"{reason}; that was the {len(self._crashes)}th time within "
                f"{CRASH_WINDOW_SECONDS / 60:.0f} minutes, stop and start the deployment to retry"
            )
            return False
        with self._changed:
            if self._state == "stopping":
                return False
            self._state = "starting"
            self._reason = f"starting again, because {reason}"
            self._fail_waiting(Problem("failed", f"{self._where()}: {reason}"))
            _log.warning("%s: %s; starting it again", self._where(), reason)
            delay = self._restart_delay(len(self._crashes) - 1)
            self._changed.wait_for(lambda: self._state == "stopping", timeout=delay)
        return True

    def _fail(self, reason: str) -> None:
        with self._changed:
            if self._state == "stopping":
                return
            self._state, self._reason = "failed", reason
            self._fail_waiting(Problem("failed", f"{self._where()}: {reason}"))
            _log.error("%s failed: %s", self._where(), reason)

    def _where(self) -> str:
        return f"deployment [{self.settings.deployment_id}]"

    def _fail_waiting(self, problem: Problem) -> None:
        self._fail_items(self._waiting.take_all(), problem)

    def _fail_items(self, items: Sequence[WaitingSequence], problem: Problem) -> None:
        if problem.kind == "failed":
            self._statistics.error_count += sum(item.counts for item in items)
        for item in items:
            item.work.request.fail(problem)

    def _allocation(self, execution: Execution, ended: threading.Event, slot: int) -> None:
        at_hand: deque[list[WaitingSequence]] = deque()
        try:
            while True:
                batch = self._next_batch(at_hand, ended, slot)
                if batch:
                    at_hand.append(batch)
                    while _is_large(batch) and len(at_hand) > 1:
                        self._receive(execution, slot, at_hand)
                    execution.send(
                        slot,
                        [item.ids for item in batch],
                        [item.place for item in batch if item.place is not None],
                    )
                    if len(at_hand) < BATCHES_AT_HAND:
                        continue
                elif not at_hand:
                    return
                self._receive(execution, slot, at_hand)
        except ChildEnded as failure:
            problem = Problem("failed", f"{self._where()}: {failure}")
            with self._changed:
                for batch in at_hand:
                    self._running -= sum(item.counts for item in batch)
                    self._fail_items(batch, problem)

    def _receive(
        self, execution: Execution, slot: int, at_hand: deque[list[WaitingSequence]]
    ) -> None:
        outcome = execution.receive(slot, expected=len(at_hand[0]))
        self._settle(at_hand.popleft(), outcome)

    def _next_batch(
        self, at_hand: Collection[list[WaitingSequence]], ended: threading.Event, slot: int
    ) -> list[WaitingSequence]:
        """The next batch; empty when it is over, or when none waits and some are at hand."""
        with self._changed:
            if not at_hand:
                self._changed.wait_for(
                    lambda: ended.is_set() or self._is_spare(slot) or not self._waiting.empty
                )
            if ended.is_set():
                return []
            if self._is_spare(slot):
                if not at_hand:
                    del self._slots[slot]
                    self._changed.notify_all()  # the work it was woken for is another's
                return []
            batch = self._waiting.take_batch()
            self._running += sum(item.counts for item in batch)
            return batch

    def _is_spare(self, slot: int) -> bool:
        return slot >= self.settings.number_of_allocations

    def _settle(self, batch: Sequence[WaitingSequence], outcome: Outcome) -> None:
        with self._changed:
            self._running -= sum(item.counts for item in batch)
            complete = [
                item.work
                for item, row in zip(batch, outcome.rows, strict=True)
                if item.work.add(item.part, row)
            ]
        # Making sense of large outputs takes time, and nobody else has these any more.
        results = [(work, work.finish(self._tokenizer)) for work in complete]
        with self._changed:
            errors = sum(result.body is None for _, result in results)
            for work, result in results:
                if self._cache.enabled:
                    self._cache.put(work.text, work.request.task, result)
                work.request.settle(work.position, result)
            self._statistics.error_count += errors
            self._statistics.executed(len(results) - errors, outcome.seconds)


def _is_large(batch: Sequence[WaitingSequence]) -> bool:
    return sum(item.length for item in batch) > MOST_TOKENS_AHEAD
