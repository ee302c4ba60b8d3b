"""A model that expands texts in the plan: what it adds to a set, and where it is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from setup_desk import CHOICES, state_of, whole_setup, whole_teardown

from esrag.bundle import ModelBundle
from esrag.cluster.capabilities import Tier
from esrag.errors import UnsupportedError, UsageError
from esrag.resources import load_body
from esrag.state.desired import EMBED_FILE, FIELDS_FILE, desired_state
from esrag.state.expansion import with_expansion_field, with_expansion_processor
from esrag.state.smoke import smoke_test
from esrag.state.survey import take_survey
from esrag.templating import parameter_default
from esrag.testing_elasticsearch import ClusterInMemory, ElasticsearchFake

WANTED = replace(CHOICES, sparse_id="elser")


def with_model(task: str = "text_expansion", *names: str) -> ClusterInMemory:
    """A cluster to which somebody brought a model with eland."""
    cluster = ClusterInMemory()
    for name in names or ("elser",):
        config = {"model_type": "pytorch", "inference_config": {task: {}}}
        part = {0: {"bytes": b"x", "length": 1}}
        models = cluster.store.setdefault("models", {})
        models[name] = {"config": config, "parts": part, "vocabulary": {}}
    return cluster


def processors_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The inference processors of a pipeline, in their order."""
    return [each["inference"] for each in body["processors"] if "inference" in each]


def test_the_second_processor_reads_what_the_first_reads() -> None:
    """It comes at once after it, before helper fields are dropped, and fails as it does."""
    shipped = load_body(EMBED_FILE)
    made = with_expansion_processor(shipped, "elser")
    embed, expand = processors_of(made)
    assert (embed,) == tuple(processors_of(shipped))
    assert expand == {
        "tag": "expand",
        "model_id": "elser",
        "input_output": [{"input_field": "embedding_input", "output_field": "expansion"}],
    }
    kinds = [next(iter(each)) for each in made["processors"]]
    assert kinds == ["set", "inference", "inference", "remove", "set"]


def test_a_pipeline_that_embeds_nothing_cannot_expand() -> None:
    """Nothing says which text the model shall read."""
    with pytest.raises(UsageError, match=r"embed\.json has no inference processor"):
        with_expansion_processor({"processors": [{"set": {"field": "a", "value": "b"}}]}, "elser")


def test_the_field_says_whose_words_it_holds() -> None:
    """In 50 characters, as the server takes no more; the other fields stay."""
    shipped = load_body(FIELDS_FILE)
    long = "x" * 20 + "-" + "y" * 43
    made = with_expansion_field(shipped, long)["template"]["mappings"]["properties"]
    assert made.pop("expansion") == {"type": "sparse_vector", "meta": {"model": long[-50:]}}
    assert made == shipped["template"]["mappings"]["properties"]


@pytest.mark.parametrize("place", ["cluster", "client"])
def test_without_the_setting_there_is_nothing_of_it(place: Any) -> None:
    """No field, no processor, no search template; nor where the client embeds."""
    tier = Tier(embedding=place)
    choices = CHOICES if place == "cluster" else WANTED
    bodies = desired_state(choices, bundle=None, dims=8, tier=tier).bodies
    text = json.dumps([item.body for item in bodies])
    assert "expansion" not in text
    assert "sparse" not in text
    assert "esrag-sparse-hr" not in [item.name for item in bodies]


def test_setup_starts_the_model_and_adds_template_field_and_processor(bundle: ModelBundle) -> None:
    """Everything once: the next plan is empty, and the try-out searches by the new template too."""
    cluster = with_model()
    fake = ElasticsearchFake(cluster)
    whole_setup(fake, bundle, WANTED)
    assert cluster.deployments["elser"]["model_id"] == "elser"
    found = take_survey(fake.client(), WANTED, bundle)
    assert found.plan.changes == ()
    templates = {i.name: i.body for i in found.desired.bodies if i.kind == "search template"}
    assert parameter_default(templates["esrag-sparse-hr"], "model_id") == "elser"
    assert parameter_default(templates["esrag-semantic-hr"], "model_id") == "model-a"
    fields = found.desired.mapping["properties"]
    tried = smoke_test(fake.client(), found.desired.names, generation=1, dims=8, fields=fields)
    assert "esrag-sparse-hr" in dict(tried.hits)


def test_a_set_that_is_there_keeps_its_index(bundle: ModelBundle) -> None:
    """It gets the field; the plan says that its chunks have nothing in it yet."""
    cluster = with_model()
    fake = ElasticsearchFake(cluster)
    whole_setup(fake, bundle)
    changes = {step.name: step for step in take_survey(fake.client(), WANTED, bundle).plan.changes}
    step = changes["esrag-docs-hr-000001"]
    assert (step.verb, step.destructive) == ("update", False)
    assert "esrag reembed --force --embed-again" in step.details[-1]


def test_words_of_another_model_are_not_mixed(bundle: ModelBundle) -> None:
    """Another model needs another generation."""
    cluster = with_model("text_expansion", "elser", "splade")
    fake = ElasticsearchFake(cluster)
    whole_setup(fake, bundle, WANTED)
    plan = take_survey(fake.client(), replace(WANTED, sparse_id="splade"), bundle).plan
    (step,) = (step for step in plan.changes if step.kind == "index")
    assert (step.verb, step.destructive) == ("replace", True)
    assert step.details == ("its chunks are expanded by elser, not by splade",)


def test_without_the_setting_template_and_processor_go(bundle: ModelBundle) -> None:
    """Else the template would miss what is written from then on; the field cannot go."""
    cluster = with_model()
    fake = ElasticsearchFake(cluster)
    whole_setup(fake, bundle, WANTED)
    plan = take_survey(fake.client(), CHOICES, bundle).plan
    assert [(step.verb, step.name) for step in plan.changes] == [
        ("update", "esrag-embed-hr-000001"),
        ("update", "esrag-docs-hr-mappings"),
        ("delete", "esrag-sparse-hr"),
    ]
    whole_setup(fake, bundle)
    assert take_survey(fake.client(), CHOICES, bundle).plan.changes == ()
    assert "esrag-sparse-hr" not in state_of(cluster)
    assert "elser" in cluster.deployments


def test_teardown_takes_the_template_and_leaves_the_model(bundle: ModelBundle) -> None:
    """Also when the setting is gone by then; the model and its deployment are somebody's own."""
    cluster = with_model()
    fake = ElasticsearchFake(cluster)
    whole_setup(fake, bundle, WANTED)
    whole_teardown(fake, CHOICES, with_documents="esrag-docs-hr")
    assert "esrag-sparse-hr" not in state_of(cluster)
    assert "elser" in cluster.store["models"]
    assert "elser" in cluster.deployments


@pytest.mark.parametrize("task", ["", "text_embedding"])
def test_a_model_that_does_not_expand_is_refused(bundle: ModelBundle, task: str) -> None:
    """Missing, or a model of another task; the setting is named."""
    cluster = with_model(task) if task else ClusterInMemory()
    with pytest.raises(UsageError, match=r"model\.sparse_id elser") as caught:
        take_survey(ElasticsearchFake(cluster).client(), WANTED, bundle)
    assert "text_expansion" in caught.value.hint


def test_a_cluster_that_does_not_embed_refuses(bundle: ModelBundle) -> None:
    """With its own reason, and what to do."""
    fake = ElasticsearchFake(ClusterInMemory(machine_learning=False))
    with pytest.raises(UnsupportedError, match="runs models itself") as caught:
        take_survey(fake.client(), WANTED, bundle)
    assert "Leave model.sparse_id empty" in caught.value.hint


def test_a_project_may_index_the_field_in_its_own_way(bundle: ModelBundle, tmp_path: Path) -> None:
    """What its mapping says of the field stays."""
    fields = load_body(FIELDS_FILE)
    own = {"type": "sparse_vector", "store": True}
    fields["template"]["mappings"]["properties"]["expansion"] = own
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings/fields.json").write_text(json.dumps(fields))
    choices = replace(WANTED, project_dir=tmp_path)
    mapping = desired_state(choices, bundle=bundle).mapping["properties"]["expansion"]
    assert mapping == {**own, "meta": {"model": "elser"}}
