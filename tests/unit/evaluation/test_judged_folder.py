"""Judged questions as users bring them: BEIR folders, question files, judgements alone."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from esrag.errors import UsageError
from esrag.evaluation.judged_folder import load_judged
from esrag.sample import questions_file

HEADINGS = "query-id\tcorpus-id\tscore\n"
QUERIES = [("1", "what?"), ("2", "a\u2028b"), ("3", "who?")]


def folder_of(
    place: Path, queries: list[tuple[object, object]] | str | None = None, **splits: str
) -> Path:
    """A folder in BEIR's layout."""
    (place / "qrels").mkdir(parents=True)
    if queries is None:
        queries = list(QUERIES)
    if not isinstance(queries, str):
        lines = [json.dumps({"_id": name, "text": text}) for name, text in queries]
        queries = "\n".join(lines) + "\n"
    (place / "queries.jsonl").write_text(queries, encoding="utf-8")
    for name, rows in splits.items():
        (place / "qrels" / f"{name}.tsv").write_text(HEADINGS + rows, encoding="utf-8")
    return place


def test_a_folder_is_read(tmp_path: Path) -> None:
    """Questions of the split, their judgements, and what is not measured is told."""
    judged = load_judged(folder_of(tmp_path / "mine", test="1\td\t1\n2\te\t0\n2\tf\t2\n"))
    assert (judged.name, judged.split) == ("mine", "test")
    assert judged.questions == {"1": "what?", "2": "a\u2028b"}
    assert judged.qrels == {"1": {"d": 1}, "2": {"e": 0, "f": 2}}
    assert judged.notes == ("1 question without judgements: not measured",)
    assert judged.corpus is None


def test_questions_of_other_splits_are_not_told(tmp_path: Path) -> None:
    """They are judged, elsewhere."""
    judged = load_judged(folder_of(tmp_path, test="1\td\t1\n", train="2\td\t1\n3\td\t1\n"))
    assert judged.notes == ()


def test_the_split_is_test_or_the_only_one_or_the_one_named(tmp_path: Path) -> None:
    """Anything else is asked for by a name from the list."""
    both = folder_of(tmp_path / "a", test="1\td\t1\n", train="2\td\t1\n")
    assert load_judged(both).split == "test"
    assert load_judged(both, split="train").split == "train"
    assert load_judged(folder_of(tmp_path / "b", dev="1\td\t1\n")).split == "dev"
    unclear = folder_of(tmp_path / "c", dev="1\td\t1\n", train="2\td\t1\n")
    for path, split in ((unclear, None), (both, "../test"), (both, "")):
        with pytest.raises(UsageError, match="no split") as caught:
            load_judged(path, split=split)
        assert "train" in caught.value.hint


def test_a_judged_question_without_text_is_kept(tmp_path: Path) -> None:
    """It cannot be asked, and still counts."""
    judged = load_judged(folder_of(tmp_path, test="1\td\t1\n9\td\t1\n"))
    assert list(judged.qrels) == ["1", "9"]
    assert judged.silent == ("9",)


def test_a_question_without_a_relevant_document_is_told(tmp_path: Path) -> None:
    """It is 0 for every system."""
    judged = load_judged(folder_of(tmp_path, list(QUERIES[:2]), test="1\td\t0\n2\td\t1\n"))
    assert judged.notes == ("1 question without a relevant document: 0 for every system",)


def test_files_with_mark_crlf_gzip_and_numbers_as_ids_are_read(tmp_path: Path) -> None:
    """As they are found in the world."""
    place = folder_of(tmp_path, "", test="1\td\t1\n")
    (place / "queries.jsonl").unlink()
    content = '\ufeff{"_id": 1, "text": "what?"}\r\n\r\n'.encode()
    (place / "queries.jsonl.gz").write_bytes(gzip.compress(content))
    (place / "corpus.jsonl").write_text("")
    judged = load_judged(place)
    assert judged.questions == {"1": "what?"}
    assert judged.corpus == place / "corpus.jsonl"


def test_a_question_of_a_megabyte_is_read(tmp_path: Path) -> None:
    """That it cannot be asked is for whoever asks."""
    judged = load_judged(folder_of(tmp_path, [("1", "x" * 1_000_000)], test="1\td\t1\n"))
    assert len(judged.questions["1"]) == 1_000_000


@pytest.mark.parametrize(
    ("queries", "words"),
    [
        ("{\n", "line 1: no JSON"),
        ('{"_id": "1", "text": "a"}\n[]\n', "line 2: not an object"),
        ('{"_id": "1", "text": "a"}\n{"_id": "1", "text": "b"}\n', "line 2: the id 1"),
        ('{"text": "a"}\n', "line 1: no _id"),
        ('{"_id": " ", "text": "a"}\n', "line 1: no _id"),
        ('{"_id": true, "text": "a"}\n', "line 1: no _id"),
        ('{"_id": "1"}\n', "line 1: no text"),
        ('{"_id": "1", "text": 7}\n', "line 1: no text"),
        ("[" * 100_000 + "\n", "line 1: no JSON"),
        ("x" * 1_000_000 + "\n", "line 1: no JSON"),
    ],
)
def test_a_question_that_is_none_names_file_and_line(
    queries: str, words: str, tmp_path: Path
) -> None:
    """In a message that a terminal can hold."""
    with pytest.raises(UsageError, match=words) as caught:
        load_judged(folder_of(tmp_path, queries, test="1\td\t1\n"))
    assert "queries.jsonl" in caught.value.message
    assert len(caught.value.message) < 1000


def test_the_same_question_twice_is_one(tmp_path: Path) -> None:
    """Its text is the same, so nothing is unclear."""
    place = folder_of(tmp_path, [("1", "a"), ("1", "a")], test="1\td\t1\n")
    assert load_judged(place).questions == {"1": "a"}


def test_halves_of_characters_are_replaced(tmp_path: Path) -> None:
    """JSON can spell them, and neither a file nor a server takes them."""
    place = folder_of(tmp_path, '{"_id": "1", "text": "a\\ud800b"}\n', test="1\td\t1\n")
    assert load_judged(place).questions == {"1": "a\ufffdb"}


def test_a_folder_without_judgements_is_a_wrong_usage(tmp_path: Path) -> None:
    """It says what a folder holds."""
    with pytest.raises(UsageError, match="holds no judgements") as caught:
        load_judged(tmp_path)
    assert "qrels/SPLIT.tsv" in caught.value.hint


def test_judgements_alone_are_enough_for_runs_of_others(tmp_path: Path) -> None:
    """There is nothing to ask."""
    file = tmp_path / "robust.qrels"
    file.write_text("1 0 d 1\n")
    judged = load_judged(file)
    assert (judged.name, judged.questions, judged.silent) == ("robust", {}, ("1",))
    with pytest.raises(UsageError, match="no split"):
        load_judged(file, split="test")


def test_our_question_files_are_judged_by_their_evidence() -> None:
    """Those that nothing answers are told and not measured."""
    judged = load_judged(questions_file(), split="test")
    assert judged.split == "test"
    assert list(judged.qrels) == list(judged.questions)
    assert all(set(grades.values()) == {1} for grades in judged.qrels.values())
    (note,) = judged.notes
    assert note.endswith("questions without evidence: not measured")


def test_question_files_that_judge_nothing_are_told(tmp_path: Path) -> None:
    """No evidence at all, or one id for two questions."""
    bare = {"id": "1", "question": "?", "type": "fact"}
    file = tmp_path / "questions.jsonl"
    file.write_text(json.dumps(bare) + "\n")
    with pytest.raises(UsageError, match="no question with evidence"):
        load_judged(file)
    file.write_text(f"{json.dumps(bare)}\n{json.dumps(bare)}\n")
    with pytest.raises(UsageError, match="two questions have the id 1"):
        load_judged(file)


@pytest.mark.parametrize(
    ("document", "name"),
    [
        ("corpus.jsonl#4983", "4983"),
        ("scifact/corpus.jsonl#4983", "4983"),
        ("corpus.jsonl.gz#4983", "4983"),
        ("corpus.jsonl#Super_Bowl_50#0", "Super_Bowl_50#0"),
        ("corpus.jsonl#whole", "corpus.jsonl#whole"),
        ("my-corpus.jsonl#1", "my-corpus.jsonl#1"),
        ("a.md", "a.md"),
    ],
)
def test_documents_of_an_index_are_those_of_the_judgements(
    document: str, name: str, tmp_path: Path
) -> None:
    """Ingest puts the file before the id of a record; an id that is judged as it is stays."""
    judged = load_judged(folder_of(tmp_path, test="1\tcorpus.jsonl#whole\t1\n"))
    assert judged.namer()(document) == name
