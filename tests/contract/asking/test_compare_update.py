"""``esrag compare update`` on a real cluster: the story, the copy that goes, and the faults."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from asking_desk import Desk, ended
from fake_generator import FakeGenerator, Request, Script
from fault_proxy import FaultProxy

from esrag.cluster.index_state import state_of
from esrag.evaluation.run_folder import RunFolder
from esrag.evaluation.storage import read_outcome
from esrag.names import Names

QUESTION = "When was the Marlow gateway opened?"
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
"""
CHANGE = ("--document", "marlow", "--replace", "3 May 2026", "--with", "9 June 2027")
ASKED = ("--question", QUESTION, "--patience", "5")


def says(request: Request) -> str:
    """A model that reads well and learnt the old answer."""
    if "Passages:" not in request.user:
        return "It was opened on 3 May 2026."
    for date in ("3 May 2026", "9 June 2027"):
        if date in request.user:
            number = request.user.split(date)[0].rpartition("[")[2].partition("]")[0]
            return f"The Marlow gateway was opened on {date} [{number}]."
    return "The passages do not answer this question."


@pytest.fixture
def desk(asking_set: Desk, fake: FakeGenerator) -> Desk:
    """The set, with the settings that it was set up with: its copy is set up by them."""
    fake.says(says)
    return asking_set.with_environment(
        ESRAG_GENERATOR_URL=fake.url,
        ESRAG_INDEX_VECTORS="float",
        ESRAG_INDEX_LANGUAGE="english",
        ESRAG_MODEL_THREADS="1",
        ESRAG_MODEL_ALLOCATIONS="1",
        ESRAG_MODEL_QUEUE_CAPACITY="1024",
    )


@pytest.fixture
def run(desk: Desk, tmp_path: Path) -> str:
    """A run with four systems, asked one question."""
    question = {"id": "q", "question": QUESTION, "type": "fact", "answer": "3 May 2026"}
    (tmp_path / "q.jsonl").write_text(json.dumps(question) + "\n")
    (tmp_path / "systems.toml").write_text(SYSTEMS)
    files = ("--questions", str(tmp_path / "q.jsonl"), "--systems", str(tmp_path / "systems.toml"))
    made = desk.run("compare", *files, "--out", str(tmp_path / "run"))
    assert made.code == 0, made.talk
    return str(tmp_path / "run")


def has_copy(desk: Desk) -> bool:
    """Whether anything of the copy's name is in the cluster."""
    return bool(desk.es.indices.get(index=f"{desk.names.alias}-update*").body)


def test_what_searches_says_the_new_and_the_set_stays_as_it_is(
    desk: Desk, run: str, fake: FakeGenerator
) -> None:
    """Before and after, in story, costs and report; then the copy is gone."""
    before = state_of(desk.es, desk.names.alias)
    outcome = desk.run("compare", "update", run, *CHANGE, *ASKED, "--json")
    assert outcome.code == 0, outcome.talk
    told: dict[str, Any] = json.loads(outcome.output)
    steps = {
        (step["system"], step["moment"]): (step["says_new"], step["says_old"])
        for step in told["story"]["steps"]
    }
    old, new = (False, True), (True, False)
    assert steps == {
        ("quotes", "before"): old,
        ("memory", "before"): old,
        ("rag", "before"): old,
        ("quotes", "indexed again"): new,
        ("memory", "indexed again"): old,
        ("rag", "indexed again"): new,
    }
    assert "words only finds passages" in told["story"]["note"]
    costs = {each["system"]: each for each in told["costs"]}
    assert costs["quotes"]["update_how"] == "index again"
    assert costs["quotes"]["update_seconds"] > 0
    assert state_of(desk.es, desk.names.alias) == before
    assert not has_copy(desk)
    ledgers = Path(desk.environment["ESRAG_DATA_DIR"]) / "ledgers"
    assert not list(ledgers.glob(f"{desk.names.alias}-update*"))
    page = (Path(run) / "report.html").read_text()
    assert "9 June 2027" in page
    assert len(read_outcome(RunFolder(Path(run))).updates) == 1
    again = desk.run("compare", "--from", run)
    assert again.code == 0, again.talk
    assert "9 June 2027" in (Path(run) / "report.html").read_text()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (("--document", "rill"), "has no document rill"),
        (("--replace", "4 May 2026"), "marlow does not hold '4 May 2026'"),
        (("--with", "3 May 2026"), "cannot be told apart"),
        (("--system", "nobody"), "has no system nobody; there are quotes"),
        (("--retrain",), "--retrain has nothing to train"),
    ],
)
def test_what_cannot_be_changed_is_told_before_a_copy_is_made(
    desk: Desk, run: str, changed: tuple[str, ...], said: str
) -> None:
    """Exit 2."""
    outcome = desk.run("compare", "update", run, *CHANGE, *ASKED, *changed)
    assert outcome.code == 2, outcome.talk
    assert said in outcome.talk
    assert not has_copy(desk)
    assert "esrag setup" not in outcome.talk


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ESRAG_MODEL_THREADS", "2", "deployment"),
        pytest.param("ESRAG_INDEX_VECTORS", "int8", "other fields", marks=pytest.mark.long),
    ],
)
def test_a_copy_that_would_be_another_is_not_made(
    desk: Desk, run: str, name: str, value: str, said: str
) -> None:
    """Exit 7: nothing that the set uses is changed for the sake of a copy."""
    outcome = desk.run("compare", "update", run, *CHANGE, *ASKED, **{name: value})
    assert outcome.code == 7, outcome.talk
    assert said in outcome.talk
    assert "esrag plan --set" in outcome.talk
    assert not has_copy(desk)


def test_a_set_of_the_copys_name_is_left_alone(desk: Desk, run: str) -> None:
    """Exit 7, with the line that removes it."""
    name = Names(f"{desk.names.set}-update")
    desk.es.indices.create(index=name.index(1), aliases={name.alias: {}})
    try:
        outcome = desk.run("compare", "update", run, *CHANGE, *ASKED)
        assert outcome.code == 7, outcome.talk
        assert f"esrag teardown --set {name.set}" in outcome.talk
        assert desk.es.indices.exists(index=name.index(1))
    finally:
        desk.es.indices.delete(index=name.index(1))


@pytest.mark.long
def test_a_generator_that_goes_midway_leaves_no_copy(
    desk: Desk, run: str, fake: FakeGenerator
) -> None:
    """Exit 4; the run has no story."""

    def last_words(request: Request) -> str:
        threading.Thread(target=fake.stop, daemon=True).start()
        return says(request)

    fake.then(Script(text=last_words, pieces_per_second=20), Script(text=says))
    outcome = desk.run("compare", "update", run, *CHANGE, *ASKED)
    assert outcome.code == 4, outcome.talk
    assert not has_copy(desk)
    assert read_outcome(RunFolder(Path(run))).updates == ()


@pytest.mark.long
def test_a_cluster_that_goes_midway_is_told_with_the_line_that_removes_the_copy(
    desk: Desk, run: str, proxy: FaultProxy
) -> None:
    """Exit 4; what could not be removed is named, and the line works."""
    gone = threading.Event()

    def fault(request: str) -> str:
        if "_search/template" in request:
            gone.set()
        return "gone" if gone.is_set() else ""

    proxy.fault_at = fault
    outcome = desk.run("compare", "update", run, *CHANGE, *ASKED, ESRAG_ELASTICSEARCH_URL=proxy.url)
    assert outcome.code == 4, outcome.talk
    assert "The copy was not removed" in outcome.talk
    line = outcome.talk.split("To remove it: esrag ")[1].split("\n")[0]
    assert has_copy(desk)
    assert desk.run(*line.split()).code == 0
    assert not has_copy(desk)


@pytest.mark.long
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["^C", "SIGTERM"]
)
def test_a_signal_leaves_no_copy(
    desk: Desk, run: str, fake: FakeGenerator, number: int, code: int
) -> None:
    """In the middle of an answer."""
    asked = len(fake.generations)
    fake.then(Script(hold=True))
    process = desk.start("compare", "update", run, *CHANGE, *ASKED)
    assert fake.wait(lambda: len(fake.generations) == asked + 1, within=120)
    outcome = ended(process, send=number)
    assert outcome.code == code, outcome.talk
    assert not has_copy(desk)
    assert read_outcome(RunFolder(Path(run))).updates == ()


@pytest.mark.long
def test_a_failed_answer_is_a_step_of_the_story(desk: Desk, run: str, fake: FakeGenerator) -> None:
    """A deadline that passes: neither the old nor the new, with the reason; no exit code."""
    fake.then(Script(hold=True))
    words = ("--system", "memory", "--deadline", "1.5")
    outcome = desk.run("compare", "update", run, *CHANGE, *ASKED, *words, "--json")
    assert outcome.code == 0, outcome.talk
    first = json.loads(outcome.output)["story"]["steps"][0]
    assert first["says"].startswith("failed: the deadline")
    assert (first["says_new"], first["says_old"]) == (False, False)


@pytest.mark.long
def test_the_copy_may_be_kept(desk: Desk, run: str) -> None:
    """With --keep; the line that removes it is told, and removes it."""
    outcome = desk.run("compare", "update", run, *CHANGE, *ASKED, "--system", "quotes", "--keep")
    assert outcome.code == 0, outcome.talk
    assert has_copy(desk)
    line = outcome.talk.split("To remove it: esrag ")[1].split("\n")[0]
    assert desk.run(*line.split()).code == 0
    assert not has_copy(desk)
