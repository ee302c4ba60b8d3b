"""What a child says of a batch is believed only as far as it can be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from esrag.local.mlnode.execution import read_outcome
from esrag.local.mlnode.frames import PeerEnded


def header(**fields: Any) -> dict[str, Any]:
    """A good header for two rows of three numbers."""
    return {"seconds": 0.5, "shapes": [[3]], "dtype": "float32", "errors": {}, **fields}


def numbers(count: int, dtype: Any = np.float32) -> bytearray:
    """So many of them, counting up."""
    return bytearray(np.arange(count, dtype=dtype).tobytes())


def rows(found: dict[str, Any], payload: bytearray, expected: int = 2) -> list[Any]:
    """The rows as lists, or as the reasons."""
    outcome = read_outcome(found, payload, expected=expected)
    return [row if isinstance(row, str) else row.tolist() for row in outcome.rows]


def test_rows_of_one_shape_name_it_once() -> None:
    """Vectors, or tensors."""
    assert rows(header(), numbers(6)) == [[0, 1, 2], [3, 4, 5]]
    assert rows(header(shapes=[[2, 2]]), numbers(8)) == [[[0, 1], [2, 3]], [[4, 5], [6, 7]]]


def test_rows_of_several_shapes_name_each() -> None:
    """One text has more tokens than the other."""
    found = header(shapes=[[1, 2], [2, 2]], dtype="float64")
    assert rows(found, numbers(6, np.float64)) == [[[0, 1]], [[2, 3], [4, 5]]]


def test_a_reason_stands_in_the_place_of_its_row() -> None:
    """The others follow each other."""
    found = header(errors={"0": "no"})
    assert rows(found, numbers(3)) == ["no", [0, 1, 2]]
    assert rows(header(shapes=[], errors={"0": "no", "1": "no"}), bytearray()) == ["no", "no"]


def test_a_row_with_numbers_that_are_none_is_refused_alone() -> None:
    """Its neighbour is good."""
    values = np.array([1, np.inf, 3, 4, 5, 6], dtype=np.float32)
    assert rows(header(), bytearray(values.tobytes())) == [
        "the model returned numbers that are not finite",
        [4, 5, 6],
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"shapes": [[4]]},
        {"shapes": [[3], [2]]},
        {"shapes": [[3], [3], [3]]},
        {"shapes": [[-3], [3]]},
        {"shapes": [[0]]},
        {"shapes": [[]]},
        {"shapes": [[1, 1, 3]]},
        {"shapes": [[True]]},
        {"shapes": [[10**30], [10**30]]},
        {"shapes": [3]},
        {"shapes": None},
        {"dtype": "object"},
        {"dtype": None},
        {"errors": {"7": "no"}, "shapes": [[6]]},
        {"errors": {"x": "no"}},
        {"errors": []},
        {"seconds": -1},
        {"seconds": float("nan")},
        {"seconds": 10**400},
        {"seconds": "long"},
    ],
)
def test_nonsense_ends_the_child(fields: dict[str, Any]) -> None:
    """Whatever a definition from outside made of it."""
    with pytest.raises(PeerEnded, match="the child answered nonsense"):
        read_outcome(header(**fields), numbers(6), expected=2)
