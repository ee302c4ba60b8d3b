"""A run folder read for its costs: what was done, how long it took, what share of the peak it was.

    run.json ── "work", "costs", "step_seconds" ──► MeasuredRun

It is written by whoever trains; only these three keys and ``status`` are looked at here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from esrag.costs.gpus import Gpu, gpu_of_device
from esrag.costs.records import Costs
from esrag.costs.work import TrainingWork
from esrag.errors import UsageError

RUN_FILE = "run.json"


@dataclass(frozen=True, slots=True)
class MeasuredRun:
    """``step_seconds``: time in training steps alone, without loading and evaluating."""

    name: str
    status: str
    work: TrainingWork
    costs: Costs
    step_seconds: float

    @property
    def gpu(self) -> Gpu | None:
        """The GPU it ran on, where its peak is known."""
        return gpu_of_device(self.costs.device)

    @property
    def flops_a_second(self) -> float:
        """FLOPs of the model that each device did in a second of training."""
        seconds = self.step_seconds * max(1, self.costs.devices)
        return self.work.model_flops / seconds if seconds else 0.0

    @property
    def utilisation(self) -> float:
        """The share of the GPU's peak (MFU); 0 where there is no known GPU."""
        gpu = self.gpu
        return self.flops_a_second / gpu.peak if gpu else 0.0

    @property
    def tokens_a_second(self) -> float:
        """Tokens that all devices together trained in a second of training."""
        return self.work.tokens / self.step_seconds if self.step_seconds else 0.0


def read_run(folder: Path) -> MeasuredRun:
    """What run.json in ``folder`` says; raises UsageError for a run that measured nothing."""
    file = folder / RUN_FILE
    try:
        body = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"{folder} is no run: it has no {RUN_FILE}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from error
    if not isinstance(body, dict):
        raise UsageError(f"{file} is no object")
    if body.get("costs") and "work" not in body:
        raise UsageError(
            f"the run {folder.name} does not say what work it did, so it has no FLOPs "
            f"(kind: {body.get('kind', 'unknown')})",
            hint=f"Its time, tokens and memory stand in {file}, under costs.",
        )
    if "work" not in body or "costs" not in body:
        raise UsageError(
            f"the run {folder.name} has measured nothing yet",
            hint="Costs are written when a run ends or stops; look again then.",
        )
    costs = Costs.from_json(body["costs"], where=str(file))
    seconds = body.get("step_seconds", costs.wall_seconds)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds >= 0:
        raise UsageError(f"{file}: step_seconds is {seconds!r}")
    return MeasuredRun(
        folder.name,
        str(body.get("status", "")),
        TrainingWork.from_json(body["work"], where=str(file)),
        costs,
        float(seconds),
    )
