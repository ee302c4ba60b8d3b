"""nDCG@10 by hand, exact rankings, and what the gate lets pass."""

from __future__ import annotations

import math

import numpy as np
import pytest

from esrag.retriever_tuning.material import Question
from esrag.retriever_tuning.measures import judge, ndcg
from esrag.retriever_tuning.ranking import best_rows, document_ranking, values_of


def test_ndcg_of_five_small_cases() -> None:
    """Empty ranking, nothing relevant, first place, second place, grades."""
    assert ndcg([], {"a": 1}) == 0
    assert ndcg(["b", "c"], {"a": 1}) == 0
    assert ndcg(["a", "b"], {"a": 1}) == 1
    assert ndcg(["b", "a"], {"a": 1}) == pytest.approx(1 / math.log2(3))
    gained = 1 + 2 / math.log2(3)
    best = 2 + 1 / math.log2(3)
    assert ndcg(["a", "b"], {"a": 1, "b": 2}) == pytest.approx(gained / best)


def test_what_stands_behind_the_tenth_place_counts_nothing() -> None:
    """The measure looks at ten documents."""
    ranking = [f"x{number}" for number in range(10)]
    assert ndcg([*ranking, "a"], {"a": 1}) == 0


def test_the_gate_wants_more_than_a_rise_of_the_mean() -> None:
    """A gain that a few questions carry is not accepted; one that most share is."""
    base = [0.5] * 100
    few = [1.0] * 2 + [0.49] * 3 + [0.5] * 95
    most = [0.6] * 70 + [0.45] * 30
    assert not judge(base, few, seed=1).accepted
    assert judge(base, few, seed=1).difference.mean > 0
    assert judge(base, most, seed=1).accepted
    assert not judge(base, base, seed=1).accepted
    assert not judge(most, base, seed=1).accepted


def test_models_are_compared_on_the_same_questions() -> None:
    """Lists of different lengths are a mistake of the caller."""
    with pytest.raises(ValueError, match="different questions"):
        judge([0.1], [0.1, 0.2], seed=1)


def test_rankings_are_those_of_a_full_sort_also_with_ties() -> None:
    """Equal scores stand in the order of their rows, wherever the cut falls."""
    random = np.random.default_rng(7)
    passages = random.integers(-2, 3, size=(300, 4)).astype(np.float32)
    questions = random.integers(-2, 3, size=(20, 4)).astype(np.float32)
    found = best_rows(questions, passages, 17)
    wanted = np.argsort(-(questions @ passages.T), axis=1, kind="stable")[:, :17]
    assert (found == wanted).all()


def test_a_document_stands_where_its_best_chunk_stands() -> None:
    """And once."""
    assert document_ranking([2, 0, 1], ["a", "a", "b"]) == ["b", "a"]


def test_a_document_of_many_chunks_does_not_hide_others() -> None:
    """Rankings go on until ten documents stand in them."""
    passages = np.array([[1.0, 0.0]] * 500 + [[0.5, 0.5]], dtype=np.float32)
    documents = ["long"] * 500 + ["short"]
    asked = [Question("q", "what", {"short": 1})]
    question = np.array([[1.0, 0.0]], dtype=np.float32)
    assert values_of(asked, question, passages, documents) == [pytest.approx(1 / math.log2(3))]
