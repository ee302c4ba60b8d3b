"""Tensors of safetensors files as numpy arrays, bf16 included, and back to bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from esrag.errors import UnsupportedError

if TYPE_CHECKING:
    from pathlib import Path

    from esrag.model_files.tensors import TensorPlace

    Array = np.ndarray[Any, np.dtype[Any]]

# the largest relative error of rounding to the nearest
ROUNDING = {"F32": 2.0**-24, "F16": 2.0**-11, "BF16": 2.0**-8}
BYTES = {"F32": 4, "F16": 2, "BF16": 2}
DTYPES = {"float32": "F32", "float16": "F16", "bfloat16": "BF16"}


def read_array(file: Path, place: TensorPlace, *, rows: slice | None = None) -> Array:
    """A tensor, or some of its rows, as float32.  Raises UnsupportedError for other types."""
    if place.dtype not in BYTES:
        raise UnsupportedError(
            f"{file} holds tensors of the type {place.dtype}",
            hint="Weights in float32, float16 or bfloat16 can be merged; quantised ones cannot.",
        )
    shape, start = place.shape, place.start
    count = (place.stop - place.start) // BYTES[place.dtype]
    if rows is not None:
        first, stop, _ = rows.indices(shape[0])
        row = count // shape[0] if shape[0] else 0
        shape, count = (stop - first, *shape[1:]), (stop - first) * row
        start += first * row * BYTES[place.dtype]
    stored = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}[place.dtype]
    values = np.fromfile(file, dtype=stored, count=count, offset=start).reshape(shape)
    if place.dtype == "BF16":
        return (values.astype(np.uint32) << 16).view(np.float32)
    return values.astype(np.float32)


def as_bytes(array: Array, dtype: str) -> bytes:
    """A float32 array in the type ``dtype``, rounded to the nearest, ties to even."""
    if dtype == "BF16":
        bits = np.ascontiguousarray(array, np.float32).view(np.uint32)
        return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2").tobytes()
    return np.ascontiguousarray(array, {"F32": "<f4", "F16": "<f2"}[dtype]).tobytes()
