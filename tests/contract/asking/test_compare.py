"""``esrag compare`` on a real cluster with a scripted generator, and its column of faults."""

from __future__ import annotations

import json
import resource
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from asking_desk import SAID, Desk, ended
from elasticsearch import Elasticsearch
from fake_generator import FakeGenerator, Request, Script
from fault_proxy import FaultProxy

from esrag.cluster.index_state import state_of
from esrag.evaluation.records import Reply
from esrag.evaluation.run_folder import RunFolder
from esrag.evaluation.storage import read_replies, read_run, read_scored

NOBODY = "http://127.0.0.1:9"
QUESTIONS: tuple[dict[str, Any], ...] = (
    {
        "id": "port",
        "question": "Which port does the Marlow gateway use?",
        "type": "fact",
        "answer": "7443",
        "answer_groups": [["7443"]],
        "evidence": [{"document": "marlow", "quote": "uses port 7443"}],
    },
    {
        "id": "weight",
        "question": "How much does the Tarn relay weigh?",
        "type": "fact",
        "answer": "14 kg",
        "answer_groups": [["14 kg"]],
        "evidence": [{"document": "tarn", "quote": "weighs 14 kg"}],
    },
    {"id": "painter", "question": "Who painted the cafeteria?", "type": "unanswerable"},
)
SYSTEMS = """
[systems.quotes]
kind = "extractive"

[systems.memory]
kind = "closed_book"

[systems.rag]
kind = "rag"
settings = {"answer.verify" = "off", "answer.refuse" = false, "answer.quote" = false}

[systems.words]
kind = "retrieval"
settings = {"retrieval.template" = "lexical"}
"""


def says(request: Request) -> str:
    """A model that knows nothing and reads well."""
    if "Passages:" not in request.user:
        return "It uses port 80." if "port" in request.user else "I do not know."
    asked = request.user.rpartition("Question:")[2]
    numbers = {
        word: request.user.split(word)[0].rpartition("[")[2].partition("]")[0]
        for word in ("port 7443", "weighs 14 kg")
        if word in request.user
    }
    if "port" in asked and "port 7443" in numbers:
        return f"The Marlow gateway uses port 7443 [{numbers['port 7443']}]."
    if "weigh" in asked and "weighs 14 kg" in numbers:
        return f"The Tarn relay weighs 14 kg [{numbers['weighs 14 kg']}]."
    return "The passages do not answer this question."


@pytest.fixture
def given(tmp_path: Path, fake: FakeGenerator) -> tuple[str, ...]:
    """The words of the command; its run lies in ``tmp_path / "run"``."""
    fake.says(says)
    questions = tmp_path / "questions.jsonl"
    questions.write_text("".join(json.dumps(each) + "\n" for each in QUESTIONS))
    systems = tmp_path / "systems.toml"
    systems.write_text(SYSTEMS)
    files = ("--questions", str(questions), "--systems", str(systems))
    return ("compare", *files, "--out", str(tmp_path / "run"), "--patience", "0.5")


@pytest.fixture
def memory(given: tuple[str, ...], tmp_path: Path) -> tuple[str, ...]:
    """The same with one system that asks the generator alone, one question at a time."""
    (tmp_path / "systems.toml").write_text('[systems.memory]\nkind = "closed_book"\n')
    return (*given, "--parallel", "1")


def kept(tmp_path: Path, system: str) -> dict[str, Reply]:
    """A system's replies, by question."""
    replies = read_replies(RunFolder(tmp_path / "run"), system)
    return {each.reply.question_id: each.reply for each in replies}


def test_systems_are_compared_on_a_cluster(
    desk: Desk, given: tuple[str, ...], tmp_path: Path, fake: FakeGenerator
) -> None:
    """Four systems, three questions: figures, report, and nothing asked the second time."""
    outcome = desk.run(*given)
    assert outcome.code == 0, outcome.talk
    assert "3 questions, 4 systems; baseline quotes" in outcome.output
    scored = {
        name: {
            each.reply.question_id: each for each in read_scored(RunFolder(tmp_path / "run"), name)
        }
        for name in ("quotes", "memory", "rag", "words")
    }
    assert scored["rag"]["port"].metrics["right"] == 1.0
    assert scored["quotes"]["weight"].metrics["right"] == 1.0
    assert scored["memory"]["port"].metrics["right"] == 0.0
    assert [span.kind for span in scored["memory"]["port"].spans] == ["contradicted"]
    assert scored["words"]["port"].metrics["Success@10"] == 1.0
    assert scored["words"]["port"].reply.text == ""
    page = (tmp_path / "run" / "report.html").read_text()
    assert "It uses port 80" in page
    record = read_run(RunFolder(tmp_path / "run"))
    assert "chunks, newest" in record.fingerprints["index of rag"]
    asked = len(fake.generations)
    again = desk.run(*given, "--json")
    assert again.code == 0, again.talk
    assert json.loads(again.output)["status"] == "whole"
    assert len(fake.generations) == asked


def test_the_state_of_an_index_changes_with_every_write(es: Elasticsearch, prefix: str) -> None:
    """Added, replaced by the same, deleted, in another shard: never the same words twice."""
    index = f"{prefix}-state"
    es.indices.create(index=index, settings={"number_of_shards": 3, "number_of_replicas": 0})
    seen = []

    def look() -> None:
        es.indices.refresh(index=index)
        seen.append(state_of(es, index))

    look()
    for number in range(4):
        es.index(index=index, id=str(number), document={"a": 1})
        look()
    for number in range(4):
        es.index(index=index, id=str(number), document={"a": 1})
        look()
    es.delete(index=index, id="2")
    look()
    assert len(set(seen)) == len(seen)
    again = list(seen)
    look()
    assert seen[-1] == again[-1]


@pytest.mark.parametrize(
    ("scripts", "code"),
    [
        ((Script(status=500), Script(status=500)), "failed"),
        pytest.param((Script(text=SAID * 9, cut_after=900),), "incomplete", marks=pytest.mark.long),
        ((Script(hold=True),), "timed_out"),
        pytest.param((Script(text=SAID, first_after=5.0),), "timed_out", marks=pytest.mark.long),
    ],
    ids=["500", "cut", "silent", "slow"],
)
def test_a_question_that_fails_counts_as_wrong_and_is_asked_again(
    desk: Desk,
    memory: tuple[str, ...],
    tmp_path: Path,
    fake: FakeGenerator,
    scripts: tuple[Script, ...],
    code: str,
) -> None:
    """Exit 3; the others are replied to, and the same command mends it."""
    fake.then(Script(text=says), *scripts, Script(text=says))
    outcome = desk.run(*memory, "--deadline", "1.5")
    assert outcome.code == 3, outcome.talk
    assert "questions failed and count as wrong: memory 1" in outcome.talk
    replies = kept(tmp_path, "memory")
    assert [reply.status for reply in replies.values()] == ["answered", "failed", "refused"]
    assert replies["weight"].error_code == code
    scored = {
        each.reply.question_id: each for each in read_scored(RunFolder(tmp_path / "run"), "memory")
    }
    assert scored["weight"].metrics["right"] == 0.0
    assert replies["weight"].error[:40] in (tmp_path / "run" / "report.json").read_text()
    fake.says(says)
    asked = len(fake.generations)
    assert desk.run(*memory).code == 0
    assert len(fake.generations) == asked + 1


def test_a_generator_that_is_busy_is_waited_for(
    desk: Desk, memory: tuple[str, ...], fake: FakeGenerator
) -> None:
    """More refusals than the client itself takes, and no question fails."""
    fake.then(*[Script(status=429)] * 5, Script(text=says))
    outcome = desk.run(*memory)
    assert outcome.code == 0, outcome.talk


def test_without_a_generator_the_rest_is_compared(
    desk: Desk, given: tuple[str, ...], tmp_path: Path
) -> None:
    """Exit 4; who needs no generator is reported, the others are said to be missing."""
    outcome = desk.run(*given, ESRAG_GENERATOR_URL=NOBODY)
    assert outcome.code == 4
    assert "memory was not asked to the end" in outcome.output
    assert len(kept(tmp_path, "quotes")) == 3
    assert kept(tmp_path, "rag") == {}
    assert (tmp_path / "run" / "report.html").is_file()
    assert desk.run(*given).code == 0


def test_a_generator_that_goes_midway_leaves_a_report_and_the_run_goes_on(
    desk: Desk, memory: tuple[str, ...], tmp_path: Path, fake: FakeGenerator
) -> None:
    """Exit 4; the question that met it is not called wrong."""

    def last_words(request: Request) -> str:
        threading.Thread(target=fake.stop, daemon=True).start()
        return says(request)

    fake.then(Script(text=last_words, pieces_per_second=20), Script(text=says))
    outcome = desk.run(*memory)
    assert outcome.code == 4, outcome.talk
    replies = kept(tmp_path, "memory")
    assert len(replies) < 3
    assert read_run(RunFolder(tmp_path / "run")).status == "stopped"
    with FakeGenerator() as other:
        other.says(says)
        assert desk.run(*memory, ESRAG_GENERATOR_URL=other.url).code == 0
        assert len(other.generations) <= 3
    assert len(kept(tmp_path, "memory")) == 3


def test_without_a_cluster_nothing_is_said_to_be_done(desk: Desk, given: tuple[str, ...]) -> None:
    """Exit 4, and what cannot be reached is named."""
    outcome = desk.run(*given, ESRAG_ELASTICSEARCH_URL=NOBODY)
    assert outcome.code == 4
    assert "Elasticsearch cannot be reached" in outcome.talk


def test_a_cluster_that_goes_midway_leaves_what_was_replied(
    desk: Desk, given: tuple[str, ...], tmp_path: Path, proxy: FaultProxy
) -> None:
    """Exit 4; the same command goes on once it is back."""
    searches = 0

    def fault(request: str) -> str:
        nonlocal searches
        searches += "_search/template" in request
        return "gone" if searches > 1 else ""

    proxy.fault_at = fault
    words = (*given, "--parallel", "1")
    outcome = desk.run(*words, ESRAG_ELASTICSEARCH_URL=proxy.url)
    assert outcome.code == 4, outcome.talk
    assert [reply.question_id for reply in kept(tmp_path, "quotes").values()] == ["port"]
    assert desk.run(*words).code == 0
    assert len(kept(tmp_path, "quotes")) == 3


@pytest.mark.parametrize("fault", ["429", pytest.param("503", marks=pytest.mark.long)])
def test_a_cluster_that_is_busy_for_a_moment_costs_no_question(
    desk: Desk, given: tuple[str, ...], proxy: FaultProxy, fault: str
) -> None:
    """Asked again, as one asks by hand."""
    left = 5

    def busy(request: str) -> str:
        nonlocal left
        if "_search/template" in request and left:
            left -= 1
            return fault
        return ""

    proxy.fault_at = busy
    outcome = desk.run(*given, "--patience", "20", ESRAG_ELASTICSEARCH_URL=proxy.url)
    assert outcome.code == 0, outcome.talk


def test_wrong_credentials_end_with_5(desk: Desk, given: tuple[str, ...]) -> None:
    """No other system would be answered."""
    outcome = desk.run(*given, ESRAG_ELASTICSEARCH_PASSWORD="wrong")
    assert outcome.code == 5


@pytest.mark.long
def test_a_refused_key_of_the_generator_ends_a_comparison_with_5(
    desk: Desk, given: tuple[str, ...], fake: FakeGenerator, tmp_path: Path
) -> None:
    """What quotes said is reported all the same."""
    fake.api_key = "other"
    outcome = desk.run(*given)
    assert outcome.code == 5
    assert len(kept(tmp_path, "quotes")) == 3
    assert (tmp_path / "run" / "report.html").is_file()


@pytest.mark.parametrize(
    ("number", "code"),
    [pytest.param(signal.SIGINT, 130, marks=pytest.mark.long), (signal.SIGTERM, 143)],
    ids=["^C", "SIGTERM"],
)
def test_a_signal_leaves_a_report_of_what_was_replied(
    desk: Desk,
    memory: tuple[str, ...],
    tmp_path: Path,
    fake: FakeGenerator,
    number: int,
    code: int,
) -> None:
    """The question under way is called off; the same command asks the rest."""
    fake.then(Script(text=says), Script(hold=True))
    process = desk.start(*memory)
    assert fake.wait(lambda: len(fake.generations) == 2, within=60)
    outcome = ended(process, send=number)
    assert outcome.code == code, outcome.talk
    assert list(kept(tmp_path, "memory")) == ["port"]
    assert "It uses port 80" in (tmp_path / "run" / "report.html").read_text()
    fake.says(says)
    asked = len(fake.generations)
    assert desk.run(*memory).code == 0
    assert len(fake.generations) == asked + 2


@pytest.mark.long
def test_a_killed_comparison_goes_on(
    desk: Desk, memory: tuple[str, ...], tmp_path: Path, fake: FakeGenerator
) -> None:
    """SIGKILL in the middle: what was replied is kept, and nobody holds the run any more."""
    fake.then(Script(text=says), Script(hold=True))
    process = desk.start(*memory)
    assert fake.wait(lambda: len(fake.generations) == 2, within=60)
    process.kill()
    process.communicate(timeout=30)
    fake.says(says)
    asked = len(fake.generations)
    assert desk.run(*memory).code == 0
    assert len(fake.generations) == asked + 2
    assert len(kept(tmp_path, "memory")) == 3


def test_a_full_disk_leaves_the_old_report_untouched(
    desk: Desk, memory: tuple[str, ...], tmp_path: Path, fake: FakeGenerator
) -> None:
    """Exit 4, with what to do; the run can be read and goes on."""
    assert desk.run(*memory).code == 0
    before = (tmp_path / "run" / "report.html").read_bytes()
    fake.says(lambda request: says(request) + " More words." * 900)
    changed = (*memory, "--generator-url", fake.url)
    (tmp_path / "systems.toml").write_text(
        '[systems.memory]\nkind = "closed_book"\nsettings = {"generator.max_new_tokens" = 9000}\n'
    )
    size = 8_000
    process = desk.start(
        *changed, limit=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    )
    outcome = ended(process)
    assert outcome.code == 4, outcome.talk
    assert "the disk is full" in outcome.talk
    assert (tmp_path / "run" / "report.html").read_bytes() == before
    assert desk.run(*changed).code == 0


def test_a_second_process_is_told_that_the_run_is_at_work(
    desk: Desk, given: tuple[str, ...], tmp_path: Path
) -> None:
    """Exit 7."""
    with RunFolder(tmp_path / "run").held():
        outcome = desk.run(*given)
    assert outcome.code == 7
    assert "at work in another process" in outcome.talk


@pytest.mark.long
def test_poisoned_replies_and_passages_cannot_break_the_report(
    desk: Desk, given: tuple[str, ...], tmp_path: Path, fake: FakeGenerator
) -> None:
    """A megabyte, markup, control characters: kept, judged, shown as text."""
    poison = "<script>alert(1)</script><img src=x onerror=alert(1)>\x1b[2J\u202e\x00 [1]. "
    fake.says(lambda request: poison * (1 + 12_000 * ("port" in request.user)))
    outcome = desk.run(*given)
    assert outcome.code in (0, 3), outcome.talk
    page = (tmp_path / "run" / "report.html").read_text()
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "\x1b" not in outcome.both
    json.loads((tmp_path / "run" / "report.json").read_text())
