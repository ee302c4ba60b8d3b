"""One deployment, executing in this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from esrag.local.mlnode.deployment import MOST_CRASHES, Deployment, DeploymentSettings
from esrag.local.mlnode.execution import Execution, LoadRefused
from esrag.local.mlnode.problems import Problem
from esrag.local.mlnode.request import InferRequest, InputResult
from esrag.local.mlnode.tasks.embedding import TextEmbedding
from esrag.local.mlnode.tasks.expansion import TextExpansion
from esrag.local.mlnode.tokenization import TokenizationSettings
from esrag.local.mlnode.tokenizer import VocabularyTokenizer
from esrag.local.mlnode.vocabulary import Vocabulary

PLAIN = TextEmbedding(TokenizationSettings())
LONG = "word " * 80

Deploy = Callable[..., Deployment]


@pytest.fixture
def deploy(vocabulary: Vocabulary, execution: Any) -> Iterator[Deploy]:
    """Starts deployments of the module that runs in this process, and stops them."""
    started = []

    def start(
        execute: Callable[[], Execution] = lambda: execution,
        *,
        queue_capacity: int = 100,
        cache_bytes: int = 0,
    ) -> Deployment:
        deployment = Deployment(
            DeploymentSettings("d", "m", 1, 1, queue_capacity, "normal", None, 7),
            task_name="text_embedding",
            tokenizer=VocabularyTokenizer(vocabulary),
            cache_bytes=cache_bytes,
            execute=execute,
            restart_delay=lambda _crashes: 0.0,
        )
        started.append(deployment)
        deployment.start()
        return deployment

    yield start
    for deployment in started:
        deployment.stop()


def results(request: InferRequest) -> list[InputResult]:
    """What the request comes to."""
    return request.future.result(timeout=10)


def refusal(request: InferRequest) -> Problem:
    """The refusal the request comes to."""
    problem = request.future.exception(timeout=10)
    assert isinstance(problem, Problem)
    return problem


def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def busy(deployment: Deployment, execution: Any) -> InferRequest:
    """A request whose batch is being executed and does not end before the gate opens."""
    execution.gate.clear()
    request = deployment.submit(["a b c"], PLAIN)
    assert execution.arrived.acquire(timeout=10)
    return request


def test_results_come_in_the_order_of_the_inputs(deploy: Deploy) -> None:
    """Whatever the order of execution was."""
    request = deploy().submit([LONG, "a", "a b"], PLAIN)
    assert [int(r.body["values"][0]) for r in results(request) if r.body is not None] == [82, 3, 4]


def test_a_truncated_input_says_so(deploy: Deploy) -> None:
    """And only that one."""
    short = TextEmbedding(TokenizationSettings(max_sequence_length=4))
    found = results(deploy().submit(["a b c", "a"], short))
    assert [r.body["is_truncated"] for r in found if r.body is not None] == [True, False]


def test_an_input_the_model_fails_on_leaves_the_others_alone(deploy: Deploy) -> None:
    """Its place holds the reason, and it counts as an error."""
    deployment = deploy()
    first, second = results(deployment.submit(["a", "[MASK]"], PLAIN))
    assert first.body is not None
    assert second == InputResult(None, error="the model does not like this")
    numbers = deployment.describe()
    assert (numbers["inference_count"], numbers["error_count"]) == (1, 1)


def test_an_input_too_long_is_refused_in_its_place(deploy: Deploy) -> None:
    """truncate none."""
    none = TextEmbedding(TokenizationSettings(max_sequence_length=4, truncate="none"))
    good, bad = results(deploy().submit(["a", "a b c"], none))
    assert good.body is not None
    assert bad.error.startswith("Input too large.")


def test_a_full_queue_refuses_and_counts(deploy: Deploy, execution: Any) -> None:
    """The batch that is being executed does not count as waiting."""
    deployment = deploy(queue_capacity=2)
    busy(deployment, execution)
    deployment.submit(["a", "b"], PLAIN)
    with pytest.raises(Problem) as refused:
        deployment.submit(["c"], PLAIN)
    assert refused.value.kind == "queue_full"
    numbers = deployment.describe()
    assert (numbers["rejected_execution_count"], numbers["number_of_pending_requests"]) == (1, 3)
    execution.gate.set()


def test_work_that_was_given_up_is_never_executed(deploy: Deploy, execution: Any) -> None:
    """Only the batches before and after it reach the model."""
    deployment = deploy()
    first = busy(deployment, execution)
    late = deployment.submit(["a b c word", "a b c word"], PLAIN)
    deployment.give_up(late)
    execution.gate.set()
    results(first)
    results(deployment.submit(["a"], PLAIN))
    assert execution.batches == [[5], [3]]
    assert deployment.describe()["timeout_count"] == 2


def test_a_question_overtakes_an_ingest(deploy: Deploy, execution: Any) -> None:
    """It is executed right after the batch that was running."""
    deployment = deploy()
    first = busy(deployment, execution)
    ingest = deployment.submit([LONG] * 40, PLAIN)
    question = deployment.submit(["a b"], PLAIN)
    execution.gate.set()
    for request in (first, ingest, question):
        results(request)
    assert execution.batches[1] == [4]


def test_known_texts_come_from_the_cache(deploy: Deploy, execution: Any) -> None:
    """They are not executed again, and they are counted."""
    deployment = deploy(cache_bytes=10_000)
    before = results(deployment.submit(["a", "b"], PLAIN))
    after = results(deployment.submit(["b", "a"], PLAIN))
    assert [r.body["values"].tolist() for r in after if r.body is not None] == [
        r.body["values"].tolist() for r in reversed(before) if r.body is not None
    ]
    assert len(execution.batches) == 1
    numbers = deployment.describe()
    assert (numbers["inference_count"], numbers["inference_cache_hit_count"]) == (4, 2)


def test_a_cleared_cache_executes_again(deploy: Deploy, execution: Any) -> None:
    """The same text reaches the model twice."""
    deployment = deploy(cache_bytes=10_000)
    results(deployment.submit(["a"], PLAIN))
    deployment.clear_cache()
    results(deployment.submit(["a"], PLAIN))
    assert len(execution.batches) == 2
    assert deployment.describe()["inference_cache_hit_count"] == 0


def test_another_task_than_the_models_is_refused(deploy: Deploy) -> None:
    """The child cuts the module's output for one task."""
    with pytest.raises(Problem, match=r"configured for task \[text_embedding\] but called with"):
        deploy().submit(["a"], TextExpansion(TokenizationSettings()))


def allocations() -> list[str]:
    """The threads that serve deployments; other tests have stopped theirs."""
    return [t.name for t in threading.enumerate() if t.name.startswith("allocation ")]


def test_allocations_are_added_while_a_batch_runs(deploy: Deploy, execution: Any) -> None:
    """A second batch starts although the first one does not end."""
    deployment = deploy()
    first = busy(deployment, execution)
    deployment.update(2, None)
    second = deployment.submit(["a b"], PLAIN)
    assert execution.arrived.acquire(timeout=10)
    assert not first.future.done()
    execution.gate.set()
    assert [len(results(request)) for request in (first, second)] == [1, 1]
    assert deployment.describe()["target_allocations"] == 2


def test_allocations_are_taken_away_and_nothing_is_lost(deploy: Deploy, execution: Any) -> None:
    """What they have at hand is finished, and the rest is left to those that stay."""
    deployment = deploy(queue_capacity=1000)
    until(lambda: deployment.is_started)
    deployment.update(4, None)
    busy(deployment, execution)
    requests = [deployment.submit([LONG] * 30, PLAIN) for _ in range(4)]
    for _ in range(3):
        assert execution.arrived.acquire(timeout=10)
    deployment.update(1, None)
    execution.gate.set()
    assert [len(results(request)) for request in requests] == [30] * 4
    until(lambda: len(allocations()) == 1)
    deployment.update(3, None)
    until(lambda: len(allocations()) == 3)
    assert len(results(deployment.submit(["a", "b"], PLAIN))) == 2


def test_a_crash_fails_those_who_wait_and_starts_again(deploy: Deploy, execution: Any) -> None:
    """Both the batch in the child and what waits behind it; the next request works."""
    fresh = type(execution)()
    children = iter([execution, fresh])
    deployment = deploy(lambda: next(children))
    running = busy(deployment, execution)
    waiting = deployment.submit(["b"], PLAIN)
    execution.kill()
    assert refusal(running).kind == "failed"
    assert "SIGKILL" in refusal(waiting).message
    assert results(deployment.submit(["a"], PLAIN))[0].body is not None
    assert deployment.describe()["state"] == "started"


def test_a_deployment_that_keeps_crashing_is_given_up(deploy: Deploy, execution: Any) -> None:
    """After a bounded number of starts; then every request is told why."""
    starts = []

    def crash_at_once() -> Execution:
        child: Execution = type(execution)()
        child.kill()
        starts.append(child)
        return child

    deployment = deploy(crash_at_once)
    until(lambda: deployment.describe()["state"] == "failed")
    assert len(starts) == MOST_CRASHES + 1
    with pytest.raises(Problem, match="ended while loading") as refused:
        deployment.submit(["a"], PLAIN)
    assert refused.value.kind == "failed"


def test_a_model_that_cannot_be_loaded_is_not_tried_again(deploy: Deploy) -> None:
    """The reason is in the state."""
    starts = []

    def refuse() -> Execution:
        starts.append(1)
        raise LoadRefused("the definition is not a TorchScript archive")

    deployment = deploy(refuse)
    until(lambda: deployment.describe()["state"] == "failed")
    assert deployment.describe()["reason"] == "the definition is not a TorchScript archive"
    assert len(starts) == 1


def test_stopping_refuses_what_waits(deploy: Deploy, execution: Any) -> None:
    """At once, and later requests too."""
    deployment = deploy()
    busy(deployment, execution)
    waiting = deployment.submit(["b"], PLAIN)
    deployment.stop()
    assert refusal(waiting).kind == "not_deployed"
    with pytest.raises(Problem) as refused:
        deployment.submit(["a"], PLAIN)
    assert refused.value.kind == "not_deployed"


def test_the_description_has_everything_the_wire_names(deploy: Deploy) -> None:
    """Before the first inference."""
    deployment = deploy()
    until(lambda: deployment.describe()["state"] == "started")
    assert deployment.describe() == {
        "deployment_id": "d",
        "model_id": "m",
        "state": "started",
        "reason": "",
        "start_time_ms": 7,
        "number_of_allocations": 1,
        "target_allocations": 1,
        "threads_per_allocation": 1,
        "queue_capacity": 100,
        "priority": "normal",
        "adaptive_allocations": None,
        "inference_count": 0,
        "error_count": 0,
        "rejected_execution_count": 0,
        "timeout_count": 0,
        "inference_cache_hit_count": 0,
        "average_inference_time_ms": None,
        "number_of_pending_requests": 0,
        "last_access_ms": None,
        "throughput_last_minute": 0,
        "peak_throughput_per_minute": 0,
    }
