"""Inference endpoints: bodies, what is read back, and a generator that does not answer."""

import pytest

from esrag.cluster.endpoints import (
    ServiceSilentError,
    delete_endpoint,
    deployed_model_body,
    generator_body,
    list_endpoints,
    read_endpoint,
    write_endpoint,
)
from esrag.errors import EsragError
from esrag.testing_elasticsearch import ClusterInMemory, ElasticsearchFake

CHAT = generator_body("chat_completion", url="http://tgi:8080/", model="tgi", api_key="sesame")


@pytest.mark.parametrize("url", ["http://tgi:8080", "http://tgi:8080/", "http://tgi:8080/v1"])
def test_the_address_is_completed_to_the_chat_path(url: str) -> None:
    """Elasticsearch calls the address as it stands, so the path belongs to it."""
    body = generator_body("completion", url=url, model="tgi")
    assert body["service_settings"]["url"] == "http://tgi:8080/v1/chat/completions"


def test_what_was_put_is_read_back_without_the_key() -> None:
    """The server adds settings of its own and keeps the key to itself."""
    cluster = ClusterInMemory(deployments={"m": {"model_id": "m", "state": "started"}})
    client = ElasticsearchFake(cluster).client()
    bodies = {
        "chat": CHAT,
        "embed": deployed_model_body("text_embedding", "m"),
        "rerank": deployed_model_body("rerank", "m"),
    }
    for name, body in bodies.items():
        write_endpoint(client, name, body)
        found = read_endpoint(client, name)
        assert found is not None
        assert (found["task_type"], found["service"]) == (body["task_type"], body["service"])
        wanted = {k: v for k, v in body["service_settings"].items() if k != "api_key"}
        assert wanted.items() <= found["service_settings"].items()
    names = [found.inference_id for found in list_endpoints(client)]
    assert names == ["chat", "embed", "rerank"]
    assert "sesame" not in str(list_endpoints(client))


def test_an_endpoint_that_is_there_is_made_anew() -> None:
    """Its address cannot be changed, so it is deleted first."""
    client = ElasticsearchFake(ClusterInMemory()).client()
    write_endpoint(client, "chat", CHAT)
    write_endpoint(client, "chat", generator_body("chat_completion", url="http://b:1", model="tgi"))
    found = read_endpoint(client, "chat")
    assert found is not None
    assert found["service_settings"]["url"] == "http://b:1/v1/chat/completions"


def test_a_silent_generator_is_told_apart() -> None:
    """Setup warns of it; everything else that goes wrong is an error."""
    silent = frozenset({"http://tgi:8080/v1/chat/completions"})
    client = ElasticsearchFake(ClusterInMemory(silent_urls=silent)).client()
    with pytest.raises(ServiceSilentError) as caught:
        write_endpoint(client, "chat", CHAT)
    assert "the CLUSTER reaches it" in caught.value.hint
    assert "sesame" not in str(caught.value)
    with pytest.raises(EsragError) as other:
        write_endpoint(client, "e", deployed_model_body("text_embedding", "nobody"))
    assert not isinstance(other.value, ServiceSilentError)


def test_deleting_twice_is_no_error() -> None:
    """The second time there is none."""
    client = ElasticsearchFake(ClusterInMemory()).client()
    write_endpoint(client, "chat", CHAT)
    for _ in range(2):
        delete_endpoint(client, "chat")
        assert read_endpoint(client, "chat") is None
