"""What goes wrong in clusters, and what the client is told: status, type and reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest
from conformance_record import Tally
from fault_scene import Refusal, Scene
from ml_calls import Caller

if TYPE_CHECKING:
    from conftest import Stack

pytestmark = pytest.mark.suite(
    "faults", "a missing privilege, licence, model or deployment, and a full queue, by each way"
)

# who asks for a model only, and who takes an endpoint as well, are told different things
MODEL_ONLY = ("_infer", "endpoint", "document with target_field")
MODEL_OR_ENDPOINT = ("document with output_field", "knn search", "search template")


def refusal(status: int, kind: str, reason: str) -> dict[str, Any]:
    """The whole body of an error that has one cause."""
    cause = {"type": kind, "reason": reason}
    return {"error": {"root_cause": [cause], **cause}, "status": status}


def not_deployed(name: str) -> Refusal:
    """What the trained model API says."""
    reason = (
        f"Model [{name}] must be deployed to use. "
        "Please deploy with the start trained model deployment API."
    )
    return 409, "status_exception", reason


def not_found(name: str) -> Refusal:
    """What the trained model API says."""
    return 404, "resource_not_found_exception", f"Could not find trained model [{name}]"


def neither(name: str) -> Refusal:
    """What is said where an endpoint may stand as well as a model."""
    reason = f"[{name}] is not an inference service model or a deployed ml model"
    return 404, "status_exception", reason


def test_without_a_fault_every_way_works(scene: Scene) -> None:
    """Else the faults would prove nothing."""
    for way, ask in scene.ways().items():
        assert ask().status in (200, 201), way


# --- stopped and deleted -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stopped(server: httpx.Client, module_prefix: str, definition: bytes) -> Scene:
    """A scene whose deployment has been stopped."""
    made = Scene(Caller(server), f"{module_prefix}-stopped")
    made.build(definition)
    made.stop()
    return made


@pytest.fixture(scope="module")
def deleted(server: httpx.Client, module_prefix: str, definition: bytes) -> Scene:
    """A scene whose model has been deleted by force."""
    made = Scene(Caller(server), f"{module_prefix}-deleted")
    made.build(definition)
    made.delete()
    return made


@pytest.mark.parametrize("way", [*MODEL_ONLY, *MODEL_OR_ENDPOINT])
def test_a_stopped_deployment(stopped: Scene, way: str, tally: Tally) -> None:
    """The model is there, and nothing executes it."""
    reply = stopped.ways()[way]()
    tally.compared(1)
    expected = not_deployed if way in MODEL_ONLY else neither
    assert reply.body == refusal(*expected(stopped.name))


@pytest.mark.parametrize("way", [*MODEL_ONLY, *MODEL_OR_ENDPOINT])
def test_a_deleted_model(deleted: Scene, way: str, tally: Tally) -> None:
    """Whoever deletes by force leaves the pipelines behind."""
    reply = deleted.ways()[way]()
    tally.compared(1)
    expected = not_found if way in MODEL_ONLY else neither
    assert reply.body == refusal(*expected(deleted.name))


def test_a_document_without_its_model_fails_alone(deleted: Scene) -> None:
    """The other document of the same bulk request is indexed."""
    status, kind, reason = neither(deleted.name)
    failed, indexed = deleted.bulk().ok_body()["items"]
    assert failed["index"]["status"] == status
    assert failed["index"]["error"] == {"type": kind, "reason": reason}
    assert indexed["index"]["status"] == 201


def test_a_deleted_model_cannot_be_started(deleted: Scene) -> None:
    """The client is told what is missing, in the words of a lookup."""
    reason = (
        f"No known trained model with model_id [{deleted.name}], "
        "you may need to create it or load it into the cluster with eland"
    )
    reply = deleted.admin("POST", f"{deleted.path}/deployment/_start")
    assert reply.body == refusal(404, "resource_not_found_exception", reason)


def test_a_model_in_use_is_kept(scene: Scene) -> None:
    """Neither deleting nor stopping breaks pipelines unless it is forced."""
    reason = (
        f"Cannot delete model [{scene.name}] as it is still referenced by ingest processors; "
        "use force to delete the model"
    )
    reply = scene.admin("DELETE", scene.path)
    assert reply.body == refusal(409, "status_exception", reason)
    reason = (
        f"Cannot stop deployment [{scene.name}] as it is referenced by ingest processors; "
        "use force to stop the deployment"
    )
    reply = scene.admin("POST", f"{scene.path}/deployment/_stop")
    assert reply.body == refusal(409, "status_exception", reason)


def test_a_deployment_that_is_starting(stopped: Scene, stack: Stack, tally: Tally) -> None:
    """It is known by every way, and runs nowhere yet: what makes its process is held meanwhile."""
    with held(nurseries(stack)):
        stopped.admin.ok("POST", f"{stopped.path}/deployment/_start?wait_for=starting")
        try:
            replies = [ask() for way, ask in stopped.ways().items() if way != "endpoint"]
        finally:
            stopped.stop()
    reason = f"Trained model deployment [{stopped.name}] is not allocated to any nodes"
    tally.compared(len(replies))
    expected = refusal(409, "status_exception", reason)
    assert [reply.body for reply in replies] == [expected] * len(replies)


def nurseries(stack: Stack) -> list[psutil.Process]:
    """The processes that children of deployments are forked from."""
    members = json.loads(stack.esrag("local", "status", "--json").stdout)
    (pid,) = (one["pids"]["server"] for one in members if one["name"] == "mlnode")
    children = psutil.Process(pid).children()
    return [child for child in children if child.name() == "esrag-nursery"]


@contextmanager
def held(processes: list[psutil.Process]) -> Iterator[None]:
    """Let the processes do nothing; without any, a new one takes seconds to be ready."""
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


# --- a full queue --------------------------------------------------------------------------------


def test_a_full_queue(scene: Scene) -> None:
    """Requests beyond it are refused and counted; those in it are answered."""
    with ThreadPoolExecutor(12) as pool:
        replies = list(pool.map(scene.infer, [f"slow {letter}" for letter in "abcdefghij"] * 4))
    answered = [reply for reply in replies if reply.status == 200]
    refused = [reply for reply in replies if reply.status != 200]
    assert answered
    assert refused
    reason = "inference process queue is full. Unable to execute command"
    for reply in refused:
        assert reply.body == refusal(429, "es_rejected_execution_exception", reason)
    (model,) = scene.admin.ok("GET", f"{scene.path}/_stats")["trained_model_stats"]
    counted = model["deployment_stats"]
    assert counted["rejected_execution_count"] == len(refused)
    # building the scene has asked the model too
    assert counted["inference_count"] >= len({reply.text for reply in answered})


# --- privileges ----------------------------------------------------------------------------------


@pytest.fixture
def reader(scene: Scene, server: httpx.Client) -> Iterator[Caller]:
    """Somebody who may read the index and nothing else."""
    name, password = f"{scene.name}-reader", "a-long-password"
    indices = [{"names": [scene.name], "privileges": ["read"]}]
    scene.admin.ok("PUT", f"/_security/role/{name}", {"indices": indices})
    account = {"password": password, "roles": [name]}
    scene.admin.ok("PUT", f"/_security/user/{name}", account)
    with httpx.Client(base_url=server.base_url, auth=(name, password), timeout=60) as client:
        yield Caller(client)


@pytest.mark.parametrize(
    ("way", "action", "kind", "granting"),
    [
        ("_infer", "cluster:monitor/xpack/ml/inference/infer", "cluster", ""),
        ("endpoint", "cluster:monitor/xpack/inference/post", "cluster", "monitor_inference"),
        ("document with output_field", "indices:data/write/index", "index", "create_doc"),
    ],
)
def test_a_missing_privilege(
    scene: Scene, reader: Caller, way: str, action: str, kind: str, granting: str
) -> None:
    """The reason names the action, the user and what would grant it."""
    name = f"{scene.name}-reader"
    reply = Scene(reader, scene.name).ways()[way]()
    assert (reply.status, reply.body["error"]["type"]) == (403, "security_exception")
    reason = reply.body["error"]["reason"]
    who = f"is unauthorized for user [{name}] with effective roles [{name}]"
    assert reason.startswith(f"action [{action}] ")
    assert who in reason
    assert f"this action is granted by the {kind} privileges [" in reason
    assert granting in reason


@pytest.mark.parametrize("way", ["knn search", "search template"])
def test_searching_needs_no_privilege_for_the_model(scene: Scene, reader: Caller, way: str) -> None:
    """The cluster itself asks the model."""
    assert Scene(reader, scene.name).ways()[way]().status == 200


# --- the licence ---------------------------------------------------------------------------------

UNLICENSED = {
    "_infer": "ml",
    "endpoint": "inference",
    "knn search": "ml",
    "search template": "Reciprocal Rank Fusion (RRF)",
}


def non_compliant(feature: str) -> dict[str, Any]:
    """The whole body of a refusal for want of a licence."""
    cause = {
        "type": "security_exception",
        "reason": f"current license is non-compliant for [{feature}]",
        "license.expired.feature": feature,
    }
    return {"error": {"root_cause": [cause], **cause}, "status": 403}


@pytest.mark.local_stack
@pytest.mark.parametrize("way", UNLICENSED)
def test_a_basic_licence(unlicensed: Scene, way: str, tally: Tally) -> None:
    """Each refusal names the feature that is not licensed."""
    tally.compared(1)
    assert unlicensed.ways()[way]().body == non_compliant(UNLICENSED[way])


@pytest.mark.local_stack
@pytest.mark.parametrize(
    ("method", "path", "feature"),
    [
        ("PUT", "/_ml/trained_models/another", "ml"),
        ("POST", "/_ml/trained_models/licensed-once/deployment/_start", "ml"),
        ("PUT", "/_inference/completion/another", "inference"),
    ],
)
def test_a_basic_licence_makes_nothing_new(
    unlicensed: Scene, method: str, path: str, feature: str
) -> None:
    """Nothing is stored or started that could not be used."""
    model = {
        "model_type": "pytorch",
        "inference_config": {"text_embedding": {}},
        "input": {"field_names": ["text_field"]},
    }
    endpoint = {
        "service": "hugging_face",
        "service_settings": {"api_key": "k", "url": "http://127.0.0.1:9/"},
    }
    body = {"/_ml": model, "/_in": endpoint}[path[:4]] if method == "PUT" else None
    assert unlicensed.admin(method, path, body).body == non_compliant(feature)


@pytest.mark.local_stack
def test_a_basic_licence_reranks_nothing(unlicensed: Scene) -> None:
    """The retriever is refused when it is read, an unknown endpoint before its licence."""
    inner = {"standard": {"query": {"match_all": {}}}}
    asked = {"retriever": inner, "inference_id": "x", "inference_text": "a", "field": "text"}
    body = {"retriever": {"text_similarity_reranker": asked}}
    reply = unlicensed.admin("POST", "/_search", body)
    assert reply.body == non_compliant("text_similarity_reranker")
    unknown = unlicensed.admin("POST", "/_inference/rerank/x", {"query": "a", "input": ["b"]})
    assert unknown.error[::2] == (404, "Inference endpoint not found [x]")


@pytest.mark.local_stack
def test_what_was_licensed_once_goes_on(unlicensed: Scene) -> None:
    """Indexing does not stop when a licence ends, reading and removing neither."""
    assert unlicensed.index("bare").status == 201
    assert unlicensed.admin("GET", unlicensed.path).status == 200
    assert unlicensed.admin("GET", f"{unlicensed.path}/_stats").status == 200
    features = unlicensed.admin.ok("GET", "/_xpack")["features"]
    assert features["ml"] == {"available": False, "enabled": True}
