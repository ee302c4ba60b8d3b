"""Pushing a bundle: nothing twice, nothing of others, nothing half."""

from pathlib import Path

import pytest

from esrag.cluster import retry
from esrag.cluster.models import push, read_model, verify_vectors
from esrag.errors import ConflictError, UnavailableError, UnsupportedError, UsageError
from esrag.testing_elasticsearch import (
    ClusterInMemory,
    ElasticsearchFake,
    Reply,
    Request,
    fake_bundle,
    vector_of,
)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-off without the wait."""
    monkeypatch.setattr(retry, "LONGEST_WAIT", 0.0)


def stored(cluster: ClusterInMemory, model_id: str = "model-a") -> bytes:
    """The definition as the cluster would put it together."""
    parts = cluster.store["models"][model_id]["parts"]
    return b"".join(parts[number]["bytes"] for number in sorted(parts))


def test_a_push_brings_every_byte(tmp_path: Path) -> None:
    """Config, vocabulary and then all parts, with progress."""
    bundle = fake_bundle(tmp_path)
    cluster = ClusterInMemory()
    seen: list[tuple[int, int]] = []
    result = push(ElasticsearchFake(cluster).client(), bundle, progress=lambda *at: seen.append(at))
    assert stored(cluster) == bundle.definition.read_bytes()
    assert cluster.store["models"]["model-a"]["vocabulary"] == bundle.vocabulary()
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert (result.parts_sent, result.resumed) == (3, False)


def test_a_second_push_sends_nothing(tmp_path: Path) -> None:
    """The metadata in the cluster says that it is the same content."""
    bundle, fake = fake_bundle(tmp_path), ElasticsearchFake(ClusterInMemory())
    push(fake.client(), bundle)
    fake.requests.clear()
    assert push(fake.client(), bundle).reused
    assert fake.writes == []


@pytest.mark.parametrize("number", range(1, 6))
@pytest.mark.parametrize("way", ["fail_before", "lose_answer_of"])
def test_one_lost_request_is_sent_again(tmp_path: Path, number: int, way: str) -> None:
    """Each writing request may fail once, before or after the server did its work."""
    bundle, cluster = fake_bundle(tmp_path), ClusterInMemory()
    fake = ElasticsearchFake(cluster)
    setattr(fake, way, number)
    push(fake.client(), bundle)
    assert stored(cluster) == bundle.definition.read_bytes()


@pytest.mark.parametrize("number", range(1, 6))
def test_an_interrupted_push_is_completed(tmp_path: Path, number: int) -> None:
    """A push that died at any request is continued by the next."""
    bundle, cluster = fake_bundle(tmp_path), ClusterInMemory()
    fake = ElasticsearchFake(cluster)

    def dying(request: Request) -> Reply:
        if len(fake.requests) > number:
            raise KeyboardInterrupt
        return cluster(request)

    fake.handler = dying
    with pytest.raises(KeyboardInterrupt):
        push(fake.client(), bundle)
    fake.handler = cluster
    push(fake.client(), bundle)
    assert stored(cluster) == bundle.definition.read_bytes()
    found = read_model(fake.client(), "model-a")
    assert found is not None
    assert found.fully_defined
    assert found.fingerprint == bundle.fingerprint


def test_half_of_another_model_is_replaced(tmp_path: Path) -> None:
    """Parts of other content are never completed with ours."""
    cluster = ClusterInMemory()
    fake = ElasticsearchFake(cluster)
    push(fake.client(), fake_bundle(tmp_path / "old", size=3_200_000, seed=b"x"))
    del cluster.store["models"]["model-a"]["parts"][2]
    bundle = fake_bundle(tmp_path / "new")
    push(fake.client(), bundle)
    assert stored(cluster) == bundle.definition.read_bytes()


def test_other_content_needs_to_be_told(tmp_path: Path) -> None:
    """A whole model of the same id and other content is replaced only on demand."""
    cluster = ClusterInMemory()
    fake = ElasticsearchFake(cluster)
    push(fake.client(), fake_bundle(tmp_path / "old", seed=b"x"))
    bundle = fake_bundle(tmp_path / "new")
    fake.requests.clear()
    with pytest.raises(ConflictError, match="other content"):
        push(fake.client(), bundle)
    assert fake.writes == []
    push(fake.client(), bundle, replace=True)
    assert stored(cluster) == bundle.definition.read_bytes()


def test_a_model_of_others_is_left_alone(tmp_path: Path) -> None:
    """A model without our mark is not touched, whatever is asked."""
    fake = ElasticsearchFake(ClusterInMemory())
    fake.client().ml.put_trained_model(
        model_id="model-a", body={"inference_config": {}, "input": {"field_names": ["f"]}}
    )
    fake.requests.clear()
    with pytest.raises(ConflictError, match="did not make"):
        push(fake.client(), fake_bundle(tmp_path), replace=True)
    assert fake.writes == []


def test_a_changed_bundle_is_not_sent(tmp_path: Path) -> None:
    """The files are checked against the manifest first."""
    fake = ElasticsearchFake(ClusterInMemory())
    bundle = fake_bundle(tmp_path)
    bundle.definition.write_bytes(b"something else")
    with pytest.raises(UsageError):
        push(fake.client(), bundle)
    assert fake.writes == []


def test_retries_end() -> None:
    """A server that is never there ends the push after the agreed number of tries."""
    fake = ElasticsearchFake(lambda request: Reply.error(503, "unavailable", "starting"))
    with pytest.raises(UnavailableError):
        retry.retrying(lambda: read_model(fake.client(), "model-a"))
    assert len(fake.requests) == retry.TRIES


def test_vectors_of_another_model_are_found_out(tmp_path: Path) -> None:
    """The cluster answers, yet with other vectors: torch and libtorch do not fit."""
    bundle = fake_bundle(tmp_path)
    good = ElasticsearchFake(ClusterInMemory()).client()
    assert verify_vectors(good, "model-a", bundle.references) > 0.9999
    bad = ClusterInMemory(embed=lambda text: vector_of(text + "!"))
    with pytest.raises(UnsupportedError, match="cosine"):
        verify_vectors(ElasticsearchFake(bad).client(), "model-a", bundle.references)
