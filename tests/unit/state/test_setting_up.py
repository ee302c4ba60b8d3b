"""Survey, plan and apply against a cluster in memory: completeness, repetition, interruption."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from esrag.bundle import ModelBundle
from esrag.errors import ConflictError, UnavailableError, UsageError
from esrag.names import SEARCH_KINDS
from esrag.state.apply import apply_plan
from esrag.state.desired import Choices
from esrag.state.render import plan_as_json, summary
from esrag.state.smoke import smoke_test
from esrag.state.survey import take_status, take_survey
from esrag.testing_elasticsearch import (
    ClusterInMemory,
    ElasticsearchFake,
    Reply,
    Request,
    fake_bundle,
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


def set_up(
    fake: ElasticsearchFake,
    bundle: ModelBundle | None,
    choices: Choices = CHOICES,
    *,
    destructive: bool = False,
) -> int:
    """One run of setup; the number of steps taken."""
    client = fake.client()
    found = take_survey(client, choices, bundle)
    return apply_plan(
        client, found.desired, found.observed, found.plan, allow_destructive=destructive
    )


def test_an_empty_cluster_gets_everything_in_order(bundle: ModelBundle) -> None:
    """Model, deployment, templates, pipeline, search templates, index behind its alias."""
    cluster = ClusterInMemory()
    fake = ElasticsearchFake(cluster)
    found = take_survey(fake.client(), CHOICES, bundle)
    kinds = [action.kind for action in found.plan.changes]
    assert kinds == [
        *["service index"] * 2,
        "trained model",
        "deployment",
        *["ingest pipeline"] * 2,
        "component template",
        "component template",
        "index template",
        *["search template"] * len(SEARCH_KINDS),
        "index",
        "inference endpoint",
    ]
    assert fake.writes == []
    assert set_up(fake, bundle) == 16
    assert list(cluster.indices) == ["esrag-meta", "esrag-dlq", "esrag-docs-hr-000001"]
    index = cluster.indices["esrag-docs-hr-000001"]
    assert index["aliases"] == {"esrag-docs-hr": {"is_write_index": True}}
    assert index["settings"]["index"]["default_pipeline"] == "esrag-intake-hr-000001"
    assert index["mappings"]["properties"]["embedding"]["dims"] == 8
    pipeline = cluster.store["_ingest/pipeline"]["esrag-embed-hr-000001"]
    assert pipeline["processors"][1]["inference"]["model_id"] == "model-a"
    source = cluster.store["_scripts"]["esrag-hybrid-hr"]["script"]["source"]
    assert "{{^model_id}}model-a{{/model_id}}" in source


def test_the_second_run_writes_nothing(bundle: ModelBundle) -> None:
    """The second plan is empty although the server spells bodies its own way."""
    fake = ElasticsearchFake(ClusterInMemory())
    set_up(fake, bundle)
    fake.requests.clear()
    assert set_up(fake, bundle) == 0
    assert fake.writes == []
    assert summary(take_survey(fake.client(), CHOICES, bundle).plan).startswith("Nothing to do")


def test_a_desk_without_a_bundle_plans_from_the_clusters_model(bundle: ModelBundle) -> None:
    """The vector length is read from the cluster's model, so the plan is empty there as well."""
    fake = ElasticsearchFake(ClusterInMemory())
    set_up(fake, bundle)
    assert set_up(fake, None) == 0


def test_without_bundle_and_model_applying_says_what_to_build() -> None:
    """A plan can be shown; carrying it out needs the bundle."""
    with pytest.raises(UsageError) as caught:
        set_up(ElasticsearchFake(ClusterInMemory()), None)
    assert "esrag model build" in caught.value.hint


def test_two_sets_share_the_model(bundle: ModelBundle) -> None:
    """A second set finds model and deployment in place and gets names of its own."""
    fake = ElasticsearchFake(ClusterInMemory())
    set_up(fake, bundle)
    found = take_survey(fake.client(), replace(CHOICES, set="it"), bundle)
    assert [action.verb for action in found.plan.actions[:4]] == ["none"] * 4
    assert all("-it" in action.name for action in found.plan.changes)


CHANGES_BY_HAND: list[tuple[str, str, Any]] = [
    (
        "_component_template",
        "esrag-docs-hr-settings",
        lambda b: b["template"]["settings"]["index"].update(number_of_shards=7),
    ),
    (
        "_component_template",
        "esrag-docs-hr-mappings",
        lambda b: b["template"]["mappings"].update(dynamic="true"),
    ),
    ("_index_template", "esrag-docs-hr", lambda b: b.update(priority=1)),
    ("_ingest/pipeline", "esrag-embed-hr-000001", lambda b: b["processors"].pop()),
    (
        "_scripts",
        "esrag-hybrid-hr",
        lambda b: b["script"].update(source=b["script"]["source"] + " "),
    ),
]


@pytest.mark.parametrize(("api", "name", "change"), CHANGES_BY_HAND, ids=lambda v: str(v)[:22])
def test_a_change_by_hand_is_seen_and_repaired(
    bundle: ModelBundle, api: str, name: str, change: Any
) -> None:
    """Drift shows as an update that says so; applying it leaves nothing to do."""
    cluster = ClusterInMemory()
    fake = ElasticsearchFake(cluster)
    set_up(fake, bundle)
    change(cluster.store[api][name])
    (action,) = take_survey(fake.client(), CHOICES, bundle).plan.changes
    assert (action.verb, action.name) == ("update", name)
    assert "somebody changed it" in action.reason
    assert action.details
    assert set_up(fake, bundle) == 1
    assert set_up(fake, bundle) == 0


@pytest.mark.parametrize(("api", "name", "change"), CHANGES_BY_HAND, ids=lambda v: str(v)[:22])
def test_foreign_objects_stop_the_plan(
    bundle: ModelBundle, api: str, name: str, change: Any
) -> None:
    """An object without our mark is named, and nothing at all is written."""
    del change
    cluster = ClusterInMemory()
    fake = ElasticsearchFake(cluster)
    set_up(fake, bundle)
    foreign: dict[str, Any] = {"template": {}, "index_patterns": ["x-*"], "composed_of": []}
    if api == "_scripts":
        foreign = {"script": {"lang": "mustache", "source": "{}"}}
    cluster.store[api][name] = foreign
    fake.requests.clear()
    with pytest.raises(ConflictError, match=name):
        set_up(fake, bundle)
    assert fake.writes == []
    assert cluster.store[api][name] == foreign
    states = {line.name: line.state for line in take_status(fake.client(), CHOICES).objects}
    assert states[name] == "foreign"


@pytest.mark.parametrize(
    "indices",
    [
        {"esrag-docs-hr": {"aliases": {}, "settings": {}, "mappings": {}}},
        {"mine": {"aliases": {"esrag-docs-hr": {}}, "settings": {}, "mappings": {}}},
    ],
)
def test_a_foreign_index_stops_the_plan(bundle: ModelBundle, indices: dict[str, Any]) -> None:
    """An index named like our alias, or one that somebody else put behind it."""
    fake = ElasticsearchFake(ClusterInMemory(indices=indices))
    with pytest.raises(ConflictError):
        set_up(fake, bundle)
    assert fake.writes == []


def test_a_new_field_is_added_in_place(bundle: ModelBundle, tmp_path: Path) -> None:
    """An index keeps its documents when a field is only added."""
    cluster = ClusterInMemory()
    fake = ElasticsearchFake(cluster)
    set_up(fake, bundle)
    project = replace(CHOICES, project_dir=tmp_path)
    (tmp_path / "mappings").mkdir()
    shipped = json.loads((Path(__file__).parents[3] / "mappings/fields.json").read_text())
    shipped["template"]["mappings"]["properties"]["team"] = {"type": "keyword"}
    (tmp_path / "mappings/fields.json").write_text(json.dumps(shipped))
    changes = take_survey(fake.client(), project, bundle).plan.changes
    assert [(a.verb, a.kind) for a in changes] == [
        ("update", "component template"),
        ("update", "index"),
    ]
    set_up(fake, bundle, project)
    assert cluster.indices["esrag-docs-hr-000001"]["mappings"]["properties"]["team"] == {
        "type": "keyword"
    }
    assert set_up(fake, bundle, project) == 0


def test_what_an_index_cannot_become_is_a_new_generation(bundle: ModelBundle) -> None:
    """Another vector storage needs a new index: destructive, and only with the flag."""
    cluster = ClusterInMemory()
    fake = ElasticsearchFake(cluster)
    set_up(fake, bundle)
    other = replace(CHOICES, vectors="float")
    fake.requests.clear()
    with pytest.raises(ConflictError) as caught:
        set_up(fake, bundle, other)
    assert "--allow-destructive" in caught.value.hint
    assert fake.writes == []
    set_up(fake, bundle, other, destructive=True)
    assert cluster.indices["esrag-docs-hr-000001"]["aliases"] == {}
    assert cluster.indices["esrag-docs-hr-000002"]["aliases"] == {
        "esrag-docs-hr": {"is_write_index": True}
    }
    assert set_up(fake, bundle, other) == 0


def test_a_half_switched_alias_is_finished(bundle: ModelBundle) -> None:
    """A run that ended between creating the new generation and the switch is continued."""
    cluster = ClusterInMemory()
    fake = ElasticsearchFake(cluster)
    set_up(fake, bundle)
    other = replace(CHOICES, vectors="float")

    def dying(request: Request) -> Reply:
        if request.path == "_aliases":
            raise KeyboardInterrupt
        return cluster(request)

    fake.handler = dying
    with pytest.raises(KeyboardInterrupt):
        set_up(fake, bundle, other, destructive=True)
    fake.handler = cluster
    assert set_up(fake, bundle, other) == 1
    assert list(cluster.indices)[2:] == ["esrag-docs-hr-000001", "esrag-docs-hr-000002"]
    assert cluster.indices["esrag-docs-hr-000001"]["aliases"] == {}


def test_a_lost_alias_is_set_again(bundle: ModelBundle) -> None:
    """The newest generation gets its name back; no empty index takes its place."""
    cluster = ClusterInMemory()
    fake = ElasticsearchFake(cluster)
    set_up(fake, bundle)
    cluster.indices["esrag-docs-hr-000001"]["aliases"] = {}
    assert set_up(fake, bundle) == 1
    assert "esrag-docs-hr" in cluster.indices["esrag-docs-hr-000001"]["aliases"]


def test_a_failed_deployment_is_replaced(bundle: ModelBundle) -> None:
    """What does not run interrupts nobody, so it needs no flag."""
    cluster = ClusterInMemory()
    fake = ElasticsearchFake(cluster)
    set_up(fake, bundle)
    cluster.deployments["model-a"] |= {"state": "failed", "reason": "out of memory"}
    (action,) = take_survey(fake.client(), CHOICES, bundle).plan.changes
    assert (action.verb, action.destructive) == ("replace", False)
    assert "out of memory" in action.describe()
    assert set_up(fake, bundle) == 1


def test_other_threads_are_destructive(bundle: ModelBundle) -> None:
    """A restart interrupts whoever searches."""
    fake = ElasticsearchFake(ClusterInMemory())
    set_up(fake, bundle)
    (action,) = take_survey(fake.client(), replace(CHOICES, threads=4), bundle).plan.changes
    assert (action.kind, action.verb, action.destructive) == ("deployment", "replace", True)


def test_another_models_content_replaces_index_and_model(
    bundle: ModelBundle, tmp_path: Path
) -> None:
    """Vectors of the old content are of no use, so the plan says both."""
    fake = ElasticsearchFake(ClusterInMemory())
    set_up(fake, bundle)
    other = fake_bundle(tmp_path / "other", seed=b"z")
    plan = take_survey(fake.client(), CHOICES, other).plan
    assert [action.kind for action in plan.destructive] == ["trained model", "index"]
    set_up(fake, other, destructive=True)
    assert set_up(fake, other) == 0


def test_the_plan_as_json_is_stable(bundle: ModelBundle) -> None:
    """Keys and order are for programs."""
    plan = take_survey(ElasticsearchFake(ClusterInMemory()).client(), CHOICES, bundle).plan
    facts = plan_as_json(plan)
    assert list(facts) == ["changes", "destructive", "actions"]
    assert list(facts["actions"][0]) == [
        "action",
        "kind",
        "name",
        "reason",
        "details",
        "destructive",
    ]
    assert facts["changes"] == len(facts["actions"]) == 16


def test_smoke_test_writes_nothing_and_checks_the_length(bundle: ModelBundle) -> None:
    """One text is embedded, each search template runs; a vector of another length is an error."""
    fake = ElasticsearchFake(ClusterInMemory())
    set_up(fake, bundle)
    desired = take_survey(fake.client(), CHOICES, bundle).desired
    names, fields = desired.names, desired.mapping["properties"]
    fake.requests.clear()
    result = smoke_test(fake.client(), names, generation=1, dims=8, fields=fields)
    assert result.dims == 8
    assert [name for name, _ in result.hits] == [f"esrag-{kind}-hr" for kind in SEARCH_KINDS]
    assert fake.writes == []
    with pytest.raises(UnavailableError, match="8 dimensions where the index wants 384"):
        smoke_test(fake.client(), names, generation=1, dims=384, fields=fields)
    with pytest.raises(UsageError, match="embedding"):
        smoke_test(fake.client(), names, generation=1, dims=8, fields={"text", "context"})


def test_status_lists_what_is_there_and_what_is_not(bundle: ModelBundle) -> None:
    """Before setup everything is missing, afterwards present, with counts."""
    fake = ElasticsearchFake(ClusterInMemory())
    before = take_status(fake.client(), CHOICES)
    assert {line.state for line in before.objects} == {"missing"}
    assert before.documents is None
    set_up(fake, bundle)
    after = take_status(fake.client(), CHOICES)
    assert {line.state for line in after.objects} == {"present"}
    assert after.documents == 0
