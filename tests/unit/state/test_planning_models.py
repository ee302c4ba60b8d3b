"""Model and deployments in the plan: changed in place, restarted, repaired, held against memory."""

from dataclasses import replace
from pathlib import Path

import pytest

from esrag.bundle import ModelBundle
from esrag.cluster import retry
from esrag.errors import UnavailableError, UnsupportedError
from esrag.state.actions import Action
from esrag.state.apply import apply_plan
from esrag.state.desired import Choices
from esrag.state.survey import Survey, take_survey
from esrag.testing_elasticsearch import ClusterInMemory, ElasticsearchFake
from esrag.testing_models import fake_bundle

CHOICES = Choices(
    set="hr",
    model_id="model-a",
    allocations=1,
    threads=1,
    queue_capacity=64,
    language="english",
    vectors="int8",
)
TWO = replace(CHOICES, search_allocations=2)
ADAPTIVE = replace(CHOICES, adaptive_max=4)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-off without the wait."""
    monkeypatch.setattr(retry, "LONGEST_WAIT", 0.0)


@pytest.fixture
def bundle(tmp_path: Path) -> ModelBundle:
    """A small bundle in one part."""
    return fake_bundle(tmp_path / "bundle", size=1000)


def survey(cluster: ClusterInMemory, choices: Choices, bundle: ModelBundle | None) -> Survey:
    """One look."""
    return take_survey(ElasticsearchFake(cluster).client(), choices, bundle)


def set_up(cluster: ClusterInMemory, choices: Choices, bundle: ModelBundle) -> None:
    """One run of setup, destructive steps allowed."""
    found = survey(cluster, choices, bundle)
    apply_plan(
        ElasticsearchFake(cluster).client(),
        found.desired,
        found.observed,
        found.plan,
        allow_destructive=True,
    )


def changes(cluster: ClusterInMemory, choices: Choices, bundle: ModelBundle) -> list[Action]:
    """The steps that concern deployments."""
    plan = survey(cluster, choices, bundle).plan
    return [action for action in plan.changes if action.kind == "deployment"]


def test_a_second_deployment_serves_questions(bundle: ModelBundle) -> None:
    """It has threads of its own, and only the search templates name it."""
    cluster = ClusterInMemory()
    set_up(cluster, TWO, bundle)
    assert set(cluster.deployments) == {"model-a", "model-a_search"}
    assert cluster.deployments["model-a_search"]["number_of_allocations"] in (2, "2")
    source = cluster.store["_scripts"]["esrag-hybrid-hr"]["script"]["source"]
    assert "model-a_search" in source
    assert "model-a_search" not in str(cluster.store["_ingest/pipeline"])
    assert survey(cluster, TWO, bundle).plan.changes == ()


def test_a_long_model_id_leaves_room_for_the_second_deployment() -> None:
    """Ids end at 64 characters."""
    long = replace(TWO, model_id="a" * 30 + "_" + "b" * 33)
    assert len(long.search_deployment_id) <= 64
    assert long.search_deployment_id.endswith("b_search")


@pytest.mark.parametrize(
    ("changed", "verb", "destructive"),
    [
        ({"allocations": 3}, "update", False),
        ({"adaptive_max": 4}, "update", False),
        ({"threads": 2}, "replace", True),
        ({"queue_capacity": 128}, "replace", True),
    ],
)
def test_what_can_be_changed_in_place_is(
    bundle: ModelBundle, changed: dict[str, int], verb: str, destructive: bool
) -> None:
    """Allocations are updated, threads and queue need a restart, which asks for a flag."""
    cluster = ClusterInMemory()
    set_up(cluster, CHOICES, bundle)
    wanted = replace(CHOICES, **changed)
    (step,) = changes(cluster, wanted, bundle)
    assert (step.verb, step.destructive) == (verb, destructive)
    set_up(cluster, wanted, bundle)
    assert changes(cluster, wanted, bundle) == []


def test_the_clusters_own_scaling_is_no_drift(bundle: ModelBundle) -> None:
    """With adaptive allocations any number within the range is as wanted."""
    cluster = ClusterInMemory()
    set_up(cluster, ADAPTIVE, bundle)
    for number in (1, 3, 4):
        cluster.deployments["model-a"]["number_of_allocations"] = number
        assert changes(cluster, ADAPTIVE, bundle) == []


def test_somebody_elses_range_is_drift(bundle: ModelBundle) -> None:
    """Scaled to none at all by a range without a least number: back to what is wanted."""
    cluster = ClusterInMemory()
    set_up(cluster, CHOICES, bundle)
    cluster.deployments["model-a"] |= {
        "adaptive_allocations": {"enabled": True, "max_number_of_allocations": 8},
        "number_of_allocations": 0,
    }
    (step,) = changes(cluster, CHOICES, bundle)
    assert step.verb == "update"
    assert step.reason == "no allocation is left; allocations 0 to 8 -> 1"
    set_up(cluster, CHOICES, bundle)
    assert changes(cluster, CHOICES, bundle) == []


def test_a_deployment_that_failed_or_vanished_is_started_again(bundle: ModelBundle) -> None:
    """Neither needs a flag, as nobody can be using it."""
    cluster = ClusterInMemory()
    set_up(cluster, TWO, bundle)
    cluster.deployments["model-a"] |= {"state": "failed", "reason": "out of memory"}
    del cluster.deployments["model-a_search"]
    steps = changes(cluster, TWO, bundle)
    assert [step.verb for step in steps] == ["replace", "create"]
    assert "out of memory" in steps[0].reason
    assert not any(step.destructive for step in steps)
    set_up(cluster, TWO, bundle)
    assert changes(cluster, TWO, bundle) == []


def test_too_little_memory_stops_the_plan_before_anything_is_done(bundle: ModelBundle) -> None:
    """The reason has the numbers, the hint the setting."""
    cluster = ClusterInMemory(ml_memory=100 * 2**20)
    with pytest.raises(UnavailableError) as caught:
        survey(cluster, CHOICES, bundle)
    assert "needs 240 MiB" in caught.value.message
    assert "xpack.ml.max_machine_memory_percent" in caught.value.hint
    assert cluster.store.get("models", {}) == {}


def test_a_deployment_that_runs_is_not_held_against_memory(bundle: ModelBundle) -> None:
    """Only what has to start is; a full cluster that works stays as it is."""
    cluster = ClusterInMemory()
    set_up(cluster, CHOICES, bundle)
    cluster.ml_memory = 2**20
    assert survey(cluster, CHOICES, bundle).plan.changes == ()


def test_threads_that_no_node_has_stop_the_plan(bundle: ModelBundle) -> None:
    """Such a deployment could never start."""
    with pytest.raises(UnsupportedError, match="4 processors"):
        survey(ClusterInMemory(), replace(CHOICES, threads=8), bundle)


def test_more_threads_than_processors_are_told_in_the_plan(bundle: ModelBundle) -> None:
    """As a detail of the step that starts them."""
    steps = changes(ClusterInMemory(), replace(CHOICES, allocations=8), bundle)
    assert "8 threads" in steps[0].details[0]


def test_a_torch_newer_than_the_clusters_is_told_and_not_refused(bundle: ModelBundle) -> None:
    """As a detail of the upload; the reference vectors decide."""
    newer = replace(bundle, versions={"torch": "2.7.1"})
    for version, words in (("9.1.0", ("libtorch 2.5.1, which is older",)), ("9.5.3", ())):
        plan = survey(ClusterInMemory(version=version), CHOICES, newer).plan
        (step,) = [action for action in plan.changes if action.kind == "trained model"]
        assert len(step.details) == len(words)
        assert all(word in step.details[0] for word in words)
