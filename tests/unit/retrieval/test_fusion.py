"""Fusion: the same numbers and the same order as the server's, ties included."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from esrag.fusion import Ranked, fuse, fusion_settings

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
