"""A loaded TorchScript module and its forward passes.  Runs in the child process only.

The module's own graph pools and normalises; nothing is added to what it returns.  Which part of
its output belongs to a sequence depends on the task:

    vector     [batch, n]          the row
    first      [batch, n]          the row; of [batch, tokens, n] the first token's
    position   [batch, tokens, n]  the row of one token
    sequence   [batch, tokens, n]  the rows of all tokens that are not padding
    spans      [2, batch, tokens]  two numbers for each token: an answer starts, or ends here
    whole      anything            all of it, executed alone
"""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from esrag.local.mlnode.arguments import build_arguments
from esrag.local.mlnode.frames import LARGEST_PAYLOAD

Row = npt.NDArray[Any] | str

# What torch raises for a model or an input that does not work.
MODEL_ERRORS = (RuntimeError, IndexError, ValueError, TypeError, MemoryError)


@dataclass(frozen=True, slots=True)
class Forwarded:
    """An array, or the reason why there is none, for each sequence; and the seconds it took."""

    rows: list[Row]
    seconds: float


class ShapeMismatch(Exception):
    """The module does not give for each row of a batch what its task needs."""


def prepare(threads: int) -> None:
    """Settle torch's threads and modes, and let its libraries load what they load late."""
    torch.set_num_threads(threads)
    # Specialising the graph for each new shape costs more than it gives when shapes vary.
    torch._C._jit_set_profiling_executor(False)
    torch._C._jit_set_profiling_mode(False)
    with torch.inference_mode():
        values = torch.ones(64, 64)
        torch.nn.functional.layer_norm(torch.nn.functional.linear(values, values), [64])


class Module:
    """One TorchScript module; several threads may call ``run`` at the same time."""

    def __init__(self, definition: bytes, *, kind: str, pad_id: int, output: str) -> None:
        self._module: Any = torch.jit.load(  # type: ignore[no-untyped-call]
            io.BytesIO(definition), map_location="cpu"
        ).eval()
        self._kind = kind
        self._pad_id = pad_id
        self._output = output
        self._batches = output != "whole"

    def run(
        self, sequences: Sequence[npt.NDArray[Any]], positions: Sequence[int] = ()
    ) -> Forwarded:
        """Execute a batch; a failure is pinned to the sequences that cause it."""
        started = time.perf_counter()
        rows: list[Row] | None = None
        if self._batches or len(sequences) == 1:
            try:
                rows = [*self._rows(sequences, positions)]
            except ShapeMismatch as error:
                if len(sequences) == 1:
                    rows = [str(error)]
                self._batches = len(sequences) == 1
            except MODEL_ERRORS as error:
                if len(sequences) == 1:
                    rows = [_first_line(error)]
        if rows is None:
            rows = [
                self.run([sequence], positions[number : number + 1]).rows[0]
                for number, sequence in enumerate(sequences)
            ]
        return Forwarded(rows, time.perf_counter() - started)

    def warm_up(self) -> None:
        """Have the slow first pass over before the first question comes; its result is nothing."""
        self.run([np.full(8, self._pad_id, dtype=np.int32)] * 2, [0, 0])

    def _rows(
        self, sequences: Sequence[npt.NDArray[Any]], positions: Sequence[int]
    ) -> Sequence[npt.NDArray[Any]]:
        arguments = build_arguments(self._kind, sequences, pad_id=self._pad_id)
        with torch.inference_mode():
            result = self._module(*(torch.from_numpy(argument) for argument in arguments))
            if isinstance(result, tuple | list):
                result = result[0]
            if not isinstance(result, torch.Tensor):
                raise ShapeMismatch(f"the model returned a {type(result).__name__}, not a tensor")
            if result.dtype != torch.float64:
                result = result.to(torch.float32)
            values: npt.NDArray[Any] = result.contiguous().numpy()
        rows = _cut(values, [len(sequence) for sequence in sequences], positions, self._output)
        if rows is None or any(row.size == 0 for row in rows):
            raise ShapeMismatch(
                f"the model returned the shape {list(values.shape)} for {len(sequences)} inputs; "
                f"{_WANTED[self._output]}"
            )
        return rows


_WANTED = {
    "vector": "this task needs one vector for each",
    "first": "this task needs one vector for each, or one for each token",
    "position": "this task needs one vector for each token",
    "sequence": "this task needs one vector for each token",
    "spans": "this task needs a start and an end for each token",
    "whole": "one or two dimensions for each can be given back",
}


def _cut(
    values: npt.NDArray[Any], lengths: Sequence[int], positions: Sequence[int], output: str
) -> Sequence[npt.NDArray[Any]] | None:
    """The part of the output that belongs to each sequence; None when the shape does not fit."""
    batch, tokens = len(lengths), max(lengths)
    if output == "spans":
        if values.shape != (2, batch, tokens):
            return None
        return [values[:, row, :length] for row, length in enumerate(lengths)]
    if values.ndim not in (2, 3) or values.shape[0] != batch:
        return None
    if output == "whole":
        return list(values)
    if values.ndim == 2:
        return list(values) if output in ("vector", "first") else None
    if output == "first":
        return list(values[:, 0])
    if output == "vector" or values.shape[1] != tokens:
        return None
    if output == "position":
        return [values[row, place] for row, place in enumerate(positions)]
    return [values[row, :length] for row, length in enumerate(lengths)]


def _first_line(error: BaseException) -> str:
    """The line that says what went wrong; TorchScript puts it after its own traceback."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith("RuntimeError:")] or lines[-1:]
    return telling[0][:500] if telling else "the model failed without saying why"


def unpack(
    header: dict[str, Any], payload: bytearray
) -> tuple[list[npt.NDArray[Any]], Sequence[int]]:
    """The sequences in a frame from the parent, and the positions that matter in them."""
    ids = np.frombuffer(payload, dtype=np.int32)
    return list(np.split(ids, np.cumsum(header["lengths"])[:-1])), header.get("positions", ())


def pack(forwarded: Forwarded) -> tuple[dict[str, Any], bytes]:
    """The frame that carries the result: arrays as raw numbers, shapes and reasons in the header.

    One shape stands for all when they are alike.
    """
    arrays = [row for row in forwarded.rows if not isinstance(row, str)]
    dtype = np.result_type(*arrays) if arrays else np.dtype(np.float32)
    if sum(array.size for array in arrays) * dtype.itemsize > LARGEST_PAYLOAD:
        reason = "the model's output is too large to be given back"
        if len(forwarded.rows) > 1:
            reason += "; ask for fewer inputs at a time"
        return pack(Forwarded([reason] * len(forwarded.rows), forwarded.seconds))
    shapes = [list(array.shape) for array in arrays]
    alike = all(shape == shapes[0] for shape in shapes)
    header = {
        "seconds": forwarded.seconds,
        "shapes": shapes[:1] if alike else shapes,
        "dtype": str(dtype),
        "errors": {str(i): row for i, row in enumerate(forwarded.rows) if isinstance(row, str)},
    }
    if alike and arrays:
        return header, np.stack(arrays).astype(dtype, copy=False).tobytes()
    return header, b"".join(array.astype(dtype, copy=False).tobytes() for array in arrays)
