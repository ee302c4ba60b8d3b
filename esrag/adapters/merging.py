"""Joins an adapter with its base: a folder like the base's, with other weights.

    base, adapter ──tensor by tensor──► DIR.part ──read back, compared──► DIR

One tensor at a time is in memory.  What was written is compared with the definition computed in
double precision; a folder that deviates by more than 1e-5 and its rounding never gets its name.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from esrag.adapters.arrays import BYTES, DTYPES, ROUNDING, as_bytes, read_array
from esrag.adapters.low_rank import Changes
from esrag.adapters.new_folders import new_folder
from esrag.disk import disk_errors
from esrag.errors import EsragError
from esrag.model_files import check_model_folder, copy_text_side, write_manifest
from esrag.model_files.tensors import TensorFile, read_head

TOLERANCE = 1e-5
_ROWS = 512


@dataclass(frozen=True, slots=True)
class Merged:
    """A merged model.  ``deviation`` is the largest difference of a stored weight from base plus
    scaled product, ``beyond_rounding`` what of it the type of the weights does not explain.
    """

    folder: Path
    changed: int
    dtype: str
    deviation: float
    beyond_rounding: float


def merge(
    adapter: Path,
    base: Path,
    output: Path,
    *,
    dtype: str | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Merged:
    """Write the merged model to ``output``, a folder that is not there yet.

    ``dtype`` is float32, float16, bfloat16 or None for that of the base; ``facts`` go into its
    manifest.  Raises UnsupportedError for what cannot be merged, ConflictError when ``output`` is
    there, UnavailableError when the disk is full.
    """
    check_model_folder(base)
    changes = Changes(adapter, base)
    with disk_errors(output), new_folder(output) as working:
        kind = DTYPES[dtype] if dtype else None
        for head in _heads(base):
            _write(head, changes, working / head.file.name, kind)
        _copy_rest(base, working, dtype)
        deviation, beyond = _compared(base, working, changes)
        if beyond > TOLERANCE:
            raise EsragError(
                f"the merged weights deviate by {beyond:.2g} from base plus scaled product; "
                f"{output} was not made",
                hint="The disk may be failing; try another one.",
            )
        write_manifest(working, facts={"kind": "merged model", **(facts or {})})
    stored = _heads(output)[0].tensors.values()
    return Merged(output, len(changes), next(iter(stored)).dtype, deviation, beyond)


def _heads(folder: Path) -> list[TensorFile]:
    return [read_head(file) for file in sorted(folder.glob("*.safetensors"))]


def _write(head: TensorFile, changes: Changes, target: Path, dtype: str | None) -> None:
    """One file of weights, its tensors in the order in which they lay."""
    order = sorted(head.tensors, key=lambda name: head.tensors[name].start)
    entries: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name in order:
        place = head.tensors[name]
        kind = dtype or place.dtype
        size = (place.stop - place.start) * BYTES.get(kind, 1) // BYTES.get(place.dtype, 1)
        entries[name] = {
            "dtype": kind,
            "shape": list(place.shape),
            "data_offsets": [at, at + size],
        }
        at += size
    words = json.dumps(entries, separators=(",", ":")).encode()
    words += b" " * (-len(words) % 8)  # the data begin at a multiple of eight
    with target.open("wb") as file:
        file.write(len(words).to_bytes(8, "little") + words)
        for name in order:
            weight = read_array(head.file, head.tensors[name])
            change = changes.of(name)
            merged = weight if change is None else change.applied(weight)
            file.write(as_bytes(merged, entries[name]["dtype"]))


def _copy_rest(base: Path, working: Path, dtype: str | None) -> None:
    copy_text_side(base, working)
    for index in base.glob("*.safetensors.index.json"):
        content = json.loads(index.read_text(encoding="utf-8"))
        content["metadata"] = {
            "total_size": sum(
                place.stop - place.start
                for head in _heads(working)
                for place in head.tensors.values()
            )
        }
        (working / index.name).write_text(json.dumps(content, indent=1), encoding="utf-8")
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    if dtype:
        config.pop("dtype", None)
        config["torch_dtype"] = dtype
    (working / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")


def _compared(base: Path, working: Path, changes: Changes) -> tuple[float, float]:
    """The largest deviation of what was written, and the largest beyond its rounding."""
    largest = beyond = 0.0
    for old in _heads(base):
        new = read_head(working / old.file.name)
        for name, place in old.tensors.items():
            written = new.tensors[name]
            change = changes.of(name)
            for rows in _stretches(place.shape):
                expected = read_array(old.file, place, rows=rows).astype(np.float64)
                if change is not None:
                    expected = change.applied(expected, first=rows.start or 0)
                stored = read_array(new.file, written, rows=rows).astype(np.float64)
                gap = np.abs(stored - expected)
                allowed = np.abs(expected) * ROUNDING[written.dtype]
                largest = max(largest, float(gap.max(initial=0.0)))
                beyond = max(beyond, float((gap - allowed).max(initial=0.0)))
    return largest, beyond


def _stretches(shape: tuple[int, ...]) -> Iterator[slice]:
    """Stretches of rows, so that double precision is paid for a few at a time."""
    for first in range(0, shape[0] if shape else 0, _ROWS):
        yield slice(first, min(first + _ROWS, shape[0]))


def free_bytes(folder: Path) -> int:
    """What may still be written where ``folder`` is to be."""
    while not folder.exists():
        folder = folder.parent
    state = os.statvfs(folder)
    return state.f_bavail * state.f_frsize
