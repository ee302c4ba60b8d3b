"""Setup on a real server: complete, repeatable, interruptible, careful with others' objects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from elasticsearch import Elasticsearch
from recorder import Recorder

from esrag.bundle import ModelBundle, bundle_folder, load_bundle
from esrag.cluster import deployments, models
from esrag.errors import ConflictError
from esrag.names import SEARCH_KINDS
from esrag.state.apply import apply_plan
from esrag.state.desired import Choices
from esrag.state.smoke import smoke_test
from esrag.state.survey import take_survey
from esrag.testing_elasticsearch import fake_bundle

if TYPE_CHECKING:
    from tests.contract.conftest import Stack


@pytest.fixture
def recorder(stack: Stack) -> Iterator[Recorder]:
    """A recording client with all rights."""
    recorder = Recorder(stack)
    yield recorder
    recorder.client.close()


@pytest.fixture(scope="module")
def full_bundle(stack: Stack) -> ModelBundle:
    """The bundle of the packaged model, built once by the command line."""
    done = stack.esrag("model", "build", "--json")
    assert done.returncode == 0, done.stderr
    return load_bundle(Path(json.loads(done.stdout)["folder"]))


@pytest.fixture
def choices(prefix: str) -> Choices:
    """A set of this test's own that shares the default model."""
    return Choices(
        set=prefix,
        model_id="sentence-transformers__all-minilm-l6-v2",
        allocations=1,
        threads=2,
        queue_capacity=1024,
        language="english",
        vectors="int8",
    )


def set_up(client: Elasticsearch, choices: Choices, bundle: ModelBundle) -> int:
    """One run of setup; the number of steps taken."""
    found = take_survey(client, choices, bundle)
    return apply_plan(client, found.desired, found.observed, found.plan)


def test_a_second_setup_writes_nothing(
    recorder: Recorder, choices: Choices, full_bundle: ModelBundle
) -> None:
    """After apply the plan is empty; the try-out embeds and searches without writing."""
    set_up(recorder.client, choices, full_bundle)
    recorder.writes.clear()
    assert set_up(recorder.client, choices, full_bundle) == 0
    desired = take_survey(recorder.client, choices, full_bundle).desired
    tried = smoke_test(
        recorder.client,
        desired.names,
        generation=1,
        dims=full_bundle.dims,
        fields=desired.mapping["properties"],
    )
    assert (tried.dims, len(tried.hits)) == (384, len(SEARCH_KINDS))
    assert recorder.writes == []


def test_the_cluster_computes_the_original_models_vectors(
    es: Elasticsearch, choices: Choices, full_bundle: ModelBundle
) -> None:
    """All reference texts, the one that is cut off included."""
    set_up(es, choices, full_bundle)
    assert models.verify_vectors(es, choices.model_id, full_bundle.references) >= 0.9999


@pytest.mark.parametrize("at", [0, 1, 2, 3])
def test_an_interrupted_upload_is_completed(
    stack: Stack, es: Elasticsearch, prefix: str, tmp_path: Path, at: int
) -> None:
    """Cut at config, vocabulary, first and second part; the rerun sends what is missing."""
    bundle = fake_bundle(tmp_path, f"{prefix}-model")
    dying = Recorder(stack)
    dying.die_at, dying.die_after_sending = at, True
    with pytest.raises(KeyboardInterrupt):
        models.push(dying.client, bundle)
    half = models.read_model(es, bundle.model_id)
    assert half is not None
    assert not half.fully_defined
    models.push(es, bundle)
    found = models.read_model(es, bundle.model_id)
    assert found is not None
    assert found.fully_defined


def test_drift_shows_and_is_repaired(
    es: Elasticsearch, choices: Choices, full_bundle: ModelBundle
) -> None:
    """A pipeline changed behind our back is an update that says so."""
    set_up(es, choices, full_bundle)
    name = f"esrag-embed-{choices.set}-000001"
    body = es.ingest.get_pipeline(id=name)[name]
    keep = {key: body[key] for key in ("description", "version", "_meta")}
    es.ingest.put_pipeline(id=name, body={**keep, "processors": body["processors"][:-1]})
    (action,) = take_survey(es, choices, full_bundle).plan.changes
    assert (action.verb, action.name) == ("update", name)
    assert "somebody changed it" in action.reason
    assert set_up(es, choices, full_bundle) == 1
    assert set_up(es, choices, full_bundle) == 0


def test_foreign_objects_are_left_alone(
    recorder: Recorder, choices: Choices, full_bundle: ModelBundle
) -> None:
    """A search template of somebody else under our name stops the plan before the first write."""
    name = f"esrag-hybrid-{choices.set}"
    script = {"lang": "mustache", "source": '{"query":{"match_all":{}}}'}
    recorder.client.put_script(id=name, script=script)
    recorder.writes.clear()
    with pytest.raises(ConflictError, match=name):
        set_up(recorder.client, choices, full_bundle)
    assert recorder.writes == []
    assert recorder.client.get_script(id=name)["script"]["source"] == script["source"]


def test_a_new_storage_of_vectors_makes_a_new_generation(
    es: Elasticsearch, choices: Choices, full_bundle: ModelBundle
) -> None:
    """Destructive, behind the same alias, with the old index kept."""
    set_up(es, choices, full_bundle)
    other = replace(choices, vectors="float")
    found = take_survey(es, other, full_bundle)
    assert [action.kind for action in found.plan.destructive] == ["index"]
    with pytest.raises(ConflictError):
        apply_plan(es, found.desired, found.observed, found.plan)
    apply_plan(es, found.desired, found.observed, found.plan, allow_destructive=True)
    names = found.desired.names
    assert list(es.indices.get_alias(name=names.alias)) == [names.index(2)]
    assert es.indices.exists(index=names.index(1))
    assert take_survey(es, other, full_bundle).plan.changes == ()


def test_a_deployment_is_started_and_stopped(
    es: Elasticsearch, prefix: str, full_bundle: ModelBundle
) -> None:
    """A model of this test's own: deploy, deploy again, stop."""
    bundle = replace(full_bundle, model_id=f"{prefix}-model")
    models.push(es, bundle)
    wanted = deployments.DeploymentSpec(
        bundle.model_id, bundle.model_id, allocations=1, threads=1, queue_capacity=64
    )
    for _ in range(2):
        assert deployments.deploy(es, wanted).allocated == 1
    assert deployments.undeploy(es, bundle.model_id)
    assert deployments.read_deployment(es, bundle.model_id) is None


def test_the_commands_tell_by_their_exit_codes(
    stack: Stack, prefix: str, full_bundle: ModelBundle
) -> None:
    """plan 2, setup 0, plan 0; a dead server 4."""
    assert full_bundle.folder == bundle_folder(stack.data_dir, full_bundle.model_id)
    assert stack.esrag("plan", "--set", prefix).returncode == 2
    done = stack.esrag("setup", "--set", prefix, "--yes")
    assert done.returncode == 0, done.stderr
    again = stack.esrag("plan", "--set", prefix)
    assert (again.returncode, again.stdout[:13]) == (0, "Nothing to do")
    assert stack.esrag("plan", "--elasticsearch-url", "http://127.0.0.1:9").returncode == 4
