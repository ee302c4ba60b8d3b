"""What real TorchScript modules give through the process."""

from __future__ import annotations

import concurrent.futures
import random
import time
from typing import Any

import httpx
import pytest


def vectors(response: httpx.Response) -> list[list[float]]:
    """The vectors of an answer that holds no refusal."""
    assert response.status_code == 200, response.text
    return [result["values"] for result in response.json()["results"]]


def test_company_in_a_batch_changes_nothing(node: Any, modules: dict[str, bytes]) -> None:
    """Sixty texts of different lengths at once equal each of them alone: masks and order hold."""
    node.upload("company", modules["mean"])
    node.deploy("company")
    seeded = random.Random(1)
    texts = [" ".join(seeded.choices("abcdefghij", k=seeded.randrange(1, 90))) for _ in range(60)]
    together = vectors(node.infer("company", *texts))
    alone = [vectors(node.infer("company", text))[0] for text in texts]
    for one, other in zip(together, alone, strict=True):
        assert one == pytest.approx(other, rel=1e-5, abs=1e-6)


def test_the_first_of_a_tuple_counts_in_its_own_precision(
    node: Any, modules: dict[str, bytes]
) -> None:
    """float64 comes through as float64 and equals the plain module's numbers."""
    node.upload("plain", modules["mean"])
    node.upload("tuple64", modules["tuple64"])
    node.deploy("plain")
    node.deploy("tuple64")
    [plain] = vectors(node.infer("plain", "a b c"))
    [double] = vectors(node.infer("tuple64", "a b c"))
    assert len(double) == 8
    assert double != plain  # seeded differently, so a mix-up would show
    assert any(len(repr(value)) > 12 for value in double)


def test_a_module_that_knows_no_batches_is_called_for_each_input(
    node: Any, modules: dict[str, bytes]
) -> None:
    """As the server's own smallest test models: without padding, so company has no influence."""
    node.upload("one_row", modules["one_row"])
    node.deploy("one_row")
    assert vectors(node.infer("one_row", "a", "a b c d", "j")) == [[10, 3], [31, 6], [19, 3]]


def test_the_input_a_module_fails_on_is_found(node: Any, modules: dict[str, bytes]) -> None:
    """Its neighbours get their vectors, and the reason is torch's."""
    node.upload("fails", modules["fails"])
    node.deploy("fails")
    results = node.infer("fails", "a", "bad", "b").json()["results"]
    assert [sorted(result) for result in results] == [
        ["is_truncated", "type", "values"],
        ["error"],
        ["is_truncated", "type", "values"],
    ]
    assert "index out of range" in results[1]["error"]
    assert node.describe("fails")["error_count"] == 1


def test_a_module_that_returns_no_tensor_is_told_so(node: Any, modules: dict[str, bytes]) -> None:
    """In the place of the input."""
    node.upload("not_a_tensor", modules["not_a_tensor"])
    node.deploy("not_a_tensor")
    [result] = node.infer("not_a_tensor", "a").json()["results"]
    assert result == {"error": "the model returned a float, not a tensor"}


def test_allocations_work_at_the_same_time(node: Any, modules: dict[str, bytes]) -> None:
    """While one is busy with a long batch, the other answers."""
    node.upload("two", modules["slow"])
    node.deploy("two", number_of_allocations=2)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        started = time.monotonic()
        long = pool.submit(node.infer, "two", "slow " * 10)
        while node.describe("two")["number_of_pending_requests"] == 0:
            assert time.monotonic() - started < 10
        assert vectors(node.infer("two", "a"))
        assert not long.done()
        long.result()


def test_allocations_come_and_go_while_requests_run(node: Any, modules: dict[str, bytes]) -> None:
    """The child serves a new one at once; taking them away loses nothing."""
    node.upload("grown", modules["slow"])
    node.deploy("grown")
    update = "/deployments/grown/_update"
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        long = pool.submit(node.infer, "grown", "slow " * 40)
        while node.describe("grown")["number_of_pending_requests"] == 0:
            assert not long.done()
        grown = node.client.post(update, json={"number_of_allocations": 3}).json()
        assert grown["number_of_allocations"] == 3
        assert vectors(node.infer("grown", "a"))
        assert not long.done()
        others = [pool.submit(node.infer, "grown", *["slow a"] * 3) for _ in range(6)]
        node.client.post(update, json={"number_of_allocations": 1}).raise_for_status()
        assert [len(vectors(other.result())) for other in others] == [3] * 6
        assert vectors(long.result())
    numbers = node.describe("grown")
    assert (numbers["inference_count"], numbers["error_count"]) == (20, 0)


def test_a_question_waits_for_one_batch_of_an_ingest(node: Any, modules: dict[str, bytes]) -> None:
    """An ingest of many slow batches is under way; the question comes after the running one."""
    node.upload("ingest", modules["slow"])
    node.deploy("ingest")
    passage = "slow " + "a " * 200  # two of them fill a batch
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        ingest = pool.submit(node.infer, "ingest", *[passage] * 12)
        while node.describe("ingest")["inference_count"] == 0:
            assert not ingest.done()
        assert vectors(node.infer("ingest", "a"))
        done_before = node.describe("ingest")["inference_count"]
        assert not ingest.done()
        ingest.result()
    assert done_before <= 7


def test_a_request_that_is_too_late_is_not_executed(node: Any, modules: dict[str, bytes]) -> None:
    """408 after its time; the queue goes on without it."""
    node.upload("late", modules["slow"])
    node.deploy("late")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        long = pool.submit(node.infer, "late", "slow " * 10)
        while node.describe("late")["number_of_pending_requests"] == 0:
            assert not long.done()
        time.sleep(0.3)  # until the allocation waits for an answer, and takes no batch ahead
        response = node.infer("late", "slow " * 10, timeout_ms=50)
        assert response.status_code == 408
        assert response.json()["error"]["type"] == "timeout"
        long.result()
    assert vectors(node.infer("late", "a"))
    numbers = node.describe("late")
    assert (numbers["inference_count"], numbers["timeout_count"]) == (2, 1)


def test_statistics_count_what_was_done(node: Any, modules: dict[str, bytes]) -> None:
    """Inputs, cache hits, time, last access."""
    node.upload("counted", modules["mean"])
    node.deploy("counted", cache_size="1mb")
    before = time.time() * 1000
    node.infer("counted", "a", "b", "c")
    node.infer("counted", "a", "d")
    numbers = node.describe("counted")
    assert numbers["inference_count"] == 5
    assert numbers["inference_cache_hit_count"] == 1
    assert numbers["throughput_last_minute"] == numbers["peak_throughput_per_minute"] == 5
    assert numbers["average_inference_time_ms"] > 0
    assert before - 1 <= numbers["last_access_ms"] <= time.time() * 1000
    assert numbers["number_of_pending_requests"] == 0
