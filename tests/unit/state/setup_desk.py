"""What the tests of setup share: choices, runs of setup and teardown, a cut at any request."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from esrag.bundle import ModelBundle
from esrag.cluster.capabilities import probe
from esrag.state.desired import Choices
from esrag.state.lock import Terms
from esrag.state.setting_up import set_up
from esrag.state.survey import Survey, take_survey
from esrag.state.teardown import checked_wish, plan_teardown
from esrag.state.tearing_down import tear_down
from esrag.testing_elasticsearch import ClusterInMemory, ElasticsearchFake, Reply, Request

CHOICES = Choices(
    set="hr",
    model_id="model-a",
    allocations=1,
    threads=1,
    queue_capacity=64,
    language="english",
    vectors="int8",
)


def patient(**options: Any) -> Terms:
    """Terms under which nobody waits in a test, unless told otherwise."""
    return Terms(**{"command": "setup", "wait": 0.0, **options})


def whole_setup(
    fake: ElasticsearchFake,
    bundle: ModelBundle | None,
    choices: Choices = CHOICES,
    *,
    adopt: bool = False,
    destructive: bool = False,
    terms: Terms | None = None,
) -> int:
    """One run of setup, lock included; the number of steps taken."""
    client = fake.client()

    def look() -> Survey:
        return take_survey(client, choices, bundle, adopt=adopt)

    return set_up(client, look(), look, terms or patient(), allow_destructive=destructive).steps


def whole_teardown(
    fake: ElasticsearchFake, choices: Choices = CHOICES, *, with_documents: str | None = None
) -> int:
    """One run of teardown; the number of steps taken."""
    client = fake.client()
    wish = checked_wish(choices, probe(client), with_documents=with_documents)
    return tear_down(client, wish, plan_teardown(client, wish), patient(command="teardown"))


def state_of(cluster: ClusterInMemory) -> str:
    """Everything that the cluster holds, comparable.

    How often something was written does not count, nor the lock of a dead process: a run that has
    nothing to do writes nothing, and the next that has takes it over.
    """
    facts = {
        "store": {name: kept for name, kept in cluster.store.items() if kept},
        "indices": cluster.indices,
        "deployments": cluster.deployments,
        "endpoints": cluster.endpoints,
    }

    def readable(value: Any) -> Any:
        return value.hex() if isinstance(value, bytes) else str(value)

    plain = json.loads(json.dumps(facts, sort_keys=True, default=readable))
    for index in plain["indices"].values():
        index.get("documents", {}).pop("lock", None)
        for document in index.get("documents", {}).values():
            del document["_seq_no"]
        if not index.get("documents"):
            index.pop("documents", None)
    return json.dumps(plain, sort_keys=True)


def copy_of(cluster: ClusterInMemory) -> ClusterInMemory:
    """Another cluster in the same state."""
    return ClusterInMemory(
        store=copy.deepcopy(cluster.store),
        indices=copy.deepcopy(cluster.indices),
        deployments=copy.deepcopy(cluster.deployments),
        endpoints=copy.deepcopy(cluster.endpoints),
        _sequence=cluster._sequence,
    )


class Cut(BaseException):
    """The process was killed."""


def cut_at(
    cluster: ClusterInMemory, fake: ElasticsearchFake, number: int, *, after: bool
) -> Callable[[Request], Reply]:
    """A handler that lets ``number`` writes through and kills the process at the next one.

    From then on no request arrives, as none would from a dead process.
    """
    dead = False

    def handle(request: Request) -> Reply:
        nonlocal dead
        if dead:
            raise Cut
        last = request.writes and len(fake.writes) > number
        if last and not after:
            dead = True
            raise Cut
        reply = cluster(request)
        if last:
            dead = True
            raise Cut
        return reply

    return handle
