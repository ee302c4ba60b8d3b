"""Teardown against a cluster in memory: own objects only, repeatable, sharing respected."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from setup_desk import CHOICES, Cut, copy_of, cut_at, state_of, whole_setup, whole_teardown

from esrag.bundle import ModelBundle
from esrag.cluster.capabilities import probe
from esrag.cluster.models import config_body
from esrag.errors import UsageError
from esrag.state.actions import Plan
from esrag.state.teardown import checked_wish, plan_teardown
from esrag.testing_elasticsearch import ClusterInMemory, ElasticsearchFake, fake_bundle

ALIAS = "esrag-docs-hr"
EMPTY = state_of(ClusterInMemory())


def planned(fake: ElasticsearchFake, *, with_documents: str | None = None) -> Plan:
    """What teardown would do."""
    client = fake.client()
    return plan_teardown(
        client, checked_wish(CHOICES, probe(client), with_documents=with_documents)
    )


def test_with_its_documents_nothing_is_left(bundle: ModelBundle) -> None:
    """The cluster is as before setup; the plan itself writes nothing."""
    cluster = ClusterInMemory()
    fake = ElasticsearchFake(cluster)
    whole_setup(fake, bundle)
    fake.requests.clear()
    assert planned(fake, with_documents=ALIAS).destructive
    assert fake.writes == []
    whole_teardown(fake, with_documents=ALIAS)
    assert state_of(cluster) == EMPTY
    assert planned(fake).changes == ()


@pytest.mark.parametrize("licence", ["platinum", "basic"])
def test_nothing_is_left_where_the_client_does_more(bundle: ModelBundle, licence: str) -> None:
    """Without endpoints, and without machine learning, too."""
    basic = licence == "basic"
    cluster = ClusterInMemory(
        licence=licence, machine_learning=not basic, rrf=False, inference=False
    )
    fake = ElasticsearchFake(cluster)
    whole_setup(fake, bundle)
    whole_teardown(fake, with_documents=ALIAS)
    assert state_of(cluster) == EMPTY


def test_every_generation_goes_with_its_pipelines(bundle: ModelBundle) -> None:
    """The old one stays beside the new one until the whole set goes."""
    cluster = ClusterInMemory()
    fake = ElasticsearchFake(cluster)
    whole_setup(fake, bundle)
    whole_setup(fake, bundle, replace(CHOICES, vectors="float"), destructive=True)
    assert len(cluster.store["_ingest/pipeline"]) == 4
    whole_teardown(fake, with_documents=ALIAS)
    assert state_of(cluster) == EMPTY


def test_documents_stay_unless_named(bundle: ModelBundle) -> None:
    """The index keeps its alias, and a later setup makes it whole again."""
    cluster = ClusterInMemory()
    fake = ElasticsearchFake(cluster)
    whole_setup(fake, bundle)
    before = state_of(cluster)
    whole_teardown(fake)
    assert list(cluster.indices) == ["esrag-docs-hr-000001"]
    assert ALIAS in cluster.indices["esrag-docs-hr-000001"]["aliases"]
    assert planned(fake).changes == ()
    whole_setup(fake, bundle)
    assert state_of(cluster) == before


@pytest.mark.parametrize("name", ["hr", "esrag-docs-it", "yes", "esrag-docs-hr-000001"])
def test_documents_go_only_by_the_exact_name(bundle: ModelBundle, name: str) -> None:
    """A slip of the hand deletes nothing."""
    fake = ElasticsearchFake(ClusterInMemory())
    whole_setup(fake, bundle)
    fake.requests.clear()
    with pytest.raises(UsageError, match=ALIAS):
        whole_teardown(fake, with_documents=name)
    assert fake.writes == []


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("with_documents", [None, ALIAS])
def test_cut_at_any_request_a_rerun_removes_the_rest(
    bundle: ModelBundle, with_documents: str | None, after: bool
) -> None:
    """Nothing is orphaned: what says which model was used goes last."""
    complete = ClusterInMemory()
    whole_setup(ElasticsearchFake(complete), bundle)
    reference = copy_of(complete)
    fake = ElasticsearchFake(reference)
    whole_teardown(fake, with_documents=with_documents)
    wanted, total = state_of(reference), len(fake.writes)
    assert total > 12
    for number in range(total):
        cluster = copy_of(complete)
        fake = ElasticsearchFake(cluster)
        fake.handler = cut_at(cluster, fake, number, after=after)
        with pytest.raises(Cut):
            whole_teardown(fake, with_documents=with_documents)
        fake.handler = cluster
        whole_teardown(fake, with_documents=with_documents)
        assert state_of(cluster) == wanted, number


def foreign_neighbours(cluster: ClusterInMemory, bundle: ModelBundle) -> None:
    """An object of somebody else beside each of ours, with names as like as can be."""
    others: dict[str, dict[str, Any]] = {
        "_component_template": {"esrag-docs-hr-mine": {"template": {}}},
        "_index_template": {"esrag-docs-hrx": {"index_patterns": ["z"], "composed_of": []}},
        "_ingest/pipeline": {
            "esrag-embed-hr": {"processors": []},
            "esrag-embed-hr-000007": {"processors": []},
            "esrag-embed-hr-old": {"processors": []},
        },
        "_scripts": {"esrag-hybrid-hr2": {"script": {"lang": "mustache", "source": "{}"}}},
    }
    for api, bodies in others.items():
        cluster.store.setdefault(api, {}).update(bodies)
    for name in ("esrag-docs-hr-mine", "esrag-docs-hr-000009", "logs"):
        cluster.indices[name] = {
            "aliases": {},
            "settings": {"index": {"default_pipeline": "mine"}},
            "mappings": {},
        }
    config = copy.deepcopy(config_body(bundle))
    del config["metadata"]["esrag"]
    parts = {0: {"bytes": b"x", "length": 1}}
    cluster.store.setdefault("models", {})["model-of-others"] = {
        "config": config,
        "parts": parts,
        "vocabulary": {},
    }
    cluster.deployments["model-of-others"] = {"model_id": "model-of-others", "state": "started"}
    cluster.endpoints["embedding-hr"] = {
        "inference_id": "embedding-hr",
        "task_type": "text_embedding",
        "service": "elasticsearch",
        "service_settings": {"model_id": "model-of-others"},
    }


def test_what_others_made_beside_ours_survives(bundle: ModelBundle) -> None:
    """Setup and teardown leave every one of them as it was."""
    cluster = ClusterInMemory()
    foreign_neighbours(cluster, bundle)
    before = state_of(cluster)
    # an index that is named like a generation of ours would be in the way of setup
    index = cluster.indices.pop("esrag-docs-hr-000009")
    fake = ElasticsearchFake(cluster)
    whole_setup(fake, bundle)
    cluster.indices["esrag-docs-hr-000009"] = index
    whole_teardown(fake, with_documents=ALIAS)
    assert state_of(cluster) == before


@pytest.mark.parametrize(
    "user",
    [
        ("_ingest/pipeline", "theirs", {"processors": [{"inference": {"model_id": "model-a"}}]}),
        ("deployment", "theirs", {"model_id": "model-a", "state": "started"}),
        (
            "endpoint",
            "theirs",
            {
                "inference_id": "theirs",
                "task_type": "text_embedding",
                "service": "elasticsearch",
                "service_settings": {"deployment_id": "model-a"},
            },
        ),
    ],
    ids=lambda user: user[0],
)
def test_a_model_that_somebody_else_uses_stays(
    bundle: ModelBundle, user: tuple[str, str, dict[str, Any]]
) -> None:
    """The plan names who; model and deployment are left running."""
    cluster = ClusterInMemory()
    fake = ElasticsearchFake(cluster)
    whole_setup(fake, bundle)
    where, name, body = user
    if where == "deployment":
        cluster.deployments[name] = body
    elif where == "endpoint":
        cluster.endpoints[name] = body
    else:
        cluster.store[where][name] = body
    kept = [a for a in planned(fake).actions if a.kind == "trained model"]
    assert [(a.verb, "theirs" in a.reason) for a in kept] == [("none", True)]
    whole_teardown(fake, with_documents=ALIAS)
    assert "model-a" in cluster.store["models"]
    assert "model-a" in cluster.deployments


def test_an_adopted_model_stays(bundle: ModelBundle) -> None:
    """It was there before esrag; only the note about it goes."""
    cluster = ClusterInMemory()
    config = config_body(bundle)
    del config["metadata"]["esrag"]
    cluster.store["models"] = {
        "model-a": {"config": config, "parts": {0: {"bytes": b"x", "length": 1}}, "vocabulary": {}}
    }
    fake = ElasticsearchFake(cluster)
    whole_setup(fake, bundle, adopt=True)
    whole_teardown(fake, with_documents=ALIAS)
    assert list(cluster.store["models"]) == ["model-a"]
    assert list(cluster.indices) == []


@pytest.mark.parametrize("other", ["it", "hr-old", "hr-x0", "h"])
def test_one_set_goes_and_the_other_stays_whole(bundle: ModelBundle, other: str) -> None:
    """Also where one name begins with the other; what they share goes with the last."""
    cluster = ClusterInMemory()
    fake = ElasticsearchFake(cluster)
    whole_setup(fake, bundle, replace(CHOICES, set=other))
    before = state_of(cluster)
    whole_setup(fake, bundle)
    whole_teardown(fake, with_documents=ALIAS)
    assert state_of(cluster) == before
    whole_teardown(fake, replace(CHOICES, set=other), with_documents=f"esrag-docs-{other}")
    assert state_of(cluster) == EMPTY


def test_sets_with_models_of_their_own(bundle: ModelBundle, tmp_path: Path) -> None:
    """Each set's model goes with it, and only its own."""
    second = fake_bundle(tmp_path / "b", "model-b", size=1_200_000, seed=b"b")
    legal = replace(CHOICES, set="legal", model_id="model-b")
    cluster = ClusterInMemory()
    fake = ElasticsearchFake(cluster)
    whole_setup(fake, bundle)
    whole_setup(fake, second, legal)
    assert set(cluster.store["models"]) == {"model-a", "model-b"}
    assert whole_setup(fake, bundle) == whole_setup(fake, second, legal) == 0
    whole_teardown(fake, with_documents=ALIAS)
    assert list(cluster.store["models"]) == list(cluster.deployments) == ["model-b"]
    assert whole_setup(fake, second, legal) == 0


def test_dead_letters_count_as_documents(bundle: ModelBundle) -> None:
    """The index of the dead letters stays while there are any."""
    cluster = ClusterInMemory()
    fake = ElasticsearchFake(cluster)
    whole_setup(fake, bundle)
    cluster.indices["esrag-dlq"]["documents"] = {"a": {"_source": {}, "_seq_no": 0}}
    whole_teardown(fake)
    assert set(cluster.indices) == {"esrag-dlq", "esrag-docs-hr-000001"}
    whole_teardown(fake, with_documents=ALIAS)
    assert list(cluster.indices) == []
