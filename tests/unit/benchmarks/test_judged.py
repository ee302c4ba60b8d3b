"""What ``benchmarks/judged.py`` adds to the package: several splits, rankings as lists."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from benchmarks.judged import documents_of, load, load_sample, mean_recall, per_question


@pytest.mark.parametrize(
    ("ranked", "grades", "expected"),
    [
        ([], {"a": 1}, 0.0),
        (["a"], {"a": 1}, 1.0),
        (["x", "a"], {"a": 1}, 1 / math.log2(3)),
        (["x", "a"], {"a": 1, "b": 1}, (1 / math.log2(3)) / (1 + 1 / math.log2(3))),
        (["b", "a"], {"a": 2, "b": 1}, (1 + 2 / math.log2(3)) / (2 + 1 / math.log2(3))),
        (["x"] * 10 + ["a"], {"a": 1}, 1 / math.log2(3)),
        ([*"bcdefghijk", "a"], {"a": 1}, 0.0),
    ],
)
def test_ndcg_by_hand(ranked: list[str], grades: dict[str, int], expected: float) -> None:
    """Empty, perfect, late, missing, graded, repeated and too late."""
    assert per_question({"1": ranked}, {"1": grades}).tolist() == [pytest.approx(expected)]


def test_recall_counts_what_is_relevant() -> None:
    """A share of the relevant documents, not of the hits."""
    grades = {"a": 1, "b": 1, "c": 1}
    assert mean_recall({"1": ["x", "a", "b"]}, {"1": grades}, 2) == pytest.approx(1 / 3)


def test_a_question_without_hits_counts() -> None:
    """The mean is over the judged questions, not over those with hits."""
    values = per_question({"1": ["a"]}, {"1": {"a": 1}, "2": {"a": 1}})
    assert values.tolist() == [1.0, 0.0]


def test_a_document_stands_where_its_best_chunk_stands() -> None:
    """Further chunks of it do not count."""
    assert documents_of(["b", "a", "b", "c"]) == ["b", "a", "c"]


def test_a_folder_in_beirs_layout_is_read(tmp_path: Path) -> None:
    """With a line separator inside a question, and grades of 0 left out."""
    (tmp_path / "queries.jsonl").write_text('{"_id": "1", "text": "a\u2028b"}\n', encoding="utf-8")
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n1\td\t1\n1\te\t0\n")
    judged = load(tmp_path)
    assert judged.questions == {"1": "a\u2028b"}
    assert judged.splits == {"test": {"1": {"d": 1}}}


def test_the_sample_has_two_halves() -> None:
    """Each answerable question names its documents."""
    judged = load_sample()
    assert {split: len(qrels) > 0 for split, qrels in judged.splits.items()} == {
        "calibration": True,
        "test": True,
    }
