"""A loaded TorchScript module and its forward passes.  Runs in the child process only.

The module's own graph pools and normalises; nothing is added to what it returns.
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

Row = npt.NDArray[Any] | str

# What torch raises for a model or an input that does not work.
MODEL_ERRORS = (RuntimeError, IndexError, ValueError, TypeError, MemoryError)


@dataclass(frozen=True, slots=True)
class Forwarded:
    """One vector, or the reason why there is none, for each sequence; and the seconds it took."""

    rows: list[Row]
    seconds: float


class ShapeMismatch(Exception):
    """The module does not give one vector for each row of a batch."""


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

    def __init__(self, definition: bytes, *, kind: str, pad_id: int) -> None:
        self._module: Any = torch.jit.load(  # type: ignore[no-untyped-call]
            io.BytesIO(definition), map_location="cpu"
        ).eval()
        self._kind = kind
        self._pad_id = pad_id
        self._batches = True

    def run(self, sequences: Sequence[npt.NDArray[Any]]) -> Forwarded:
        """Execute a batch; a failure is pinned to the sequences that cause it."""
        started = time.perf_counter()
        rows: list[Row] | None = None
        if self._batches or len(sequences) == 1:
            try:
                rows = list(self._vectors(sequences))
            except ShapeMismatch as error:
                if len(sequences) == 1:
                    rows = [str(error)]
                self._batches = len(sequences) == 1
            except MODEL_ERRORS as error:
                if len(sequences) == 1:
                    rows = [_first_line(error)]
        if rows is None:
            rows = [self.run([sequence]).rows[0] for sequence in sequences]
        return Forwarded(rows, time.perf_counter() - started)

    def warm_up(self) -> None:
        """Have the slow first pass over before the first question comes; its result is nothing."""
        self.run([np.full(8, self._pad_id, dtype=np.int32)] * 2)

    def _vectors(self, sequences: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
        arguments = build_arguments(self._kind, sequences, pad_id=self._pad_id)
        with torch.inference_mode():
            result = self._module(*(torch.from_numpy(argument) for argument in arguments))
            if isinstance(result, tuple | list):
                result = result[0]
            if not isinstance(result, torch.Tensor):
                raise ShapeMismatch(f"the model returned a {type(result).__name__}, not a tensor")
            if result.dtype != torch.float64:
                result = result.to(torch.float32)
            vectors: npt.NDArray[Any] = result.contiguous().numpy()
        if vectors.ndim != 2 or vectors.shape[0] != len(sequences) or vectors.shape[1] == 0:
            raise ShapeMismatch(
                f"the model returned the shape {list(vectors.shape)} for {len(sequences)} inputs; "
                "a text embedding has one vector for each"
            )
        return vectors


def _first_line(error: BaseException) -> str:
    """The line that says what went wrong; TorchScript puts it after its own traceback."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith("RuntimeError:")] or lines[-1:]
    return telling[0][:500] if telling else "the model failed without saying why"


def unpack(header: dict[str, Any], payload: bytearray) -> list[npt.NDArray[Any]]:
    """The sequences in a frame from the parent."""
    ids = np.frombuffer(payload, dtype=np.int32)
    return list(np.split(ids, np.cumsum(header["lengths"])[:-1]))


def pack(forwarded: Forwarded) -> tuple[dict[str, Any], bytes]:
    """The frame that carries the result: vectors as raw numbers, reasons in the header."""
    vectors = [row for row in forwarded.rows if not isinstance(row, str)]
    widths = {len(vector) for vector in vectors}
    if len(widths) > 1:
        return pack(Forwarded(["the model's vectors differ in length"] * len(forwarded.rows), 0.0))
    header = {
        "seconds": forwarded.seconds,
        "dims": next(iter(widths), 0),
        "dtype": str(np.result_type(*vectors)) if vectors else "float32",
        "errors": {str(i): row for i, row in enumerate(forwarded.rows) if isinstance(row, str)},
    }
    return header, (np.stack(vectors).tobytes() if vectors else b"")
