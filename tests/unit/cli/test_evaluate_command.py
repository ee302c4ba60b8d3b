"""``esrag evaluate``: folders and runs in, figures out, failures told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from esrag.cli import run
from esrag.cluster.profile import Profile
from esrag.errors import PermissionDeniedError, UnavailableError
from esrag.testing import make_hit
from esrag.testing_wire import ElasticsearchFake, Reply, Request
from esrag.types import Found

Run = Callable[..., tuple[int, str, str]]
WORDS = {"1": "one", "2": "two", "3": "three"}
HELD = ["corpus.jsonl#d1", "corpus.jsonl#d2", "corpus.jsonl#d3"]


def answers(request: Request) -> Reply:
    """What an index of three documents says of its state and of the ids that it holds."""
    if not request.path.endswith("_search"):
        return Reply(200, {})
    body = request.body or {}
    if "documents" not in body.get("aggs", {}):
        numbers = {"max": 2.0, "sum": 3.0}
        bucket = {"key": "esrag-docs-default-000001", "doc_count": 3, "numbers": numbers}
        found: dict[str, Any] = {"indices": {"buckets": [bucket]}}
    else:
        wanted = body["query"]["terms"]["document_id"]
        found = {"documents": {"buckets": [{"key": each} for each in wanted if each in HELD]}}
    shards = {"total": 1, "successful": 1, "skipped": 0, "failed": 0}
    hits = {"total": {"value": 0, "relation": "eq"}, "hits": []}
    return Reply(200, {"_shards": shards, "hits": hits, "aggregations": found})


class Cluster:
    """Search templates that rank by a list; remembers what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.failing: dict[str, Exception] = {}
        self.broken = ""

    def search(self, _client: object, _index: str, template: str, params: dict[str, Any]) -> Found:
        """Lexical finds the right document first, semantic second."""
        if self.broken and self.broken in template:
            raise PermissionDeniedError("not yours")
        question = params["query"]
        self.asked.append((template, question))
        if question in self.failing:
            raise self.failing[question]
        (number,) = [name for name, word in WORDS.items() if word == question]
        right, other = f"corpus.jsonl#d{number}", "corpus.jsonl#x"
        ids = [right, other] if "lexical" in template else [other, right, right]
        return Found(tuple(make_hit(each, "text", rank=at) for at, each in enumerate(ids, start=1)))


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """The cluster behind the command."""
    cluster, fake = Cluster(), ElasticsearchFake(answers)
    profile = Profile(indices=("esrag-docs-default-000001",))
    monkeypatch.setattr("esrag.cli.connection.connect_with", lambda *_, **__: fake.client())
    monkeypatch.setattr("esrag.retrieval.retriever.run_template", cluster.search)
    monkeypatch.setattr("esrag.retrieval.retriever.run_rendered", cluster.search)
    monkeypatch.setattr("esrag.retrieval.places.read_profile", lambda *_: profile)
    return cluster


@pytest.fixture
def esrag(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Runs a command in an empty folder; its exit code and what it printed."""
    monkeypatch.setenv("ESRAG_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str) -> tuple[int, str, str]:
        code = run(["evaluate", *arguments])
        return code, *capsys.readouterr()

    return command


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three questions, each answered by one document."""
    place = tmp_path / "three"
    (place / "qrels").mkdir(parents=True)
    (place / "corpus.jsonl").write_text("")
    lines = [json.dumps({"_id": name, "text": word}) for name, word in WORDS.items()]
    (place / "queries.jsonl").write_text("\n".join(lines))
    rows = [f"{name}\td{name}\t1\n" for name in WORDS]
    (place / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(rows))
    return place


def test_retrievers_are_measured_side_by_side(cluster: Cluster, esrag: Run, folder: Path) -> None:
    """A column for each, the difference to the first, and the files that keep them."""
    code, out, err = esrag(str(folder), "--retriever", "lexical", "--retriever", "semantic")
    assert code == 0
    assert "three, split test: 3 questions" in out
    rows = [" ".join(line.split()) for line in out.splitlines()]
    assert "RR@10 1.000 [1.000, 1.000] 0.500 [0.500, 0.500]" in rows
    assert "nDCG@10 against lexical" in out
    kept = Path("data/evaluations/retrieval-three-test")
    assert str(kept) in err
    assert (kept / "runs" / "semantic.trec").read_text().splitlines()[:2] == [
        "1 Q0 x 1 1.0 semantic",
        "1 Q0 d1 2 0.5 semantic",
    ]
    assert (kept / "qrels.trec").read_text() == "1 0 d1 1\n2 0 d2 1\n3 0 d3 1\n"
    facts = json.loads((kept / "run.json").read_text())
    assert facts["status"] == "whole"
    assert len(cluster.asked) == 6


def test_a_second_run_asks_nothing_again(cluster: Cluster, esrag: Run, folder: Path) -> None:
    """And says the same."""
    words = (str(folder), "--retriever", "lexical", "--json")
    first = esrag(*words)
    assert esrag(*words)[:2] == first[:2]
    assert len(cluster.asked) == 3


def test_a_failed_question_counts_zero_and_ends_with_three(
    cluster: Cluster, esrag: Run, folder: Path
) -> None:
    """It stays in the mean, and the next run asks it again."""
    cluster.failing["two"] = UnavailableError("no shard answers")
    code, out, err = esrag(str(folder), "--retriever", "lexical", "--json")
    assert code == 3
    lexical = json.loads(out)["systems"]["lexical"]
    assert lexical["measures"]["nDCG@10"]["mean"] == pytest.approx(2 / 3)
    assert lexical["measures"]["nDCG@10"]["questions"] == 3
    assert lexical["failed"] == {"2": "no shard answers"}
    assert "1 question failed" in err
    cluster.failing.clear()
    assert esrag(str(folder), "--retriever", "lexical")[0] == 0
    assert [question for _, question in cluster.asked].count("one") == 1


def test_a_question_without_text_fails(cluster: Cluster, esrag: Run, folder: Path) -> None:
    """It is judged, so it counts."""
    with (folder / "qrels" / "test.tsv").open("a") as file:
        file.write("9\td1\t1\n")
    code, out, _ = esrag(str(folder), "--retriever", "lexical", "--json")
    assert code == 3
    found = json.loads(out)["systems"]["lexical"]
    assert found["failed"] == {"9": "its text is not in queries.jsonl"}
    assert found["measures"]["RR@10"]["mean"] == 0.75


def test_missing_documents_are_told(cluster: Cluster, esrag: Run, folder: Path) -> None:
    """Some: in a remark.  All: there is nothing to measure."""
    with (folder / "qrels" / "test.tsv").open("a") as file:
        file.write("1\tgone\t1\n")
    _, _, err = esrag(str(folder), "--retriever", "lexical")
    assert "1 of 4 relevant documents are not in esrag-docs-default" in err
    (folder / "qrels" / "test.tsv").write_text("1\tgone\t1\n")
    cluster.asked.clear()
    code, _, err = esrag(str(folder), "--retriever", "lexical")
    assert code == 2
    assert "none of the 1 relevant documents" in err
    assert "index them: --ingest" in err
    assert cluster.asked == []


def test_ids_that_no_document_of_the_corpus_has_are_told(
    cluster: Cluster, esrag: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The corpus was just indexed: the advice is not to index it; what it lost is a remark."""
    lost = ("1 of 9 inputs were rejected",)
    monkeypatch.setattr("esrag.cli.evaluate_ingest.index_corpus", lambda *_, **__: lost)
    words = (str(folder), "--ingest", "--retriever", "lexical")
    code, _, err = esrag(*words)
    assert code == 0
    assert "1 of 9 inputs were rejected" in err
    (folder / "qrels" / "test.tsv").write_text("1\tgone\t1\n")
    code, _, err = esrag(*words)
    assert code == 2
    assert "Are the ids of the judgements those of" in err


def test_what_ends_the_run_is_told_and_noted(cluster: Cluster, esrag: Run, folder: Path) -> None:
    """With the error's own exit code; the folder says that it is not whole."""
    cluster.failing["one"] = PermissionDeniedError("not yours")
    code, _, err = esrag(str(folder), "--retriever", "lexical")
    assert code == 5
    assert "not yours" in err
    facts = json.loads(Path("data/evaluations/retrieval-three-test/run.json").read_text())
    assert facts["status"] == "stopped"


def test_figures_of_what_was_asked_everything_are_kept(
    cluster: Cluster, esrag: Run, folder: Path
) -> None:
    """When a later retriever ends the run; it is told which one has none."""
    cluster.broken = "semantic"
    code, _, err = esrag(str(folder), "--retriever", "lexical", "--retriever", "semantic")
    assert code == 5
    assert "Figures of lexical" in err
    kept = Path("data/evaluations/retrieval-three-test")
    facts = json.loads((kept / "run.json").read_text())
    assert facts["status"] == "stopped"
    assert facts["notes"] == ["semantic was not asked everything: no figures"]
    assert (kept / "report.html").exists()


def test_runs_of_others_need_no_cluster(esrag: Run, folder: Path) -> None:
    """Also with judgements alone; names come from the files or are given."""
    Path("First one.trec").write_text("1 Q0 d1 1 2.0 x\n7 Q0 d1 1 2.0 x\n")
    Path("b.trec.gz").write_bytes(b"")
    Path("b.trec").write_text("".join(f"{name} Q0 d{name} 1 1 y\n" for name in WORDS))
    qrels = str(folder / "qrels" / "test.tsv")
    words = ("--run", "First one.trec", "--run", "mine=b.trec", "--measure", "P@1", "--json")
    code, out, _ = esrag(qrels, *words)
    assert code == 0
    found = json.loads(out)
    assert found["baseline"] == "first-one"
    means = {name: each["measures"]["P@1"]["mean"] for name, each in found["systems"].items()}
    assert means == {"first-one": pytest.approx(1 / 3), "mine": 1.0}
    assert found["differences"][0]["better"] == 2
    assert found["notes"] == [
        "first-one: 1 question without judgements: not measured",
        "first-one: 2 questions without hits: 0",
    ]


def test_a_gate_holds_a_run_against_an_earlier_one(esrag: Run, tmp_path: Path) -> None:
    """Met by an equal run, not by one that lost every answer; and CI is told."""
    numbers = [str(number) for number in range(30)]
    qrels = tmp_path / "q.tsv"
    qrels.write_text("".join(f"{name}\td\t1\n" for name in numbers))
    Path("good.trec").write_text("".join(f"{name} Q0 d 1 1.0 t\n" for name in numbers))
    Path("bad.trec").write_text("".join(f"{name} Q0 x 1 1.0 t\n" for name in numbers))
    gate = ("--gate", "before", "--no-worse-than", "nDCG@10=0.05")
    assert esrag(str(qrels), "--run", "mine=good.trec", "--out", "before")[0] == 0
    assert esrag(str(qrels), "--run", "mine=good.trec", "--out", "now", *gate)[0] == 0
    code, out, err = esrag(str(qrels), "--run", "mine=bad.trec", "--out", "worse", *gate)
    assert code == 3
    assert "gate not met: mine, nDCG@10 no worse than by 0.05" in out
    assert "1 of 1 gates are not met" in err
    assert "<failure" in Path("worse/junit.xml").read_text()
    assert "mine" in Path("worse/report.html").read_text()


def test_an_empty_run_is_zero(esrag: Run, folder: Path) -> None:
    """Not an error, and not a mean over nothing."""
    Path("empty.trec").write_text("")
    code, out, _ = esrag(str(folder), "--run", "empty.trec")
    assert code == 0
    assert "nDCG@10     0.000 [0.000, 0.000]" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--measure", "nDCG@0", "--run", "r.trec"), "no measure of ir_measures"),
        (("--retriever", "dense"), "'dense' is no retriever"),
        (("--retriever", "lexical-reranked"), "needs a reranker"),
        (("--run", "none.trec"), "there is no run none.trec"),
        (("--run", "x=none.trec"), "there is no run none.trec"),
        (("--run", "r.trec", "--run", "r=r.trec"), "two systems are called 'r'"),
        (("--run", "r.trec", "--baseline", "x"), "the baseline 'x'"),
        (("--run", "r.trec", "--split", "dev"), "no split 'dev'"),
        (("--run", "r.trec", "--ingest"), "--ingest is for --retriever"),
        (("--run", "r.trec", "--name", "../x"), "cannot name a run"),
        (("--run", "r.trec", "--gate", "x"), "belong together"),
        (("--run", "r.trec", "--gate", "x", "--no-worse-than", "AP=0"), "there is no run x"),
        (("--retriever", "lexical", "--run", "bad.trec"), "bad.trec, line 1"),
        (("--retriever", "lexical", "--baseline", "x"), "the baseline 'x'"),
        (("--retriever", "lexical", "--run", "lexical=r.trec"), "two systems are called"),
        (("--retriever", "lexical", "--run", "Big=r.trec"), "cannot name a system"),
        (("--retriever", "lexical", "--retriever", "hybrid-reranked"), "needs a reranker"),
    ],
)
def test_mistakes_are_a_wrong_usage(
    words: tuple[str, ...], said: str, cluster: Cluster, esrag: Run, folder: Path
) -> None:
    """Told before anything is asked."""
    Path("r.trec").write_text("1 Q0 d1 1 2.0 x\n")
    Path("bad.trec").write_text("1 Q0 d1 1 two x\n")
    code, out, err = esrag(str(folder), *words)
    assert (code, out) == (2, "")
    assert said in err
    assert cluster.asked == []


def test_judgements_alone_cannot_be_asked(esrag: Run, folder: Path) -> None:
    """Their questions have no text."""
    code, _, err = esrag(str(folder / "qrels" / "test.tsv"))
    assert code == 2
    assert "no questions that could be asked" in err


def test_a_comparison_of_answers_is_not_overwritten(
    esrag: Run, folder: Path, tmp_path: Path
) -> None:
    """Another command made that folder."""
    from esrag.evaluation import storage
    from esrag.evaluation.records import System
    from esrag.evaluation.run_folder import RunFolder

    other = RunFolder(tmp_path / "other")
    other.path.mkdir()
    record = storage.RunRecord("other", "whole", (System("rag", "rag"),), "rag", "2026-01-01")
    storage.write_run(other, record)
    Path("r.trec").write_text("1 Q0 d1 1 2.0 x\n")
    code, _, err = esrag(str(folder), "--run", "r.trec", "--out", str(other.path))
    assert code == 7
    assert "a comparison of answers" in err
    assert storage.read_run(other).status == "whole"


def test_ids_with_spaces_and_hostile_names_reach_the_files(esrag: Run, tmp_path: Path) -> None:
    """Parted by tabs; control characters do not reach the terminal."""
    qrels = tmp_path / "q.tsv"
    qrels.write_text("q 1\tmy file.pdf\t1\nq\x1b[31m\tb\t1\n")
    Path("r.trec").write_text("q 1\tQ0\tmy file.pdf\t1\t1.0\tt\n")
    code, out, _ = esrag(str(qrels), "--run", "r.trec", "--measure", "RR", "--out", "kept")
    assert code == 0
    assert "0.500" in out
    assert "\x1b[31m" not in out
    assert (tmp_path / "kept/runs/r.trec").read_text() == "q 1\tQ0\tmy file.pdf\t1\t1.0\tr\n"
