"""The arguments of each family."""

from __future__ import annotations

import numpy as np
import pytest

from esrag.local.mlnode.arguments import build_arguments

SEQUENCES = [np.array([7, 8, 9], dtype=np.int32), np.array([5], dtype=np.int32)]


def test_bert_takes_four_with_one_row_of_positions() -> None:
    """Ids padded, mask, token types of zero, positions as eland traces them."""
    ids, mask, types, positions = build_arguments("bert", SEQUENCES, pad_id=1)
    assert ids.tolist() == [[7, 8, 9], [5, 1, 1]]
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0]]
    assert types.tolist() == [[0, 0, 0], [0, 0, 0]]
    assert positions.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("kind", "count"), [("roberta", 2), ("mpnet", 2), ("xlm_roberta", 2), ("deberta_v2", 3)]
)
def test_other_families_take_fewer(kind: str, count: int) -> None:
    """Two or three, all of them int64."""
    arguments = build_arguments(kind, SEQUENCES, pad_id=0)
    assert len(arguments) == count
    assert {argument.dtype for argument in arguments} == {np.dtype(np.int64)}
