"""The assembly: what is dear is made once, and an answerer costs no request."""

from __future__ import annotations

from pathlib import Path

import pytest

from esrag.answering.assembly import Assembly
from esrag.errors import UnsupportedError, UsageError
from esrag.settings import load_settings
from esrag.testing_elasticsearch import ElasticsearchFake, Reply, Request

CAPS = {
    "indices": ["esrag-docs-x-000001"],
    "fields": {
        "embedding": {
            "dense_vector": {
                "meta": {
                    "embedding": ["cluster"],
                    "fusion": ["cluster"],
                    "calibration": ["threshold=0.4200 coverage=0.75 n=10+5"],
                }
            }
        },
        "chunk_count": {"integer": {}},
    },
}


class Cluster:
    """Finds nothing, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, request: Request) -> Reply:
        """An answer for a search or for the profile."""
        self.asked.append(request.path)
        if request.path.endswith("_field_caps"):
            return Reply(200, CAPS)
        return Reply(200, {"hits": {"hits": []}, "timed_out": False, "_shards": {"failed": 0}})


def assembly(folder: Path, **sections: object) -> Assembly:
    """An assembly without a model on this machine."""

    def none(profile: object) -> object:
        raise UnsupportedError("no model here")

    settings = load_settings(data_dir=folder, index={"set": "x"}, **sections)
    return Assembly(settings, local=none)  # type: ignore[arg-type]


def test_making_answerers_sends_nothing(tmp_path: Path) -> None:
    """A request of a caller costs what his question costs."""
    cluster = Cluster()
    client = ElasticsearchFake(cluster).client()
    with assembly(tmp_path) as shared:
        for _ in range(3):
            shared.answerer(client)
    assert cluster.asked == []


def test_callers_share_the_profile_and_nothing_of_their_rights(tmp_path: Path) -> None:
    """What the index says is read once; each search goes through the caller's own client."""
    callers = [Cluster(), Cluster()]
    with assembly(tmp_path) as shared:
        for cluster in callers:
            own = ElasticsearchFake(cluster).client()
            assert shared.answerer(own, generate=False).answer("When?").kind == "refused"
    searches = [[path for path in each.asked if "_search" in path] for each in callers]
    profiles = [[path for path in each.asked if "_field_caps" in path] for each in callers]
    assert [len(each) for each in searches] == [1, 1]
    assert [len(each) for each in profiles] == [1, 0]


def test_the_threshold_is_the_one_that_the_index_notes(tmp_path: Path) -> None:
    """Read with the profile, so that everybody who asks has the same."""
    client = ElasticsearchFake(Cluster()).client()
    with assembly(tmp_path) as shared:
        assert shared.answerer(client, generate=False).answer("When?").threshold == 0.42


def test_feedback_needs_its_setting(tmp_path: Path) -> None:
    """Without it there is no index to write to, and nothing is written."""
    cluster = Cluster()
    client = ElasticsearchFake(cluster).client()
    with assembly(tmp_path, answer={"log": True}) as shared, pytest.raises(UsageError):
        shared.keep_feedback(client, answer_id="0" * 32, rating="up", comment="")
    assert cluster.asked == []


def test_nothing_is_kept_unless_the_log_is_on(tmp_path: Path) -> None:
    """The log is opt-in, also where feedback is kept."""
    cluster = Cluster()
    client = ElasticsearchFake(cluster).client()
    with assembly(tmp_path, serve={"feedback": True}) as shared:
        shared.answerer(client, generate=False).answer("When?")
    assert [path for path in cluster.asked if "answers" in path] == []
