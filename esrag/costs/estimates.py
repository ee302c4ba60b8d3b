"""From work to hours, GPUs and money: FLOPs divided by what a device really achieves.

    seconds = hardware FLOPs ÷ (GPUs · peak · utilisation)

``utilisation`` is the share of the peak that a training loop reaches.  It is the weak number: the
best there is comes from a run of one's own (``runs``), else one that others measured
(``published``).  GPUs are taken to scale evenly, which small models on many GPUs do not do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from esrag.costs.gpus import Gpu
from esrag.costs.memory import Memory, estimate_memory
from esrag.costs.work import TrainingWork
from esrag.errors import UsageError

UTILISATION = 0.40  # a packed loop that keeps its GPU fed; others measured 0.43 to 0.64
LOW, HIGH = 0.10, 0.60  # an unpacked loop on several GPUs, and the best measured
USABLE = 0.92  # of a GPU's memory: the rest is fragments
# Google measured LoRA as 66 % faster than QLoRA:
# https://cloud.google.com/vertex-ai/docs/model-garden/lora-qlora
QLORA_SLOWER = 1.66


@dataclass(frozen=True, slots=True)
class Estimate:
    """``seconds`` pass on the clock, ``gpu_hours`` are paid for; ``memory`` is one GPU's.

    ``gpus_needed``: on how many weights, gradients and optimizer have to be spread to fit; 0 when
    the activations of one batch do not fit whatever is spread.
    """

    flops: float
    utilisation: float
    seconds: float
    gpu_hours: float
    gpu_hours_low: float
    gpu_hours_high: float
    money: float
    memory: Memory
    gpus_needed: int


def seconds_on(work: TrainingWork, flops_a_second: float) -> float:
    """How long the work takes a device that achieves so many FLOPs a second."""
    slower = QLORA_SLOWER if work.method == "qlora" else 1.0
    return work.hardware_flops * slower / flops_a_second


def estimate(
    work: TrainingWork,
    gpu: Gpu,
    *,
    gpus: int = 1,
    utilisation: float = UTILISATION,
    batch_tokens: int = 4096,
    price: float = 0.0,
) -> Estimate:
    """What the work takes on so many of one GPU; ``price`` is that of an hour of one.

    ``low`` and ``high`` hours are those at the best and worst utilisation that was published.
    Raises UsageError for a utilisation that is no share.
    """
    if not 0 < utilisation <= 1:
        raise UsageError(f"the utilisation is a share from 0 to 1, not {utilisation:g}")
    one = seconds_on(work, gpu.peak * utilisation)
    memory = estimate_memory(
        work.shape,
        work.method,
        trainable=work.trainable,
        tokens=batch_tokens,
        loss_tokens=math.ceil(batch_tokens * work.loss_share),
        checkpointing=work.checkpointing,
        gpu=True,
    )
    hours = one / 3600
    return Estimate(
        flops=work.model_flops,
        utilisation=utilisation,
        seconds=one / gpus,
        gpu_hours=hours,
        gpu_hours_low=hours * utilisation / max(HIGH, utilisation),
        gpu_hours_high=hours * utilisation / min(LOW, utilisation),
        money=hours * price,
        memory=memory,
        gpus_needed=gpus_needed(memory, gpu),
    )


def gpus_needed(memory: Memory, gpu: Gpu) -> int:
    """On how many GPUs the states have to be spread; 0 when that does not help."""
    room = gpu.memory * USABLE - memory.activations - memory.logits - memory.runtime
    states = memory.weights + memory.gradients + memory.optimizer
    return max(1, math.ceil(states / room)) if room > 0 else 0
