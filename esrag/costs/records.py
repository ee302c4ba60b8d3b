"""What a run has cost, as it was measured: seconds, tokens, memory, and on which device.

Filled by whoever runs something, written into run.json and data cards, read by ``esrag cost``.
Costs of the parts of a run (before and after a resume, teacher and training) are added up.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from esrag.errors import UsageError


@dataclass(frozen=True, slots=True)
class Costs:
    """Measured costs; zero where nothing was measured or nothing was used.

    ``cpu_seconds`` is this process and the children that it has waited for.  ``gpu_seconds`` is
    wall time times the GPUs that were held, busy or not, because that is what is paid for.
    ``tokens_trained`` counts every token that went through the model in training, once for each
    pass; ``tokens_prompted`` and ``tokens_generated`` are a teacher's.  Memory is in bytes.
    """

    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    gpu_seconds: float = 0.0
    tokens_trained: int = 0
    tokens_prompted: int = 0
    tokens_generated: int = 0
    peak_memory: int = 0
    peak_gpu_memory: int = 0
    device: str = ""
    devices: int = 0

    def __add__(self, other: Costs) -> Costs:
        """One after the other: seconds and tokens add up, of memory and devices the most counts."""
        named = [name for name in (self.device, other.device) if name]
        return Costs(
            wall_seconds=self.wall_seconds + other.wall_seconds,
            cpu_seconds=self.cpu_seconds + other.cpu_seconds,
            gpu_seconds=self.gpu_seconds + other.gpu_seconds,
            tokens_trained=self.tokens_trained + other.tokens_trained,
            tokens_prompted=self.tokens_prompted + other.tokens_prompted,
            tokens_generated=self.tokens_generated + other.tokens_generated,
            peak_memory=max(self.peak_memory, other.peak_memory),
            peak_gpu_memory=max(self.peak_gpu_memory, other.peak_gpu_memory),
            device=", ".join(dict.fromkeys(named)),
            devices=max(self.devices, other.devices),
        )

    @property
    def gpu_hours(self) -> float:
        """GPU seconds in the unit in which they are priced."""
        return self.gpu_seconds / 3600

    def to_json(self) -> dict[str, Any]:
        """As it stands in run.json; seconds to the millisecond."""
        return {
            name: round(value, 3) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_json(cls, body: object, *, where: str) -> Costs:
        """Read what ``to_json`` wrote; ``where`` is the file, for the message.

        Fields of a later version are passed over.  Raises UsageError for what is no record.
        """
        if not isinstance(body, Mapping):
            raise UsageError(f"{where}: the costs are no object")
        values: dict[str, Any] = {}
        for field in fields(cls):
            if field.name not in body:
                continue
            value, default = body[field.name], field.default
            fits = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
            if isinstance(default, str):
                fits = isinstance(value, str)
            elif isinstance(default, int):
                fits = fits and isinstance(value, int)
            if not fits:
                raise UsageError(f"{where}: {field.name} of the costs is {value!r}")
            values[field.name] = float(value) if isinstance(default, float) else value
        return cls(**values)


class Meter:
    """Measures from its making on; ``read`` says what it has cost up to now."""

    def __init__(self, *, device: str = "cpu", devices: int = 1, gpus: int = 0) -> None:
        self._device, self._devices, self._gpus = device, devices, gpus
        self._wall, self._cpu = time.perf_counter(), _cpu_seconds()

    def read(
        self,
        *,
        tokens_trained: int = 0,
        tokens_prompted: int = 0,
        tokens_generated: int = 0,
        peak_gpu_memory: int = 0,
    ) -> Costs:
        """The costs since the beginning; tokens and GPU memory are known to the caller only."""
        wall = time.perf_counter() - self._wall
        return Costs(
            wall_seconds=wall,
            cpu_seconds=max(0.0, _cpu_seconds() - self._cpu),
            gpu_seconds=wall * self._gpus,
            tokens_trained=tokens_trained,
            tokens_prompted=tokens_prompted,
            tokens_generated=tokens_generated,
            peak_memory=peak_memory(),
            peak_gpu_memory=peak_gpu_memory,
            device=self._device,
            devices=self._devices,
        )


def peak_memory() -> int:
    """Most bytes of memory that this process has had resident since it began."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _cpu_seconds() -> float:
    own, children = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
