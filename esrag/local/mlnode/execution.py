"""The parent's side of a deployment's child process: start it, feed it batches, see it end.

Every call blocks, so each is made from a thread of the deployment: one supervises, one for each
allocation sends batches.  What the child says is checked: it runs code from outside.
"""

from __future__ import annotations

import contextlib
import math
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from esrag.local.mlnode import jail
from esrag.local.mlnode.frames import PeerEnded, receive_frame, send_frame
from esrag.local.mlnode.nursery import Nursery
from esrag.local.mlnode.tokenization import TokenIds

READY_SECONDS = 300.0  # importing torch on a busy machine takes its time
BATCH_SECONDS = 180.0  # a batch that takes longer hangs


class LoadRefused(Exception):
    """The child will not load this definition; trying again will not help."""


class ChildEnded(Exception):
    """The child is gone or stopped making sense."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """An array or a reason for each sequence of a batch, and the seconds in the model."""

    rows: list[npt.NDArray[Any] | str]
    seconds: float


class Execution(Protocol):
    """A running module.  ``deployment`` needs no more than this."""

    isolated: bool

    def wait_ready(self) -> None:
        """Block until the module is loaded; raises LoadRefused or ChildEnded."""

    def send(self, slot: int, sequences: Sequence[TokenIds], positions: Sequence[int] = ()) -> None:
        """Hand one batch to one allocation, behind those it has already; raises ChildEnded."""

    def receive(self, slot: int, *, expected: int) -> Outcome:
        """Block until an allocation's oldest batch, of so many inputs, is done; or ChildEnded."""

    def wait_end(self) -> str:
        """Block until the module is gone for whatever reason; returns the reason."""

    def kill(self) -> None:
        """End it now; may be called at any time and more than once."""


@dataclass(frozen=True, slots=True)
class ExecutionSettings:
    """Which definition to execute, how, and where the child finds an empty folder to live in."""

    parts: tuple[Path, ...]
    sha256: str
    kind: str
    pad_id: int
    output: str
    slots: int
    threads: int
    empty_folder: Path


class ChildExecution:
    """A module in a child process of its own."""

    def __init__(self, settings: ExecutionSettings, nursery: Nursery) -> None:
        self.isolated = False
        self._control, child_control = socket.socketpair()
        pairs = [socket.socketpair() for _ in range(settings.slots)]
        self._slots = [ours for ours, _ in pairs]
        for ours in self._slots:
            ours.settimeout(BATCH_SECONDS)
        theirs = [child_control, *(child for _, child in pairs)]
        try:
            self._child = nursery.child([connection.fileno() for connection in theirs])
            with contextlib.suppress(PeerEnded):  # wait_ready will see it
                send_frame(self._control, _orders(settings))
        finally:
            for connection in theirs:
                connection.close()

    def wait_ready(self) -> None:
        """Block until the module is loaded; raises LoadRefused or ChildEnded."""
        self._control.settimeout(READY_SECONDS)
        try:
            header, _ = receive_frame(self._control)
        except PeerEnded as ended:
            raise ChildEnded(f"while loading the model, {self._reap()}") from ended
        self._control.settimeout(None)
        if "refused" in header:
            self._reap()
            raise LoadRefused(str(header["refused"]))
        self.isolated = header.get("isolated") is True

    def send(self, slot: int, sequences: Sequence[TokenIds], positions: Sequence[int] = ()) -> None:
        """Hand one batch to one allocation, behind those it has already; raises ChildEnded."""
        header = {"lengths": [len(sequence) for sequence in sequences]}
        if positions:
            header["positions"] = list(positions)
        try:
            send_frame(self._slots[slot], header, np.concatenate(sequences).tobytes())
        except PeerEnded as ended:
            self.kill()
            raise ChildEnded(str(ended)) from ended

    def receive(self, slot: int, *, expected: int) -> Outcome:
        """Block until an allocation's oldest batch, of so many inputs, is done; or ChildEnded."""
        try:
            return read_outcome(*receive_frame(self._slots[slot]), expected=expected)
        except PeerEnded as ended:
            # Broken, silent for too long, or talking nonsense: of no use any more.
            self.kill()
            raise ChildEnded(str(ended)) from ended

    def wait_end(self) -> str:
        """Block until the child is gone for whatever reason; returns the reason."""
        with contextlib.suppress(PeerEnded):
            receive_frame(self._control)
        return self._reap()

    def kill(self) -> None:
        """End the child now; may be called at any time and more than once."""
        self._child.kill()
        for connection in (self._control, *self._slots):
            # shutdown wakes a thread that waits on the socket; close alone would not.
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def _reap(self) -> str:
        self.kill()
        code = self._child.wait()
        for connection in (self._control, *self._slots):
            connection.close()
        if code < 0:
            return f"the child process was ended by signal {signal.Signals(-code).name}"
        return f"the child process ended with exit code {code}"


def _orders(settings: ExecutionSettings) -> dict[str, Any]:
    """What ``child.Orders`` holds; sent, because a list of many parts outgrows a command line."""
    return {
        "threads": settings.threads,
        "kind": settings.kind,
        "pad_id": settings.pad_id,
        "output": settings.output,
        "parts": [str(part) for part in settings.parts],
        "sha256": settings.sha256,
        "empty_folder": str(settings.empty_folder),
    }


def read_outcome(header: dict[str, Any], payload: bytearray, *, expected: int) -> Outcome:
    """What a child says of a batch; raises PeerEnded when it makes no sense."""
    try:
        seconds = float(header["seconds"])
        dtype = {"float32": np.float32, "float64": np.float64}[header["dtype"]]
        errors = {int(row): str(reason) for row, reason in header["errors"].items()}
        values = np.frombuffer(payload, dtype=dtype)
        arrays = _arrays(values, header["shapes"], expected - len(errors))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise PeerEnded(f"the child answered nonsense: {error!r}") from error
    if not set(errors) <= set(range(expected)) or not math.isfinite(seconds) or seconds < 0:
        raise PeerEnded("the child answered nonsense: rows or seconds that cannot be")
    all_finite = bool(np.isfinite(values).all())
    following = iter(arrays)
    rows: list[npt.NDArray[Any] | str] = []
    for position in range(expected):
        if position in errors:
            rows.append(errors[position])
            continue
        array = next(following)
        good = all_finite or bool(np.isfinite(array).all())
        rows.append(array if good else "the model returned numbers that are not finite")
    return Outcome(rows, seconds)


def _arrays(
    values: npt.NDArray[Any], shapes: list[list[int]], expected: int
) -> Sequence[npt.NDArray[Any]]:
    """The numbers of a frame in the shapes it names; ValueError when they do not fit."""
    for shape in shapes:
        if not 1 <= len(shape) <= 2 or not all(type(n) is int and n > 0 for n in shape):
            raise ValueError(f"a shape that cannot be: {shape}")
    if len(shapes) == 1:
        return list(values.reshape((expected, *shapes[0])))
    if len(shapes) != expected:
        raise ValueError(f"{len(shapes)} shapes for {expected} rows")
    ends = list(accumulate(math.prod(shape) for shape in shapes))
    if len(values) != (ends[-1] if ends else 0):
        raise ValueError(f"{len(values)} numbers in shapes for others")
    starts = [0, *ends]
    return [
        values[start:end].reshape(shape)
        for start, end, shape in zip(starts, ends, shapes, strict=False)
    ]


def can_isolate() -> bool:
    """Whether a child of this process can leave the network; asked of a short-lived child."""
    probe = subprocess.run(
        [sys.executable, "-I", jail.__file__], env={}, cwd="/", check=False, capture_output=True
    )
    return probe.returncode == 0
