"""x-pack-core's queries and query vector builders, asked beside the server."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from conformance_record import Tally
from oracle_calls import Call
from oracle_comparing import Answer, compare
from oracle_judging import judge
from oracle_program import Oracle
from oracle_search_bodies import MAPPINGS, searches

pytestmark = pytest.mark.suite("oracle", "x-pack-core's own classes, run beside the server")


@pytest.fixture(scope="module")
def index(server: httpx.Client, module_prefix: str) -> Iterator[str]:
    """An empty index with a vector field and a field of weighted tokens."""
    name = f"{module_prefix}-searched"
    answer = server.put(f"/{name}", json={"mappings": MAPPINGS})
    assert answer.status_code == 200, answer.text
    yield name
    server.delete(f"/{name}")


def test_searches_that_call_a_model(
    server: httpx.Client,
    oracle: Oracle,
    index: str,
    module_prefix: str,
    tally: Tally,
    seeded: Callable[[str], random.Random],
    counted: Callable[[int], int],
) -> None:
    """A search that cannot be read is refused in the words of the query's own parser."""
    calls = searches(seeded("searches"), index, f"{module_prefix}-none", counted(250))
    verdict = compare(server, oracle, calls, success=was_read, view=whether_read)
    judge(verdict, tally)
    assert 0 < verdict.accepted < verdict.compared


def was_read(call: Call, rendering: Any) -> Any:
    """What comes after reading is not the oracle's business."""
    return _READ


def whether_read(call: Call, answer: Answer) -> Answer:
    """An answer with hits, or the one that only comes when the model is looked for."""
    error = answer.body.get("error", {})
    late = isinstance(error, dict) and _LATE.fullmatch(error.get("reason", ""))
    return Answer(200, _READ) if answer.status == 200 or late else answer


_READ = {"read": True}
_LATE = re.compile(
    r"\[.*\] is not an inference service model or a deployed ml model"
    r"|\[model_id\] must be specified"
    r"|inference_id required to perform vector search on query string"
)
