"""Inference endpoints: bodies, what is read back, and a generator that does not answer."""

import pytest

from esrag.cluster.endpoints import (
    ServiceSilentError,
    delete_endpoint,
    embedding_endpoint,
    endpoint_differences,
    generator_endpoint,
    list_endpoints,
    read_endpoint,
    replace_endpoint,
    rerank_endpoint,
    write_endpoint,
)
from esrag.errors import EsragError
from esrag.testing_elasticsearch import ClusterInMemory, ElasticsearchFake

CHAT = generator_endpoint(
    "chat", "chat_completion", url="http://tgi:8080/", model="tgi", api_key="sesame"
)


@pytest.mark.parametrize("url", ["http://tgi:8080", "http://tgi:8080/", "http://tgi:8080/v1"])
def test_the_address_is_completed_to_the_chat_path(url: str) -> None:
    """Elasticsearch calls the address as it stands, so the path belongs to it."""
    endpoint = generator_endpoint("e", "completion", url=url, model="tgi")
    assert endpoint.settings["url"] == "http://tgi:8080/v1/chat/completions"


def test_the_key_is_in_the_body_and_nowhere_else() -> None:
    """Neither a representation nor the fingerprint tells it."""
    assert CHAT.body()["service_settings"]["api_key"] == "sesame"
    assert "sesame" not in repr(CHAT)
    assert "sesame" not in CHAT.fingerprint


def test_the_fingerprint_follows_the_key() -> None:
    """The server never tells the key, so its change shows in what is remembered."""
    other = generator_endpoint(
        "chat", "chat_completion", url="http://tgi:8080", model="tgi", api_key="open"
    )
    same = generator_endpoint(
        "chat", "chat_completion", url="http://tgi:8080", model="tgi", api_key="sesame"
    )
    assert CHAT.fingerprint == same.fingerprint != other.fingerprint


def test_what_was_put_is_read_without_differences() -> None:
    """What the server adds to the settings is not held against them."""
    cluster = ClusterInMemory(deployments={"m": {"model_id": "m", "state": "started"}})
    client = ElasticsearchFake(cluster).client()
    for wanted in (CHAT, embedding_endpoint("e", "m"), rerank_endpoint("r", "m")):
        write_endpoint(client, wanted)
        found = read_endpoint(client, wanted.inference_id)
        assert found is not None
        assert endpoint_differences(wanted, found) == ()
    assert [found.inference_id for found in list_endpoints(client)] == ["chat", "e", "r"]
    assert "sesame" not in str(list_endpoints(client))


def test_a_changed_address_is_a_difference_and_is_replaced() -> None:
    """An endpoint is made anew, as its address cannot be changed."""
    client = ElasticsearchFake(ClusterInMemory()).client()
    write_endpoint(client, CHAT)
    moved = generator_endpoint("chat", "chat_completion", url="http://b:1", model="tgi")
    found = read_endpoint(client, "chat")
    assert found is not None
    differences = endpoint_differences(moved, found)
    assert [name for name, *_ in differences] == ["service_settings.url"]
    replace_endpoint(client, moved)
    found = read_endpoint(client, "chat")
    assert found is not None
    assert endpoint_differences(moved, found) == ()


def test_a_silent_generator_is_told_apart() -> None:
    """Setup warns of it; everything else that goes wrong is an error."""
    silent = frozenset({"http://tgi:8080/v1/chat/completions"})
    client = ElasticsearchFake(ClusterInMemory(silent_urls=silent)).client()
    with pytest.raises(ServiceSilentError) as caught:
        write_endpoint(client, CHAT)
    assert "the CLUSTER reaches it" in caught.value.hint
    with pytest.raises(EsragError) as other:
        write_endpoint(client, embedding_endpoint("e", "nobody"))
    assert not isinstance(other.value, ServiceSilentError)


def test_deleting_twice_says_so() -> None:
    """The second time there is none."""
    client = ElasticsearchFake(ClusterInMemory()).client()
    write_endpoint(client, CHAT)
    assert delete_endpoint(client, "chat")
    assert not delete_endpoint(client, "chat")
    assert read_endpoint(client, "chat") is None
