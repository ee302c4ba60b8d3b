"""Setup as it runs for a user: lock, second look, interruption, adoption, several at once."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from setup_desk import (
    CHOICES,
    Cut,
    copy_of,
    cut_at,
    patient,
    state_of,
    whole_setup,
)

from esrag.bundle import ModelBundle
from esrag.cluster.models import config_body
from esrag.errors import ConflictError
from esrag.state.setting_up import PlanMovedError, set_up
from esrag.state.survey import take_survey
from esrag.testing_elasticsearch import ClusterInMemory, ElasticsearchFake, fake_bundle


def reference(bundle: ModelBundle) -> tuple[str, int]:
    """The state after an undisturbed setup, and how many writes it took."""
    cluster = ClusterInMemory()
    fake = ElasticsearchFake(cluster)
    whole_setup(fake, bundle)
    return state_of(cluster), len(fake.writes)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_cut_at_any_request_a_rerun_completes(bundle: ModelBundle, after: bool) -> None:
    """The lock of the dead run included; nothing is left over and nothing missing."""
    wanted, total = reference(bundle)
    assert total > 15
    for number in range(total):
        cluster = ClusterInMemory()
        fake = ElasticsearchFake(cluster)
        fake.handler = cut_at(cluster, fake, number, after=after)
        with pytest.raises(Cut):
            whole_setup(fake, bundle)
        fake.handler = cluster
        whole_setup(fake, bundle)
        assert state_of(cluster) == wanted, number


TIERS: dict[str, dict[str, Any]] = {
    "enterprise": {},
    "platinum": {"rrf": False, "inference": False},
    "basic": {"machine_learning": False, "rrf": False, "inference": False, "licence": "basic"},
}


@pytest.mark.parametrize("tier", list(TIERS))
def test_runs_two_to_ten_write_nothing(bundle: ModelBundle, tier: str) -> None:
    """Not even the lock, whatever the cluster can do."""
    fake = ElasticsearchFake(ClusterInMemory(**TIERS[tier]))
    whole_setup(fake, bundle)
    fake.requests.clear()
    assert [whole_setup(fake, bundle) for _ in range(9)] == [0] * 9
    assert fake.writes == []


def test_four_at_once_end_in_one_state(bundle: ModelBundle) -> None:
    """One of them does the work; the others wait, look again and find nothing to do."""
    wanted, _ = reference(bundle)
    cluster = ClusterInMemory()
    fake = ElasticsearchFake(cluster)
    steps: list[int] = []
    terms = patient(wait=60.0, sleep=lambda _: threading.Event().wait(0.01))

    def run() -> None:
        steps.append(whole_setup(fake, bundle, terms=terms))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert state_of(cluster) == wanted
    assert len(steps) == 4
    puts = [r for r in fake.writes if r.path == "_ml/trained_models/model-a/definition/0"]
    assert len(puts) == 1


def test_what_was_not_shown_is_not_done(bundle: ModelBundle) -> None:
    """Somebody changed a pipeline between the plan and the lock: it is named, nothing is done."""
    cluster = ClusterInMemory()
    fake = ElasticsearchFake(cluster)
    whole_setup(fake, bundle)
    del cluster.store["_scripts"]["esrag-hybrid-hr"]
    client = fake.client()
    shown = take_survey(client, CHOICES, bundle)
    cluster.store["_ingest/pipeline"]["esrag-embed-hr-000001"]["processors"].pop()
    with pytest.raises(PlanMovedError, match="esrag-embed-hr-000001") as caught:
        set_up(client, shown, lambda: take_survey(client, CHOICES, bundle), patient())
    assert len(caught.value.now.plan.changes) == 2
    assert "esrag-hybrid-hr" not in cluster.store["_scripts"]
    assert "lock" not in cluster.indices["esrag-meta"]["documents"]


def test_less_than_was_shown_is_done(bundle: ModelBundle) -> None:
    """Somebody else did a part of it meanwhile."""
    cluster = ClusterInMemory()
    fake = ElasticsearchFake(cluster)
    client = fake.client()
    shown = take_survey(client, CHOICES, bundle)
    whole_setup(fake, bundle)
    del cluster.store["_scripts"]["esrag-hybrid-hr"]
    outcome = set_up(client, shown, lambda: take_survey(client, CHOICES, bundle), patient())
    # the index of the notes is made sure of once more before the lock
    assert outcome.steps == 2


FOREIGN: list[tuple[str, str, dict[str, Any]]] = [
    ("_component_template", "esrag-docs-hr-settings", {"template": {"settings": {}}}),
    (
        "_index_template",
        "esrag-docs-hr",
        {"index_patterns": ["x-*"], "composed_of": [], "priority": 1},
    ),
    ("_ingest/pipeline", "esrag-embed-hr-000001", {"processors": []}),
    ("_scripts", "esrag-lexical-hr", {"script": {"lang": "mustache", "source": "{}"}}),
]


@pytest.mark.parametrize(("api", "name", "body"), FOREIGN, ids=lambda v: str(v)[:24])
def test_foreign_bodies_are_taken_over_when_told_to(
    bundle: ModelBundle, api: str, name: str, body: dict[str, Any]
) -> None:
    """The plan says so with every difference; afterwards it is as if esrag had made them."""
    wanted, _ = reference(bundle)
    cluster = ClusterInMemory()
    cluster.store[api] = {name: body}
    fake = ElasticsearchFake(cluster)
    with pytest.raises(ConflictError, match=name):
        whole_setup(fake, bundle)
    plan = take_survey(fake.client(), CHOICES, bundle, adopt=True).plan
    (action,) = [action for action in plan.changes if action.verb == "adopt"]
    assert action.name == name
    assert all(" -> " in detail or "more" in detail for detail in action.details)
    whole_setup(fake, bundle, adopt=True)
    assert state_of(cluster) == wanted
    assert whole_setup(fake, bundle) == 0


def test_a_foreign_endpoint_is_taken_over_when_told_to(bundle: ModelBundle) -> None:
    """It is made anew, and a note says whose it is from now on."""
    wanted, _ = reference(bundle)
    name = "esrag-embedding-hr"
    cluster = ClusterInMemory()
    cluster.endpoints[name] = {
        "inference_id": name,
        "task_type": "text_embedding",
        "service": "elasticsearch",
        "service_settings": {"model_id": "theirs"},
    }
    fake = ElasticsearchFake(cluster)
    with pytest.raises(ConflictError, match=f"inference endpoint {name}"):
        whole_setup(fake, bundle)
    assert cluster.endpoints[name]["service_settings"] == {"model_id": "theirs"}
    whole_setup(fake, bundle, adopt=True)
    assert state_of(cluster) == wanted
    assert whole_setup(fake, bundle) == 0


def foreign_model(cluster: ClusterInMemory, bundle: ModelBundle) -> None:
    """The bundle's model, brought by somebody else's tool."""
    body = config_body(bundle)
    del body["metadata"]["esrag"]
    parts = {0: {"bytes": b"x", "length": 1}}
    cluster.store["models"] = {"model-a": {"config": body, "parts": parts, "vocabulary": {}}}


def test_a_foreign_model_is_taken_over_after_its_vectors_agreed(bundle: ModelBundle) -> None:
    """It keeps its body; a note says that it is managed, and teardown leaves it in place."""
    cluster = ClusterInMemory()
    foreign_model(cluster, bundle)
    fake = ElasticsearchFake(cluster)
    with pytest.raises(ConflictError, match="trained model model-a"):
        whole_setup(fake, bundle)
    whole_setup(fake, bundle, adopt=True)
    assert "esrag" not in cluster.store["models"]["model-a"]["config"]["metadata"]
    note = cluster.indices["esrag-meta"]["documents"]["object:trained model:model-a"]["_source"]
    assert (note["adopted"], note["fingerprint"]) == (True, bundle.fingerprint)
    assert whole_setup(fake, bundle) == 0


def test_a_foreign_model_with_other_vectors_is_not_taken_over(bundle: ModelBundle) -> None:
    """The plan ends there, and no note says that it is ours."""
    cluster = ClusterInMemory(embed=lambda _: [1.0, 0, 0, 0, 0, 0, 0, 0])
    foreign_model(cluster, bundle)
    fake = ElasticsearchFake(cluster)
    with pytest.raises(Exception, match="other vectors"):
        whole_setup(fake, bundle, adopt=True)
    assert "object:trained model:model-a" not in cluster.indices["esrag-meta"]["documents"]


def test_an_index_is_taken_over_only_if_its_mapping_fits(bundle: ModelBundle) -> None:
    """Named like a generation, behind our alias, with our fields; else it is said what is wrong."""
    wanted, _ = reference(bundle)
    cluster = ClusterInMemory()
    fake = ElasticsearchFake(cluster)
    whole_setup(fake, bundle)
    mapping = cluster.indices["esrag-docs-hr-000001"]["mappings"]
    del mapping["_meta"]
    with pytest.raises(ConflictError, match="esrag-docs-hr-000001"):
        whole_setup(fake, bundle)
    whole_setup(fake, bundle, adopt=True)
    assert state_of(cluster) == wanted
    del mapping["_meta"]
    cluster.indices["esrag-docs-hr-000001"]["mappings"]["properties"]["text"]["analyzer"] = "german"
    with pytest.raises(ConflictError, match="german"):
        whole_setup(fake, bundle, adopt=True)


def test_an_index_of_another_name_is_never_taken_over(bundle: ModelBundle) -> None:
    """Nor one that has the very name of the alias."""
    for name in ("mine", "esrag-docs-hr"):
        aliases = {} if name == "esrag-docs-hr" else {"esrag-docs-hr": {}}
        index = {"aliases": aliases, "settings": {}, "mappings": {}}
        fake = ElasticsearchFake(ClusterInMemory(indices={name: index}))
        with pytest.raises(ConflictError, match="cannot be taken over"):
            whole_setup(fake, bundle, adopt=True)
        assert fake.writes == []


def test_another_sets_objects_are_not_taken_over(bundle: ModelBundle) -> None:
    """Not even with --adopt: they have an owner."""
    cluster = ClusterInMemory()
    fake = ElasticsearchFake(cluster)
    whole_setup(fake, bundle, replace(CHOICES, set="it"))
    scripts = cluster.store["_scripts"]
    scripts["esrag-hybrid-hr"] = scripts["esrag-hybrid-it"]
    with pytest.raises(ConflictError, match="of document set it"):
        whole_setup(fake, bundle, adopt=True)


@pytest.mark.parametrize("index", ["esrag-meta", "esrag-dlq"])
def test_the_shared_indices_are_repaired_in_place(bundle: ModelBundle, index: str) -> None:
    """A field that is gone comes back; one that somebody added stays."""
    cluster = ClusterInMemory()
    fake = ElasticsearchFake(cluster)
    whole_setup(fake, bundle)
    mapping = cluster.indices[index]["mappings"]
    gone = next(iter(mapping["properties"]))
    del mapping["properties"][gone]
    mapping["properties"]["own"] = {"type": "keyword"}
    (action,) = take_survey(fake.client(), CHOICES, bundle).plan.changes
    assert (action.verb, action.name) == ("update", index)
    assert whole_setup(fake, bundle) == 1
    assert {gone, "own"} <= set(mapping["properties"]) | set(
        cluster.indices[index]["mappings"]["properties"]
    )
    assert whole_setup(fake, bundle) == 0


def test_drift_of_the_index_itself_is_shown_and_repaired(bundle: ModelBundle) -> None:
    """Its default pipeline, and whether it takes unknown fields."""
    cluster = ClusterInMemory()
    fake = ElasticsearchFake(cluster)
    whole_setup(fake, bundle)
    index = cluster.indices["esrag-docs-hr-000001"]
    index["settings"]["index"]["default_pipeline"] = "mine"
    index["mappings"]["dynamic"] = "true"
    (action,) = take_survey(fake.client(), CHOICES, bundle).plan.changes
    assert action.details == (
        "dynamic: true -> strict",
        "index.default_pipeline: mine -> esrag-intake-hr-000001",
    )
    assert whole_setup(fake, bundle) == 1
    assert whole_setup(fake, bundle) == 0


def test_a_replaced_model_is_not_forgotten_when_the_run_is_cut(
    bundle: ModelBundle, tmp_path: Path
) -> None:
    """Model and index change together: after any cut the rerun still makes a new generation."""
    other = fake_bundle(tmp_path / "other", size=1_500_000, seed=b"b")
    complete = ClusterInMemory()
    whole_setup(ElasticsearchFake(complete), bundle)
    cluster = copy_of(complete)
    fake = ElasticsearchFake(cluster)
    whole_setup(fake, other, destructive=True)
    wanted, total = state_of(cluster), len(fake.writes)
    for number in range(total):
        cluster = copy_of(complete)
        fake = ElasticsearchFake(cluster)
        fake.handler = cut_at(cluster, fake, number, after=True)
        with pytest.raises(Cut):
            whole_setup(fake, other, destructive=True)
        fake.handler = cluster
        whole_setup(fake, other, destructive=True)
        assert state_of(cluster) == wanted, number
