"""``esrag evaluate --ingest``: the set that it fills, and what it hands to ingest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from esrag.cli import evaluate_ingest
from esrag.cli.evaluate_ingest import index_corpus, titled
from esrag.cli.evaluate_run import own_set
from esrag.errors import RejectedError, UsageError
from esrag.sections import IndexSettings


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("scifact", "judged-scifact"),
        ("My Folder_2", "judged-my-folder-2"),
        ("trec-0042", "judged-trec-42"),
        ("日本", "judged"),
        ("000", "judged-x"),
        ("x" * 80, "judged-" + "x" * 34),
        ("a" * 33 + " b", "judged-" + "a" * 33),
    ],
)
def test_a_folder_has_a_set_of_its_own(name: str, wanted: str) -> None:
    """With a name that settings take."""
    assert own_set(name) == wanted
    assert IndexSettings(set=wanted).set == wanted


def test_a_title_stands_for_a_missing_text(tmp_path: Path) -> None:
    """As data sets have it; other records stay as they are."""
    records = [
        {"_id": "1", "title": "Only a title", "text": " "},
        {"_id": "2", "title": "Both", "text": "a\u2028b"},
        {"_id": "3"},
    ]
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text("\n".join(map(json.dumps, records)) + "\n")
    titled(corpus, tmp_path / "copy.jsonl")
    lines = (tmp_path / "copy.jsonl").read_text().splitlines()
    assert [json.loads(line).get("text") for line in lines] == ["Only a title", "a\u2028b", ""]


def test_a_broken_corpus_names_its_line(tmp_path: Path) -> None:
    """Before anything is sent."""
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text('{"_id": "1", "text": "a"}\n{\n')
    with pytest.raises(UsageError, match=r"corpus\.jsonl, line 2: no JSON"):
        titled(corpus, tmp_path / "copy.jsonl")


@pytest.mark.parametrize("text", ["", "\n \n", "{\n"])
def test_what_is_no_corpus_makes_no_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """It is told before anything is made in the cluster."""
    monkeypatch.setattr(evaluate_ingest, "_esrag", lambda *_: pytest.fail("something was made"))
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text(text)
    with pytest.raises(UsageError, match=r"corpus\.jsonl(, line 1: no JSON| holds no document)"):
        index_corpus("judged-x", corpus, elasticsearch_url=None)


def test_lines_keep_their_numbers(tmp_path: Path) -> None:
    """What ingest says of a line is true of the corpus, blank lines and all."""
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text('\ufeff\n{"_id": "1", "text": "a"}\r\n\n\n{"_id": "2", "text": "b"}')
    titled(corpus, tmp_path / "copy.jsonl")
    lines = (tmp_path / "copy.jsonl").read_text().split("\n")
    assert [number for number, line in enumerate(lines, start=1) if line] == [2, 5]


def test_the_commands_are_those_that_a_user_would_give(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rejected documents are told, and do not end the measuring."""
    given: list[tuple[str, ...]] = []

    def remember(*words: str) -> None:
        given.append(words)
        if words[0] == "ingest":
            assert Path(words[-1]).read_text()
            raise RejectedError("1 of 2 inputs were rejected")

    monkeypatch.setattr(evaluate_ingest, "_esrag", remember)
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text('{"_id": "1", "text": "a"}\n')
    told = index_corpus("judged-x", corpus, elasticsearch_url=None)
    assert given[0] == ("setup", "--set", "judged-x", "--yes")
    assert given[1][:5] == ("ingest", "--set", "judged-x", "--origin", "judged-x")
    assert Path(given[1][-1]).name == "corpus.jsonl"
    assert f"Lines are numbered as in {corpus}" in capsys.readouterr().err
    (note,) = told
    assert "1 of 2 inputs were rejected" in note
    index_corpus("judged-x", corpus, elasticsearch_url="http://127.0.0.1:9")
    assert given[2] == (
        *("setup", "--set", "judged-x", "--elasticsearch-url", "http://127.0.0.1:9", "--yes"),
    )
