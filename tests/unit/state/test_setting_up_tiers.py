"""Setup on clusters that do less: what is planned, what the index says, and the way up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from esrag.bundle import ModelBundle
from esrag.names import SEARCH_KINDS
from esrag.state.actions import Action
from esrag.state.apply import apply_plan
from esrag.state.desired import Choices
from esrag.state.smoke import smoke_test
from esrag.state.survey import Survey, take_status, take_survey
from esrag.testing_elasticsearch import (
    ClusterInMemory,
    ElasticsearchFake,
    fake_bundle,
    vector_of,
)

CHOICES = Choices(
    set="hr",
    model_id="model-a",
    allocations=1,
    threads=1,
    queue_capacity=64,
    language="english",
    vectors="int8",
)
BASIC: dict[str, Any] = {
    "licence": "basic",
    "machine_learning": False,
    "rrf": False,
    "inference": False,
}
PLATINUM: dict[str, Any] = {"licence": "platinum", "rrf": False, "inference": False}


@pytest.fixture
def bundle(tmp_path: Path) -> ModelBundle:
    """A small bundle."""
    return fake_bundle(tmp_path / "bundle", size=1_500_000)


def survey(fake: ElasticsearchFake, bundle: ModelBundle | None) -> Survey:
    """What setup would do."""
    return take_survey(fake.client(), CHOICES, bundle)


def set_up(fake: ElasticsearchFake, bundle: ModelBundle | None) -> tuple[Action, ...]:
    """One run of setup; the steps taken."""
    found = survey(fake, bundle)
    apply_plan(fake.client(), found.desired, found.observed, found.plan)
    return found.plan.changes


def meta_of(cluster: ClusterInMemory) -> dict[str, str]:
    """What the vector field of the index says."""
    mapping = cluster.indices["esrag-docs-hr-000001"]["mappings"]
    meta: dict[str, str] = mapping["properties"]["embedding"]["meta"]
    return meta


def test_basic_gets_no_model_and_a_pipeline_that_stamps(bundle: ModelBundle) -> None:
    """No request for trained models is sent; the second run changes nothing."""
    cluster = ClusterInMemory(**BASIC)
    fake = ElasticsearchFake(cluster)
    kinds = {action.kind for action in set_up(fake, bundle)}
    assert not kinds & {"trained model", "deployment"}
    assert not any("trained_models" in request.path for request in fake.requests)
    pipeline = cluster.store["_ingest/pipeline"]["esrag-embed-hr-000001"]
    assert [next(iter(step)) for step in pipeline["processors"]] == ["set"]
    assert meta_of(cluster) == {
        "model": bundle.fingerprint[:16],
        "embedding": "client",
        "fusion": "client",
    }
    assert set_up(fake, bundle) == ()
    assert {line.state for line in take_status(fake.client(), CHOICES).objects} == {"present"}


def test_platinum_embeds_in_the_cluster_and_says_who_fuses(bundle: ModelBundle) -> None:
    """Model and deployment as on the highest tier."""
    cluster = ClusterInMemory(**PLATINUM)
    kinds = {action.kind for action in set_up(ElasticsearchFake(cluster), bundle)}
    assert {"trained model", "deployment"} <= kinds
    assert meta_of(cluster)["embedding"] == "cluster"
    assert meta_of(cluster)["fusion"] == "client"


@pytest.mark.parametrize("licence", [BASIC, PLATINUM])
def test_a_desk_without_a_bundle_plans_nothing_new(
    bundle: ModelBundle, licence: dict[str, Any]
) -> None:
    """What the index says of its model is kept, and so is the length of its vectors."""
    fake = ElasticsearchFake(ClusterInMemory(**licence))
    set_up(fake, bundle)
    assert set_up(fake, None) == ()


def test_a_better_licence_plans_the_move_and_keeps_the_documents(bundle: ModelBundle) -> None:
    """Model, deployment, pipeline, and the word of the index; nothing destructive."""
    cluster = ClusterInMemory(**BASIC)
    fake = ElasticsearchFake(cluster)
    set_up(fake, bundle)
    cluster.machine_learning = cluster.rrf = cluster.inference = True
    plan = survey(fake, bundle).plan
    assert plan.destructive == ()
    assert [(a.verb, a.kind, a.name) for a in plan.changes] == [
        ("create", "trained model", "model-a"),
        ("create", "deployment", "model-a"),
        ("update", "ingest pipeline", "esrag-embed-hr-000001"),
        ("update", "component template", "esrag-docs-hr-mappings"),
        ("update", "index", "esrag-docs-hr-000001"),
        ("create", "inference endpoint", "esrag-embedding-hr"),
    ]
    set_up(fake, bundle)
    assert meta_of(cluster)["embedding"] == meta_of(cluster)["fusion"] == "cluster"
    assert set_up(fake, bundle) == ()


def test_a_lost_licence_plans_the_way_down(bundle: ModelBundle) -> None:
    """The pipeline stops embedding and the index says so; documents stay."""
    cluster = ClusterInMemory()
    fake = ElasticsearchFake(cluster)
    set_up(fake, bundle)
    cluster.machine_learning = cluster.rrf = cluster.inference = False
    assert {action.kind for action in set_up(fake, bundle)} == {
        "ingest pipeline",
        "component template",
        "index",
    }
    assert meta_of(cluster)["embedding"] == "client"


def test_another_bundle_of_the_same_name_needs_another_generation(
    bundle: ModelBundle, tmp_path: Path
) -> None:
    """Where the client embeds, no model in the cluster shows that it is another one."""
    fake = ElasticsearchFake(ClusterInMemory(**BASIC))
    set_up(fake, bundle)
    other = fake_bundle(tmp_path / "other", seed=b"b")
    (step,) = survey(fake, other).plan.destructive
    assert (step.kind, step.name) == ("index", "esrag-docs-hr-000002")
    assert "of another model-a than the bundle here" in step.details[0]


class FakeEmbedder:
    """Embeds by hash."""

    def __init__(self, bundle: ModelBundle) -> None:
        self.bundle = bundle
        self.closed = False

    def start(self) -> None:
        """Nothing to load."""

    def embed(self, texts: Any, purpose: str = "none") -> list[list[float]]:
        """One vector for each text."""
        return [vector_of(text) for text in texts]

    def close(self) -> None:
        """Remember it."""
        self.closed = True


def test_the_try_out_embeds_here_where_the_cluster_does_not(bundle: ModelBundle) -> None:
    """And lets go of the model; nothing is written."""
    fake = ElasticsearchFake(ClusterInMemory(**BASIC))
    set_up(fake, bundle)
    desired = survey(fake, bundle).desired
    fake.requests.clear()
    embedder = FakeEmbedder(bundle)
    arguments: dict[str, Any] = {
        "generation": 1,
        "dims": 8,
        "fields": desired.mapping["properties"],
        "tier": desired.tier,
    }
    tried = smoke_test(fake.client(), desired.names, local=lambda _: embedder, **arguments)
    assert (tried.dims, len(tried.hits), tried.untried) == (8, len(SEARCH_KINDS), "")
    assert embedder.closed
    assert fake.writes == []
    without = smoke_test(fake.client(), desired.names, **arguments)
    assert [name for name, _ in without.hits] == ["esrag-lexical-hr", "esrag-context-hr"]
    assert without.untried
