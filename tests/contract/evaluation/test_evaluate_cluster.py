"""``esrag evaluate`` against a real cluster: what it finds, and what it keeps when that goes."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asking_desk import Desk, ended
from fault_proxy import FaultProxy

QUESTIONS = {
    "marlow": "Which port does the Marlow gateway use in year",
    "tarn": "How much does the Tarn relay weigh in year",
    "cafeteria": "When does the cafeteria open in year",
}
ASKED = 12


@pytest.fixture
def judged(tmp_path: Path) -> Path:
    """Four questions about each of three documents."""
    place = tmp_path / "three"
    (place / "qrels").mkdir(parents=True)
    rows = [
        (f"{document}-{year}", f"{text} {year}?", document)
        for document, text in QUESTIONS.items()
        for year in range(ASKED // len(QUESTIONS))
    ]
    lines = [json.dumps({"_id": name, "text": text}) for name, text, _ in rows]
    (place / "queries.jsonl").write_text("\n".join(lines), encoding="utf-8")
    judgements = [f"{name}\t{document}\t1\n" for name, _, document in rows]
    (place / "qrels" / "test.tsv").write_text("".join(judgements), encoding="utf-8")
    return place


@pytest.fixture
def desk(asking_set: Desk) -> Desk:
    """The set that all tests about asking ask."""
    return asking_set


def figures(output: str) -> dict[str, Any]:
    """By system and measure the mean."""
    systems = json.loads(output)["systems"]
    return {
        name: {measure: each["mean"] for measure, each in system["measures"].items()}
        for name, system in systems.items()
    }


def after(count: int, fault: str, part: str) -> Callable[[str], str]:
    """This fault for each such request but the first ones."""
    seen: list[str] = []

    def choose(request: str) -> str:
        if part not in request:
            return ""
        seen.append(request)
        return fault if len(seen) > count else ""

    return choose


def test_templates_of_a_set_are_measured_side_by_side(
    desk: Desk, judged: Path, tmp_path: Path
) -> None:
    """Words find each document; the second run asks nothing and says the same."""
    words = ("evaluate", str(judged), "--out", str(tmp_path / "kept"), "--json")
    first = desk.run(*words)
    assert first.code == 0, first.talk
    found = figures(first.output)
    assert list(found) == ["lexical", "semantic", "hybrid", "linear"]
    assert found["lexical"]["R@50"] == 1.0
    assert all(0 < each["nDCG@10"] <= 1 for each in found.values())
    files = sorted((tmp_path / "kept" / "found").iterdir())
    sizes = [file.stat().st_size for file in files]
    second = desk.run(*words)
    assert second.output == first.output
    assert [file.stat().st_size for file in files] == sizes
    facts = json.loads((tmp_path / "kept" / "run.json").read_text(encoding="utf-8"))
    assert desk.names.alias in facts["facts"]["state"]


def test_a_cluster_that_goes_leaves_what_was_found(
    desk: Desk, proxy: FaultProxy, judged: Path, tmp_path: Path
) -> None:
    """Exit code 4; the same command asks the rest, and the figures are those of a quiet run."""
    words = ("evaluate", str(judged), "--retriever", "lexical", "--parallel", "1", "--json")
    proxy.fault_at = after(4, "503", "_search/template")
    outcome = desk.run(*words, "--out", str(tmp_path / "torn"), ESRAG_ELASTICSEARCH_URL=proxy.url)
    assert outcome.code == 4
    assert "the same command" in outcome.talk
    kept = tmp_path / "torn" / "found" / "lexical.jsonl"
    whole = [line for line in kept.read_text("utf-8").splitlines() if '"error": ""' in line]
    assert len(whole) == 4
    proxy.fault_at = lambda request: ""
    proxy.requests.clear()
    again = desk.run(*words, "--out", str(tmp_path / "torn"), ESRAG_ELASTICSEARCH_URL=proxy.url)
    assert again.code == 0, again.talk
    asked = [request for request in proxy.requests if "_search/template" in request]
    assert len(asked) == ASKED - 4
    quiet = desk.run(*words, "--out", str(tmp_path / "quiet"))
    assert figures(again.output) == figures(quiet.output)


def test_a_stop_keeps_what_was_found(
    desk: Desk, proxy: FaultProxy, judged: Path, tmp_path: Path
) -> None:
    """^C ends with 130, the folder says so, and the same command goes on."""
    words = ("evaluate", str(judged), "--retriever", "lexical", "--parallel", "2")
    folder = tmp_path / "stopped"
    held = after(5, "held", "_search/template")
    proxy.hold_at = lambda request: bool(held(request))
    process = desk.start(*words, "--out", str(folder), ESRAG_ELASTICSEARCH_URL=proxy.url)
    assert proxy.seen.wait(30)
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    proxy.release.set()
    assert ended(process).code == 130
    assert json.loads((folder / "run.json").read_text("utf-8"))["status"] == "stopped"
    kept = (folder / "found" / "lexical.jsonl").read_text("utf-8").splitlines()
    assert 4 <= len(kept) < ASKED
    proxy.hold_at = lambda request: False
    proxy.requests.clear()
    again = desk.run(*words, "--out", str(folder), ESRAG_ELASTICSEARCH_URL=proxy.url)
    assert again.code == 0, again.talk
    asked = [request for request in proxy.requests if "_search/template" in request]
    assert len(asked) == ASKED - len(kept)


def test_a_set_that_is_not_there_ends_with_7(desk: Desk, judged: Path, tmp_path: Path) -> None:
    """Before anything is asked."""
    outcome = desk.run(
        "evaluate", str(judged), "--set", f"{desk.names.set}no", "--out", str(tmp_path / "kept")
    )
    assert outcome.code == 7
    assert "there is no index" in outcome.talk


def test_a_question_file_is_judged_by_its_evidence(desk: Desk, tmp_path: Path) -> None:
    """A document that holds evidence is right; a question without evidence is told."""
    file = tmp_path / "questions.jsonl"
    evidence = [{"document": "tarn", "quote": "14 kg"}]
    rows = [
        {"id": "1", "question": "What weighs 14 kg?", "type": "fact", "evidence": evidence},
        {"id": "2", "question": "Who is Ada?", "type": "unanswerable"},
    ]
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    outcome = desk.run(
        "evaluate", str(file), "--retriever", "lexical", "--out", str(tmp_path / "k")
    )
    assert outcome.code == 0, outcome.talk
    assert "questions: 1 question" in outcome.output
    assert "1 question without evidence" in outcome.talk
