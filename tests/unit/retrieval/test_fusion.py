"""Fusion: the same numbers and the same order as the server's, ties included."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esrag.errors import UnsupportedError
from esrag.fusion import Ranked, combine, fuse, fusion_settings, normalized

PLACES = st.permutations(list(range(12)))
RANKINGS = st.lists(st.lists(st.integers(0, 11), unique=True, max_size=12), min_size=1, max_size=4)


def ranking(names: str, places: dict[str, int] | None = None) -> list[Ranked]:
    """A ranking of documents with one-letter names, placed by the alphabet unless told."""
    return [Ranked("i", name, (places or {}).get(name, ord(name))) for name in names]


def reference(
    rankings: list[list[int]], places: list[int], constant: int, window: int
) -> list[tuple[int, float]]:
    """The formula written down anew, document by document, in numpy's single precision."""
    found = []
    for document in {d for one in rankings for d in one[:window]}:
        score = np.float32(0)
        for one in rankings:
            if document in one[:window]:
                score = score + np.float32(1) / np.float32(constant + one.index(document) + 1)
        found.append((-score, places[document], document))
    return [(document, -float(score)) for score, _, document in sorted(found)][:window]


@given(rankings=RANKINGS, places=PLACES, constant=st.integers(1, 60), window=st.integers(1, 12))
def test_fusion_equals_a_reference(
    rankings: list[list[int]], places: list[int], constant: int, window: int
) -> None:
    """Order and score of every document, for any rankings, windows and places."""
    given_rankings = [[Ranked("i", str(d), places[d]) for d in one] for one in rankings]
    fused = fuse(given_rankings, constant=constant, window=window)
    assert [(int(f.id), f.score) for f in fused] == reference(rankings, places, constant, window)


def test_equal_scores_stand_in_the_order_of_the_index() -> None:
    """Two documents with the same ranks in different legs: the earlier one in the index first."""
    for one, other in itertools.permutations([1, 2]):
        places = {"a": one, "b": other}
        fused = fuse([ranking("ab", places), ranking("ba", places)])
        assert [f.id for f in fused] == sorted("ab", key=lambda name: places[name])
        assert fused[0].score == fused[1].score


def test_weights_count() -> None:
    """The second leg outweighs the first."""
    fused = fuse([ranking("ab"), ranking("ba")], weights=[1.0, 3.0])
    assert [f.id for f in fused] == ["b", "a"]


def test_what_stands_behind_the_window_adds_nothing() -> None:
    """As the server asks each leg for as many hits as the window holds."""
    fused = fuse([ranking("abc"), ranking("c")], window=2, constant=10)
    assert [(f.id, f.score) for f in fused] == [
        ("a", float(np.float32(1) / np.float32(11))),
        ("c", float(np.float32(1) / np.float32(11))),
    ]


def test_one_id_in_two_indices_is_two_documents() -> None:
    """The indices behind an alias may hold the same ids."""
    fused = fuse([[Ranked("i", "a", 0)], [Ranked("j", "a", 1)]])
    assert [(f.index, f.id) for f in fused] == [("i", "a"), ("j", "a")]


def test_settings_may_be_text() -> None:
    """Search templates quote their numbers; silence means the server's defaults."""
    assert fusion_settings({"rank_constant": 10, "rank_window_size": "100"}) == (10, 100)
    assert fusion_settings({}) == (60, 10)


SCORES = st.lists(st.floats(0, 50, width=32), min_size=1, max_size=8)


def scored(scores: list[float]) -> list[Ranked]:
    """A ranking of documents 0, 1, 2 … with these scores."""
    ordered = sorted(scores, reverse=True)
    return [Ranked("i", str(n), n, score) for n, score in enumerate(ordered)]


@given(SCORES)
def test_minmax_spans_from_nothing_to_one(scores: list[float]) -> None:
    """In single precision; scores that hardly differ all count fully."""
    found = normalized(scored(scores), "minmax")
    single = np.array(sorted(scores, reverse=True), np.float32)
    spread = single.max() - single.min()
    wanted = (single - single.min()) / spread if spread >= 1e-6 else np.ones_like(single)
    assert found == [float(one) for one in wanted]


@given(SCORES)
def test_l2_norm_makes_the_squares_one(scores: list[float]) -> None:
    """Unless there is nothing to scale."""
    found = normalized(scored(scores), "l2_norm")
    norm = np.sqrt(np.sum(np.square(np.array(scores, np.float64))))
    scaled = norm >= float(np.float32(1e-6))
    assert sum(one * one for one in found) == pytest.approx(1.0 if scaled else norm**2)


def test_a_linear_combination_adds_what_each_ranking_gives() -> None:
    """Missing documents count nothing there; each keeps the score it had."""
    words = [Ranked("i", "a", 0, 9.0), Ranked("i", "b", 1, 5.0), Ranked("i", "c", 2, 1.0)]
    meaning = [Ranked("i", "c", 2, 0.9), Ranked("i", "a", 0, 0.7)]
    found = combine([words, meaning], weights=[1.0, 2.0], normalizers=["minmax", "none"], window=9)
    assert [each.id for each in found] == ["a", "c", "b"]
    assert [each.score for each in found] == pytest.approx([2.4, 1.8, 0.5])
    assert [dict(each.scores) for each in found] == [{0: 9.0, 1: 0.7}, {0: 1.0, 1: 0.9}, {0: 5.0}]


def test_an_unknown_normalizer_is_refused() -> None:
    """Rather than another ranking."""
    with pytest.raises(UnsupportedError, match="no normalizer 'sigmoid'"):
        normalized([], "sigmoid")
