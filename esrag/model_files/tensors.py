"""The head of a safetensors file: which tensors lie where.  Read without loading any.

Format: eight bytes with the length of the head (little-endian), the head as JSON, the data.
https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from esrag.errors import UnsupportedError
from esrag.model_files.reading import refuse

_LONGEST_HEAD = 32 * 2**20
_BITS = {
    "BOOL": 8,
    "U8": 8,
    "I8": 8,
    "F8_E5M2": 8,
    "F8_E4M3": 8,
    "F8_E8M0": 8,
    "I16": 16,
    "U16": 16,
    "F16": 16,
    "BF16": 16,
    "I32": 32,
    "U32": 32,
    "F32": 32,
    "I64": 64,
    "U64": 64,
    "F64": 64,
    "C64": 64,
    "F4": 4,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
}


@dataclass(frozen=True, slots=True)
class TensorPlace:
    """One tensor: its type, its shape, and where its bytes lie in the file."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class TensorFile:
    """The head of a file: tensors by name, and the text that was put beside them."""

    file: Path
    tensors: Mapping[str, TensorPlace]
    metadata: Mapping[str, str]


def read_head(file: Path) -> TensorFile:
    """The head, checked against the file's size; raises UnsupportedError for what is wrong."""
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if size < 8 or length > min(size - 8, _LONGEST_HEAD):
                refuse(f"{file} is no safetensors file: its head claims {length} bytes")
            words = stream.read(length)
        head = json.loads(words, object_pairs_hook=_without_doubles)
    except (OSError, ValueError, RecursionError) as error:
        raise UnsupportedError(f"{file} is no safetensors file: {error}") from error
    if not isinstance(head, dict):
        refuse(f"{file} is no safetensors file: its head is no object")
    metadata = head.pop("__metadata__", None) or {}
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        refuse(f"{file} has metadata that are not text")
    begin = 8 + length
    tensors = {name: _place(file, name, entry, begin) for name, entry in head.items()}
    _check_filled(file, tensors, begin, size)
    return TensorFile(file, tensors, metadata)


def _place(file: Path, name: str, entry: Any, begin: int) -> TensorPlace:
    try:
        dtype, shape, (start, stop) = entry["dtype"], entry["shape"], entry["data_offsets"]
        numbers = [*shape, start, stop]
    except (TypeError, KeyError, ValueError) as error:
        raise UnsupportedError(f"{file} describes the tensor {name} wrongly") from error
    if dtype not in _BITS:
        refuse(f"{file} has a tensor {name} of unknown type {dtype}")
    if any(type(number) is not int or number < 0 for number in numbers):
        refuse(f"{file} describes the tensor {name} wrongly")
    if 8 * (stop - start) != math.prod(shape) * _BITS[dtype]:
        refuse(f"{file} has a tensor {name} whose bytes do not fit its shape")
    return TensorPlace(dtype, tuple(shape), begin + start, begin + stop)


def _check_filled(file: Path, tensors: Mapping[str, TensorPlace], at: int, size: int) -> None:
    """The tensors follow each other without gap or overlap, to the end of the file."""
    for place in sorted(tensors.values(), key=lambda place: (place.start, place.stop)):
        if place.start != at:
            refuse(f"{file} has tensors that overlap or leave a gap")
        at = place.stop
    if at != size:
        refuse(f"{file} is not complete, or longer than its tensors")


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice")
    return found
