"""Inference endpoints in the plan: made, kept, made anew, removed; secrets stay out of sight."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from esrag.bundle import ModelBundle
from esrag.cluster import retry
from esrag.errors import ConflictError, UsageError
from esrag.state.actions import Action
from esrag.state.apply import apply_plan
from esrag.state.desired import Choices
from esrag.state.endpoint_bodies import EndpointChoices
from esrag.state.render import plan_as_json
from esrag.state.survey import Survey, take_survey
from esrag.testing_elasticsearch import ClusterInMemory, ElasticsearchFake
from esrag.testing_models import fake_bundle

URL = "http://tgi:8080"
CHAT_URL = f"{URL}/v1/chat/completions"
CHOICES = Choices(
    set="hr",
    model_id="model-a",
    allocations=1,
    threads=1,
    queue_capacity=64,
    language="english",
    vectors="int8",
)


def with_endpoints(**choices: object) -> Choices:
    """Choices with a generator and whatever else is said."""
    return replace(CHOICES, endpoints=EndpointChoices(generator_url=URL, **choices))  # type: ignore[arg-type]


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


def set_up(cluster: ClusterInMemory, choices: Choices, bundle: ModelBundle) -> list[str]:
    """One run of setup; its warnings."""
    found, warnings = survey(cluster, choices, bundle), []
    apply_plan(
        ElasticsearchFake(cluster).client(),
        found.desired,
        found.observed,
        found.plan,
        progress=lambda step: warnings.append(step.warning) if step.warning else None,
    )
    return warnings


def steps(cluster: ClusterInMemory, choices: Choices, bundle: ModelBundle) -> list[Action]:
    """The steps that change endpoints."""
    plan = survey(cluster, choices, bundle).plan
    return [action for action in plan.changes if action.kind == "inference endpoint"]


def test_one_endpoint_for_each_purpose_and_adapter(bundle: ModelBundle) -> None:
    """The adapter is what the generator is asked for; a second plan is empty."""
    cluster = ClusterInMemory()
    choices = with_endpoints(adapters=("hr/Tuned-v2",), api_key="sesame")
    set_up(cluster, choices, bundle)
    found = {
        name: kept["service_settings"].get("model_id") for name, kept in cluster.endpoints.items()
    }
    assert found == {
        "esrag-embedding-hr": None,
        "esrag-chat-hr": "tgi",
        "esrag-chat-hr_hr-tuned-v2": "hr/Tuned-v2",
        "esrag-completion-hr": "tgi",
        "esrag-completion-hr_hr-tuned-v2": "hr/Tuned-v2",
    }
    assert survey(cluster, choices, bundle).plan.changes == ()


def test_without_a_generator_there_is_the_embedding_alone(bundle: ModelBundle) -> None:
    """It needs nothing but the cluster."""
    cluster = ClusterInMemory()
    set_up(cluster, CHOICES, bundle)
    assert list(cluster.endpoints) == ["esrag-embedding-hr"]


def test_the_embedding_endpoint_uses_the_deployment_for_questions(bundle: ModelBundle) -> None:
    """As the search templates do."""
    cluster = ClusterInMemory()
    set_up(cluster, replace(CHOICES, search_allocations=1), bundle)
    settings = cluster.endpoints["esrag-embedding-hr"]["service_settings"]
    assert settings["deployment_id"] == "model-a_search"


def test_two_adapters_of_one_name_are_refused(bundle: ModelBundle) -> None:
    """They would overwrite each other."""
    with pytest.raises(UsageError, match="two adapters"):
        survey(ClusterInMemory(), with_endpoints(adapters=("a/b", "a b")), bundle)


def test_no_plan_and_no_note_has_the_key(bundle: ModelBundle) -> None:
    """It goes into the body of the PUT and nowhere else."""
    cluster = ClusterInMemory()
    choices = with_endpoints(api_key="sesame")
    assert "sesame" not in json.dumps(plan_as_json(survey(cluster, choices, bundle).plan))
    assert "sesame" not in repr(choices)
    set_up(cluster, choices, bundle)
    assert "sesame" not in json.dumps([cluster.indices, cluster.store.get("notes")], default=str)


def test_another_key_is_a_change_although_the_server_never_tells_it(bundle: ModelBundle) -> None:
    """Our note remembers a hash."""
    cluster = ClusterInMemory()
    set_up(cluster, with_endpoints(api_key="sesame"), bundle)
    other = with_endpoints(api_key="open")
    assert {action.verb for action in steps(cluster, other, bundle)} == {"update"}
    assert "open" not in str(steps(cluster, other, bundle)[0].details)
    set_up(cluster, other, bundle)
    assert steps(cluster, other, bundle) == []


def test_a_change_by_hand_is_shown_and_repaired(bundle: ModelBundle) -> None:
    """With the address that was found."""
    cluster, choices = ClusterInMemory(), with_endpoints()
    set_up(cluster, choices, bundle)
    cluster.endpoints["esrag-chat-hr"]["service_settings"]["url"] = "http://elsewhere"
    (step,) = steps(cluster, choices, bundle)
    assert (step.verb, step.name) == ("update", "esrag-chat-hr")
    assert "http://elsewhere" in step.details[0]
    set_up(cluster, choices, bundle)
    assert steps(cluster, choices, bundle) == []


def test_endpoints_that_the_settings_no_longer_name_go(bundle: ModelBundle) -> None:
    """Those of this set alone."""
    cluster = ClusterInMemory()
    set_up(cluster, with_endpoints(adapters=("tuned",)), bundle)
    set_up(cluster, replace(with_endpoints(), set="legal"), bundle)
    found = steps(cluster, CHOICES, bundle)
    assert [(step.verb, step.name) for step in found] == [
        ("delete", "esrag-chat-hr"),
        ("delete", "esrag-chat-hr_tuned"),
        ("delete", "esrag-completion-hr"),
        ("delete", "esrag-completion-hr_tuned"),
    ]
    set_up(cluster, CHOICES, bundle)
    assert sorted(cluster.endpoints) == [
        "esrag-chat-legal",
        "esrag-completion-legal",
        "esrag-embedding-hr",
        "esrag-embedding-legal",
    ]
    assert steps(cluster, CHOICES, bundle) == []


def test_an_endpoint_of_somebody_else_stops_the_plan(bundle: ModelBundle) -> None:
    """No note of ours, so it is not ours."""
    cluster = ClusterInMemory()
    kept = {"task_type": "chat_completion", "service": "openai", "service_settings": {}}
    cluster.endpoints["esrag-chat-hr"] = {"inference_id": "esrag-chat-hr", **kept}
    with pytest.raises(ConflictError, match="esrag-chat-hr"):
        survey(cluster, with_endpoints(), bundle)


def test_a_generator_that_does_not_answer_is_a_warning(bundle: ModelBundle) -> None:
    """Everything else is made; the next plan has the endpoints, and once it answers they come."""
    cluster = ClusterInMemory(silent_urls=frozenset({CHAT_URL}))
    warnings = set_up(cluster, with_endpoints(), bundle)
    assert len(warnings) == 2
    assert CHAT_URL in warnings[0]
    assert list(cluster.endpoints) == ["esrag-embedding-hr"]
    again = steps(cluster, with_endpoints(), bundle)
    assert [step.verb for step in again] == ["create", "create"]
    cluster.silent_urls = frozenset()
    assert set_up(cluster, with_endpoints(), bundle) == []
    assert steps(cluster, with_endpoints(), bundle) == []


def add_reranker(cluster: ClusterInMemory, task: str = "text_similarity") -> None:
    """A trained model that somebody brought with eland."""
    config = {"model_type": "pytorch", "inference_config": {task: {}}}
    part = {0: {"bytes": b"x", "length": 1}}
    models = cluster.store.setdefault("models", {})
    models["ranker"] = {"config": config, "parts": part, "vocabulary": {}}


def test_a_reranker_is_deployed_and_gets_an_endpoint(bundle: ModelBundle) -> None:
    """Its deployment is started when there is none."""
    cluster, choices = ClusterInMemory(), with_endpoints(rerank_model="ranker")
    add_reranker(cluster)
    set_up(cluster, choices, bundle)
    assert "ranker" in cluster.deployments
    assert cluster.endpoints["esrag-rerank-hr"]["task_type"] == "rerank"
    assert survey(cluster, choices, bundle).plan.changes == ()


def test_a_reranker_that_runs_keeps_its_size(bundle: ModelBundle) -> None:
    """It may be somebody else's deployment."""
    cluster, choices = ClusterInMemory(), with_endpoints(rerank_model="ranker")
    add_reranker(cluster)
    cluster.deployments["ranker"] = {
        "model_id": "ranker",
        "state": "started",
        "number_of_allocations": 3,
        "threads_per_allocation": 4,
    }
    set_up(cluster, choices, bundle)
    assert cluster.deployments["ranker"]["number_of_allocations"] == 3
    assert survey(cluster, choices, bundle).plan.changes == ()


@pytest.mark.parametrize("task", ["", "text_embedding"])
def test_a_reranker_that_is_none_is_refused(bundle: ModelBundle, task: str) -> None:
    """Missing, or a model of another task."""
    cluster = ClusterInMemory()
    if task:
        add_reranker(cluster, task)
    with pytest.raises(UsageError, match="ranker"):
        survey(cluster, with_endpoints(rerank_model="ranker"), bundle)
