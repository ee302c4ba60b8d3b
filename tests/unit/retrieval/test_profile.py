"""The profile of an index: who embeds, who fuses, with which model."""

from __future__ import annotations

from typing import Any

import pytest

from esrag.cluster.profile import Profile, profile_of, read_profile
from esrag.errors import ConflictError, UnavailableError
from esrag.testing_elasticsearch import ElasticsearchFake, Reply


def caps(**meta: list[str]) -> dict[str, Any]:
    """An answer of ``_field_caps``."""
    field = {"type": "dense_vector", **({"meta": meta} if meta else {})}
    newest = {"integer": {"type": "integer"}}
    fields = {"embedding": {"dense_vector": field}, "chunk_count": newest}
    return {"indices": ["i-000001"], "fields": fields}


def test_the_index_says_where_the_work_is_done() -> None:
    """The meta of the field."""
    answer = caps(model=["0123456789abcdef"], embedding=["client"], fusion=["client"])
    profile = profile_of(answer, index="i")
    assert profile == Profile("0123456789abcdef", "client", "client", ("i-000001",))
    assert profile.fits("0123456789abcdef" + "0" * 48)
    assert not profile.fits("f" * 64)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, caps()),
        Reply(200, {"indices": [], "fields": {}}),
        Reply.error(403, "security_exception", "action is unauthorized"),
    ],
)
def test_without_a_word_all_is_in_the_cluster(reply: Reply) -> None:
    """An index of an earlier version, no index, or credentials that may not ask."""
    profile = read_profile(ElasticsearchFake(lambda _: reply).client(), "i")
    assert profile.all_in_cluster
    assert profile.fits("anything")


def test_an_index_of_an_older_version_is_outdated() -> None:
    """One of two indices lacks the newest field, or both do."""
    answer = caps(model=["a"])
    assert not profile_of(answer, index="i").outdated
    answer["fields"]["chunk_count"]["unmapped"] = {"type": "unmapped"}
    assert profile_of(answer, index="i").outdated
    del answer["fields"]["chunk_count"]
    assert profile_of(answer, index="i").outdated


def test_indices_that_disagree_are_a_conflict() -> None:
    """Two generations behind one alias, of two models."""
    with pytest.raises(ConflictError, match="disagree"):
        profile_of(caps(model=["a", "b"]), index="i")


def test_a_cluster_that_is_down_is_asked_once() -> None:
    """Whoever asks a question waits for the answer."""
    fake = ElasticsearchFake(lambda _: Reply(200, caps()))
    fake.fail_before = 0
    with pytest.raises(UnavailableError, match="asking how i is searched"):
        read_profile(fake.client(), "i")
    assert len(fake.requests) == 1


def test_the_calibration_is_read_with_the_profile() -> None:
    """One request for both; indices that were calibrated differently have none in common."""
    answer = caps(model=["a"], calibration=["threshold=0.7000 coverage=0.80 n=1+1"])
    assert profile_of(answer, index="i").calibration == "threshold=0.7000 coverage=0.80 n=1+1"
    answer = caps(model=["a"], calibration=["one", "two"])
    assert profile_of(answer, index="i").calibration == ""
