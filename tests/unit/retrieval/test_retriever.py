"""The retriever: where it lets the work be done, and what it does when that ends."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from esrag.cluster import retry
from esrag.cluster.profile import Profile
from esrag.errors import (
    ConflictError,
    LicenceError,
    ModelDownError,
    PermissionDeniedError,
    UnavailableError,
    UnsupportedError,
)
from esrag.names import Names
from esrag.retrieval import DEGRADED, Retriever, Shaping
from esrag.retrieval.places import PROFILE_SECONDS
from esrag.testing_elasticsearch import ElasticsearchFake, Reply, Request
from esrag.testing_models import fake_bundle, vector_of
from esrag.types import Found, Query

ASKED = Query("q", 2)
SOURCE = {"document_id": "d", "position": 0, "start": 0, "end": 1, "text": "t"}
KNN = {
    "field": "embedding",
    "k": 3,
    "query_vector_builder": {"text_embedding": {"model_id": "model-a", "model_text": "q"}},
}
RENDERED = {
    "retriever": {
        "rrf": {
            "retrievers": [{"standard": {"query": {"match": {"text": "q"}}}}, {"knn": KNN}],
            "rank_constant": 10,
            "rank_window_size": "3",
        }
    },
    "size": "2",
    "_source": ["text"],
}


class Local:
    """An embedder of this machine."""

    def __init__(self, folder: Path) -> None:
        self.bundle = fake_bundle(folder, size=10)
        self.asked: list[tuple[str, str]] = []
        self.closed = 0

    def start(self) -> None:
        """Nothing to load."""

    def embed(self, texts: Sequence[str], purpose: str = "none") -> list[list[float]]:
        """Vectors by hash."""
        self.asked += [(text, purpose) for text in texts]
        return [vector_of(text) for text in texts]

    def close(self) -> None:
        """Counted."""
        self.closed += 1


class Cluster:
    """Answers as a cluster of a tier does; ``index`` stands behind the alias."""

    def __init__(self, *, rrf: bool = True, ml: bool = True, running: bool = True) -> None:
        self.rrf, self.ml, self.running = rrf, ml, running
        self.index = "i-000001"
        self.meta: dict[str, list[str]] = {}
        self.searches: list[dict[str, Any]] = []

    def __call__(self, request: Request) -> Reply:
        """One answer."""
        path = request.path
        if path.endswith("_field_caps"):
            field = {"dense_vector": {"type": "dense_vector", "meta": self.meta}}
            return Reply(200, {"indices": [self.index], "fields": {"embedding": field}})
        if path.endswith("_search/template"):
            return self._template(request)
        if path.startswith("_render"):
            return Reply(200, {"template_output": RENDERED})
        if path.endswith("_pit"):
            return Reply(200, {"id": "p", "succeeded": True})
        if path == "_msearch":
            self.searches += request.body[1::2]
            return self._legs(request.body[1::2])
        if path.endswith("/_infer"):
            return self._refusal() or self._inferred(request)
        return self._found(["a", "b"])

    def _template(self, request: Request) -> Reply:
        if "lexical" in request.body["id"]:
            return self._found(["w"])
        if not self.rrf:
            return non_compliant("Reciprocal Rank Fusion (RRF)")
        return self._refusal() or self._found(["b", "a"])

    def _legs(self, bodies: list[dict[str, Any]]) -> Reply:
        calls = any("query_vector_builder" in body.get("knn", {}) for body in bodies)
        refusal = self._refusal() if calls else None
        if refusal is not None:
            failed = {**refusal.body, "status": refusal.status}
            return Reply(200, {"responses": [self._leg("ab"), failed]})
        return Reply(200, {"responses": [self._leg("ab"), self._leg("b")]})

    def _leg(self, names: str) -> dict[str, Any]:
        hits = [
            {"_index": self.index, "_id": name, "_score": 1.0, "sort": [1.0, ord(name)]}
            for name in names
        ]
        return {"_shards": {"failed": 0}, "hits": {"hits": hits}, "status": 200}

    def _refusal(self) -> Reply | None:
        if not self.ml:
            return non_compliant("ml")
        if not self.running:
            reason = "Trained model deployment [model-a] is not allocated to any nodes"
            return Reply.error(409, "status_exception", reason)
        return None

    def _inferred(self, request: Request) -> Reply:
        vectors = [[2.0] for _ in request.body["docs"]]
        return Reply(200, {"inference_results": [{"predicted_value": v} for v in vectors]})

    def _found(self, names: list[str]) -> Reply:
        hits = [{"_index": self.index, "_id": n, "_score": 1.0, "_source": SOURCE} for n in names]
        return Reply(200, {"_shards": {"failed": 0}, "hits": {"hits": hits}})


def non_compliant(feature: str) -> Reply:
    """The server's refusal for its licence."""
    reason = f"current license is non-compliant for [{feature}]"
    return Reply.error(403, "security_exception", reason)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-off without the wait."""
    monkeypatch.setattr(retry, "LONGEST_WAIT", 0.0)


@pytest.fixture
def local(tmp_path: Path) -> Local:
    """An embedder of this machine."""
    return Local(tmp_path / "bundle")


def retriever(cluster: Cluster, local: Local | None = None, **options: Any) -> Retriever:
    """A retriever of that cluster; without ``local`` this machine has no model."""

    def choose(profile: Profile) -> Local:
        if local is None:
            raise UnsupportedError("no bundle", hint="build it")
        return local

    client = ElasticsearchFake(cluster).client()
    return Retriever(client, Names("hr"), model_id="model-a", local=choose, **options)


def ids(found: Found) -> list[str]:
    """The chunk ids of what was found."""
    return [hit.id for hit in found.hits]


def test_all_in_the_cluster_is_one_call(local: Local) -> None:
    """The template does it; nothing is embedded here."""
    cluster = Cluster()
    assert ids(retriever(cluster, local).retrieve(ASKED)) == ["b", "a"]
    assert (cluster.searches, local.asked) == ([], [])


def test_on_basic_the_question_is_embedded_and_rankings_are_fused_here(local: Local) -> None:
    """The model is not called in the cluster, and the score is the fusion's."""
    cluster = Cluster(rrf=False, ml=False)
    cluster.meta = {"embedding": ["client"], "fusion": ["client"]}
    found = retriever(cluster, local).retrieve(ASKED)
    assert ids(found) == ["b", "a"]
    assert math.isclose(found.hits[0].score, 1 / 12 + 1 / 11, rel_tol=1e-6)
    assert local.asked == [("q", "search")]
    _, near = cluster.searches
    assert near["knn"]["query_vector"] == vector_of("q")
    assert all(body["pit"]["id"] == "p" for body in cluster.searches)


def test_on_platinum_the_cluster_embeds_and_we_fuse(local: Local) -> None:
    """The legs call the model themselves."""
    cluster = Cluster(rrf=False)
    cluster.meta = {"embedding": ["cluster"], "fusion": ["client"]}
    assert ids(retriever(cluster, local).retrieve(ASKED)) == ["b", "a"]
    assert "query_vector_builder" in cluster.searches[1]["knn"]
    assert local.asked == []


def test_a_licence_that_ended_moves_the_work_here(local: Local) -> None:
    """Fusion, then embedding; each is told once, and sentences are embedded here as well."""
    told: list[str] = []
    asking = retriever(Cluster(rrf=False, ml=False), local, tell=told.append)
    assert ids(asking.retrieve(ASKED)) == ["b", "a"]
    asking.retrieve(ASKED)
    assert asking.embed(["s"]) == [vector_of("s")]
    assert ["fuses" in told[0], "embeds" in told[1], len(told)] == [True, True, 2]
    assert all("esrag setup" in words for words in told)


def test_without_a_model_here_a_licence_that_ended_is_exit_code_6() -> None:
    """With the server's words, why this machine cannot take over, and what to do."""
    with pytest.raises(LicenceError) as caught:
        retriever(Cluster(rrf=False, ml=False)).retrieve(ASKED)
    assert "non-compliant for [ml]" in caught.value.message
    assert "no bundle" in caught.value.message
    assert "build it" in caught.value.hint


@pytest.mark.parametrize("rrf", [True, False])
def test_a_model_that_does_not_run_is_exit_code_4(rrf: bool) -> None:
    """Not another exit code because something here could do it: somebody shall look."""
    with pytest.raises(ModelDownError) as caught:
        retriever(Cluster(running=False, rrf=rrf)).retrieve(ASKED)
    assert "--allow-degraded" in caught.value.hint
    assert issubclass(ModelDownError, UnavailableError)


def test_degraded_searches_by_words_and_says_so() -> None:
    """Sentences get empty vectors, which stand for "no meaning is known"."""
    told: list[str] = []
    asking = retriever(Cluster(running=False), allow_degraded=True, tell=told.append)
    found = asking.retrieve(ASKED)
    assert (ids(found), found.degraded) == (["w"], DEGRADED)
    assert asking.embed(["a", "b"]) == [[], []]
    assert len(told) == 1


def test_sentences_alone_can_be_what_is_degraded() -> None:
    """The model stopped between the search and the ranking of sentences."""
    cluster = Cluster()
    asking = retriever(cluster, allow_degraded=True)
    asking.retrieve(ASKED)
    assert asking.embed(["a"]) == [[2.0]]
    cluster.running = False
    assert asking.embed(["a"]) == [[]]
    cluster.running = True
    assert asking.embed(["a"]) == [[2.0]]


def test_another_generation_behind_the_alias_is_looked_at_anew(local: Local) -> None:
    """Hits of an index that was not there before: the profile is read again, once."""
    cluster = Cluster(rrf=False, ml=False)
    cluster.meta = {"embedding": ["client"], "fusion": ["client"]}
    asking = retriever(cluster, local)
    asking.retrieve(ASKED)
    cluster.index = "i-000002"
    assert ids(asking.retrieve(ASKED)) == ["b", "a"]
    assert asking.profile.indices == ("i-000002",)
    assert local.closed == 1


def test_templates_without_vectors_stay_one_call(local: Local) -> None:
    """By words alone, wherever vectors are made."""
    cluster = Cluster(rrf=False, ml=False)
    cluster.meta = {"embedding": ["client"], "fusion": ["client"]}
    found = retriever(cluster, local, kind="lexical").retrieve(ASKED)
    assert ids(found) == ["w"]
    assert local.asked == []


class Texts(Cluster):
    """All in the cluster; as many hits as are asked for, the texts by their rank."""

    def __init__(self, *texts: str) -> None:
        super().__init__()
        self.texts = texts
        self.sizes: list[int] = []
        self.failures = 0

    def _template(self, request: Request) -> Reply:
        if self.failures:
            self.failures -= 1
            return Reply.error(503, "unavailable", "no master")
        size = int(request.body["params"]["size"])
        self.sizes.append(size)
        hits = [
            {
                "_id": f"h{rank}",
                "_score": 1.0 / rank,
                "_source": {**SOURCE, "document_id": f"d{rank % 2}", "text": text},
            }
            for rank, text in enumerate(self.texts[:size], start=1)
        ]
        return Reply(200, {"_shards": {"failed": 0}, "hits": {"hits": hits}})


def test_what_repeats_is_replaced_by_what_follows() -> None:
    """A second, deeper search, only when too few are left."""
    cluster = Texts("same", "same", "same", "other", "more", "last")
    found = retriever(cluster, shaping=Shaping(near_duplicates=1.0)).retrieve(Query("q", 3))
    assert [hit.text for hit in found.hits] == ["same", "other", "more"]
    assert [hit.rank for hit in found.hits] == [1, 2, 3]
    assert cluster.sizes == [3, 12]
    assert found.notes == ("2 passages were left out that repeat a better one",)


def test_one_search_is_enough_when_nothing_repeats() -> None:
    """And the ranking is left as it is when nobody wishes for anything."""
    cluster = Texts("a", "b", "c")
    asking = retriever(cluster, shaping=Shaping(near_duplicates=0.9))
    assert ids(asking.retrieve(Query("q", 3))) == ["h1", "h2", "h3"]
    same = Texts("a", "a")
    assert ids(retriever(same).retrieve(Query("q", 2))) == ["h1", "h2"]
    assert (cluster.sizes, same.sizes) == ([3], [2])


def test_a_cap_looks_further_at_once() -> None:
    """Most hits of a question are of few documents."""
    cluster = Texts("a", "b", "c", "d", "e")
    found = retriever(cluster).retrieve(Query("q", 2, per_source=1))
    assert [hit.document_id for hit in found.hits] == ["d1", "d0"]
    assert cluster.sizes == [8]


def test_a_search_that_failed_is_sent_again() -> None:
    """It changes nothing in the cluster; a person waits, so not for long."""
    cluster = Texts("a")
    cluster.failures = 2
    assert ids(retriever(cluster).retrieve(Query("q", 1))) == ["h1"]
    cluster.failures = 9
    with pytest.raises(UnavailableError, match="no master"):
        retriever(cluster).retrieve(Query("q", 1))


def test_a_view_searches_with_its_own_client_and_asks_nothing_twice() -> None:
    """Profile and fallbacks are those of the retriever that it was made of."""
    first, second = Cluster(), Cluster()
    first.meta = {"embedding": ["cluster"], "fusion": ["cluster"]}
    asking = retriever(first)
    asking.retrieve(ASKED)
    fake = ElasticsearchFake(second)
    assert ids(asking.with_client(fake.client()).retrieve(ASKED)) == ["b", "a"]
    assert [request.path for request in fake.requests] == ["esrag-docs-hr/_search/template"]


def test_what_a_caller_may_not_see_is_not_remembered_for_others() -> None:
    """The first to ask may have a wrong key."""
    cluster = Cluster(rrf=False, ml=True)
    cluster.meta = {"embedding": ["cluster"], "fusion": ["client"]}
    stranger = ElasticsearchFake(lambda _: Reply.error(403, "security_exception", "no"))
    asking = retriever(cluster)
    with pytest.raises(PermissionDeniedError):
        asking.with_client(stranger.client()).retrieve(ASKED)
    assert ids(asking.retrieve(ASKED)) == ["b", "a"]
    assert asking.profile.fusion == "client"


def test_many_threads_take_over_once(local: Local) -> None:
    """One of them is told of the licence that ended; all get the same ranking."""
    told: list[str] = []
    asking = retriever(Cluster(rrf=False), local, tell=told.append)
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: ids(asking.retrieve(ASKED)), range(64)))
    assert found == [["b", "a"]] * 64
    assert len(told) == 1


def test_the_profile_is_looked_at_anew_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under serve a set may be moved; a calibration comes with the profile."""
    cluster = Cluster()
    asking = retriever(cluster)
    assert asking.profile.calibration == ""
    cluster.meta = {"calibration": ["x"]}
    assert asking.profile.calibration == ""
    now = time.monotonic() + PROFILE_SECONDS
    monkeypatch.setattr("esrag.retrieval.places.time.monotonic", lambda: now)
    assert asking.profile.calibration == "x"


def test_sparse_retrieval_is_one_call_where_the_cluster_embeds(local: Local) -> None:
    """It fuses nothing, so that a cluster that does not fuse does it as well."""
    cluster = Cluster()
    cluster.meta = {"fusion": ["client"]}
    assert ids(retriever(cluster, local, kind="sparse").retrieve(ASKED)) == ["b", "a"]
    assert cluster.searches == []


def test_sparse_retrieval_is_refused_where_the_client_embeds(local: Local) -> None:
    """Exit code 6, with a template that works."""
    cluster = Cluster(ml=False, rrf=False)
    cluster.meta = {"embedding": ["client"], "fusion": ["client"]}
    with pytest.raises(UnsupportedError, match="runs models itself") as caught:
        retriever(cluster, local, kind="sparse").retrieve(ASKED)
    assert "--template hybrid" in caught.value.hint


@pytest.mark.parametrize("expanded", [0, 3])
def test_sparse_retrieval_that_finds_nothing_looks_why(expanded: int) -> None:
    """Chunks that were written before the model was there cannot be found: that is told."""

    def answer(request: Request) -> Reply:
        if request.path.endswith("_field_caps"):
            return Cluster()(request)
        hits = {"total": {"value": expanded, "relation": "eq"}, "hits": []}
        return Reply(200, {"_shards": {"failed": 0}, "hits": hits})

    asking = Retriever(ElasticsearchFake(answer).client(), Names("hr"), "sparse")
    if expanded:
        assert asking.retrieve(ASKED).hits == ()
        return
    with pytest.raises(ConflictError, match="no chunk of esrag-docs-hr") as caught:
        asking.retrieve(ASKED)
    assert "model.sparse_id" in caught.value.hint
    assert "esrag reembed --force --embed-again" in caught.value.hint


def test_without_a_model_that_expands_it_is_said_what_to_set() -> None:
    """The cluster only knows that there is no such script."""

    def answer(request: Request) -> Reply:
        if request.path.endswith("_field_caps"):
            return Cluster()(request)
        words = "unable to find script [esrag-sparse-hr] in cluster state"
        return Reply.error(404, "resource_not_found_exception", words)

    with pytest.raises(ConflictError, match="sparse retrieval") as caught:
        Retriever(ElasticsearchFake(answer).client(), Names("hr"), "sparse").retrieve(ASKED)
    assert "Set model.sparse_id" in caught.value.hint
