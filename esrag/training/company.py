"""The processes that train together, as accelerate or torchrun started them; usually one alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from esrag.training.run_folder import RunFolder


def company(device: torch.device) -> Any:
    """accelerate's view of them; made before a model is loaded, it chooses each one's GPU."""
    from accelerate import Accelerator

    return Accelerator(cpu=device.type == "cpu")


class Bystander(RunFolder):
    """The run's folder for a process that only computes: it reads, and writes nothing."""

    @contextmanager
    def held(self) -> Iterator[None]:
        """The process that writes holds it."""
        yield

    def note(self, **facts: Any) -> None:
        """Writes nothing."""

    def log(self, line: Mapping[str, Any]) -> None:
        """Writes nothing."""

    def rewind(self, step: int) -> None:
        """Writes nothing."""
