"""The bodies of a document set of each module's own, put into the cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from esrag.cluster.capabilities import Tier
from esrag.state.desired import Choices, DesiredState, desired_state
from esrag.state.kinds import KINDS

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

# an endpoint needs a deployment, and there is none
NO_ENDPOINTS = Tier(endpoints=False)


@pytest.fixture(scope="module")
def cluster(stack: Any) -> Iterator[Elasticsearch]:
    """A client with all rights that lives as long as the module's bodies."""
    from elasticsearch import Elasticsearch

    with Elasticsearch(
        stack.elasticsearch_url, basic_auth=(stack.username, stack.password), request_timeout=60
    ) as client:
        yield client


@pytest.fixture(scope="module")
def desired(
    cluster: Elasticsearch, remove_bearers: Callable[[Elasticsearch, str], None]
) -> Iterator[DesiredState]:
    """The bodies of a set of this module's own, put into the cluster; tests only read them."""
    choices = Choices(
        set=f"t{uuid4().hex[:10]}",
        model_id="model-of-nobody",
        allocations=1,
        threads=1,
        queue_capacity=64,
        language="english",
        vectors="int8",
        answers=True,
        sparse_id="expander-of-nobody",
    )
    wanted = desired_state(choices, bundle=None, dims=3, tier=NO_ENDPOINTS)
    for item in wanted.bodies:
        KINDS[item.kind].write(cluster, item.name, item.body)
    yield wanted
    remove_bearers(cluster, choices.set)
