"""The main job through the command line: setup, ingest, search, ask, each on the real stack."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from esrag.sample import corpus_folder

if TYPE_CHECKING:
    import subprocess

    from conftest import Stack

SET = "e2e"
CORPUS = corpus_folder() / "release-notes"


@dataclass(frozen=True, slots=True)
class Desk:
    """A document set that is set up and filled."""

    stack: Stack

    def esrag(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command on the set."""
        return self.stack.esrag(*arguments)

    def json(self, *arguments: str) -> Any:
        """Run a command with --json and return what it printed."""
        done = self.esrag(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def desk(stack: Stack) -> Desk:
    """Set up once for the module: builds and uploads the real model, ingests release notes."""
    desk = Desk(stack)
    for arguments in (("setup", "--set", SET, "--yes"), ("ingest", "--set", SET, str(CORPUS))):
        done = desk.esrag(*arguments)
        assert done.returncode == 0, done.stderr
    return desk


def test_a_second_setup_has_nothing_to_do(desk: Desk) -> None:
    """The plan is empty once it has been applied."""
    done = desk.esrag("plan", "--set", SET)
    assert done.returncode == 0, done.stdout
    assert "Nothing to do" in done.stdout


def test_a_second_ingest_sends_nothing_and_its_books_balance(desk: Desk) -> None:
    """Every input is accounted for, and unchanged ones are not sent again."""
    report = desk.json("ingest", "--set", SET, str(CORPUS))
    counts = report["counts"]
    assert counts["listed"] == counts["unchanged"] > 0
    assert report["chunks_written"] == 0


def test_the_exact_version_is_retrieved_first(desk: Desk) -> None:
    """Look-alike release notes are told apart by the version asked for."""
    found = desk.json("search", "--set", SET, "When did Siltbase 4.2.1 come out?")
    assert found["hits"][0]["document_id"] == "siltbase-4.2.1.md"


def test_an_answer_cites_words_that_stand_in_the_document(desk: Desk) -> None:
    """Each sentence has a citation, and its offsets lead to the quote in the source file."""
    answer = desk.json("ask", "--set", SET, "When did Siltbase 4.2.1 come out?")
    assert answer["kind"] in ("generated", "quoted")
    assert "9 April 2026" in answer["answer"]
    for sentence in answer["sentences"]:
        (citation,) = sentence["citations"]
        source = (CORPUS / citation["document_id"]).read_text(encoding="utf-8")
        assert citation["quote"] in source
    assert all(source["title"] and source["url"] for source in answer["sources"])


def test_what_no_document_answers_is_refused(desk: Desk) -> None:
    """A version that does not exist gets no neighbour's date."""
    answer = desk.json("ask", "--set", SET, "When was Siltbase 4.4.0 released?")
    assert answer["kind"] == "refused"
    assert answer["sources"] == []


def test_a_generator_that_is_down_leaves_quotes_and_exit_code_4(desk: Desk) -> None:
    """The passages still answer; the message says that the generator cannot be reached."""
    done = desk.esrag(
        "ask",
        "--set",
        SET,
        "--generator-url",
        "http://127.0.0.1:9",
        "When did Siltbase 4.2.1 come out?",
    )
    assert done.returncode == 4
    assert "9 April 2026" in done.stdout
    assert "generator" in done.stderr


def test_quoting_needs_no_generator(desk: Desk) -> None:
    """With --quote nothing is sent to the generator at all."""
    done = desk.esrag(
        "ask", "--set", SET, "--quote", "--generator-url", "http://127.0.0.1:9", "siltbase 4.2.1"
    )
    assert done.returncode == 0, done.stderr


def test_a_set_that_was_not_set_up_is_named(desk: Desk) -> None:
    """Asking or ingesting without setup ends with 7 and says what to run."""
    for arguments in (("ask", "--set", "absent", "q"), ("ingest", "--set", "absent", str(CORPUS))):
        done = desk.esrag(*arguments)
        assert done.returncode == 7, done.stderr
        assert "esrag setup" in done.stderr


def test_changed_and_bad_files_are_told_apart(desk: Desk, tmp_path: Path) -> None:
    """A good file is indexed although its neighbours are not, and each gets its reason."""
    (tmp_path / "good.md").write_text("# Good\n\nThe answer is 42 and nothing else.\n")
    (tmp_path / "empty.md").write_text("")
    (tmp_path / "broken.txt").write_bytes(b"abc \xff\xfe def")
    done = desk.esrag("ingest", "--set", SET, "--json", str(tmp_path))
    assert done.returncode == 3, done.stderr
    counts = json.loads(done.stdout)["counts"]
    assert (counts["indexed"], counts["rejected"]) == (1, 2)
    assert "Traceback" not in done.stderr
