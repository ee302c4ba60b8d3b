"""GPUs by name: dense peak of their matrix units in 16 bits, and their memory.

Peaks are those of the makers' data sheets without sparsity, for bf16 where the GPU has it and
else fp16, summed in 32 bits.  Utilisation always refers to these numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from esrag.errors import UsageError

GB = 10**9  # data sheets count so
TERA = 10**12


@dataclass(frozen=True, slots=True)
class Gpu:
    """``peak``: FLOPs a second; ``memory``: bytes; ``source``: the data sheet."""

    name: str
    peak: float
    memory: int
    source: str


def _gpu(name: str, teraflops: float, gigabytes: int, sheet: str) -> Gpu:
    return Gpu(name, teraflops * TERA, gigabytes * GB, sheet)


_SHEETS = "NVIDIA data sheet"
GPUS: Mapping[str, Gpu] = {
    gpu.name: gpu
    for gpu in (
        _gpu("t4", 65, 16, f"{_SHEETS} T4 (fp16)"),
        _gpu("v100-32gb", 125, 32, f"{_SHEETS} V100 SXM2 (fp16)"),
        _gpu("a10", 125, 24, f"{_SHEETS} A10"),
        _gpu("a10g", 70, 24, f"{_SHEETS} A10G"),
        _gpu("l4", 121, 24, f"{_SHEETS} L4, half of the figure with sparsity"),
        _gpu("l40s", 362, 48, f"{_SHEETS} L40S, half of the figure with sparsity"),
        _gpu("rtx-3090", 71, 24, "NVIDIA GA102 whitepaper, fp16 summed in fp32"),
        _gpu("rtx-4090", 165.2, 24, "NVIDIA Ada whitepaper, fp16 summed in fp32"),
        _gpu("a100-40gb", 312, 40, f"{_SHEETS} A100"),
        _gpu("a100-80gb", 312, 80, f"{_SHEETS} A100"),
        _gpu("h100-pcie", 756, 80, f"{_SHEETS} H100 PCIe, half of the figure with sparsity"),
        _gpu("h100", 989.4, 80, f"{_SHEETS} H100 SXM, half of the figure with sparsity"),
        _gpu("h200", 989.4, 141, f"{_SHEETS} H200 SXM, half of the figure with sparsity"),
        _gpu("b200", 2250, 180, f"{_SHEETS} DGX B200, half of the figure with sparsity"),
        _gpu("mi300x", 1307.4, 192, "AMD data sheet Instinct MI300X"),
    )
}


def gpu_named(name: str) -> Gpu:
    """The GPU of this name; raises UsageError with all names for another."""
    wanted = name.lower()
    if wanted not in GPUS:
        raise UsageError(f"the GPU {name!r} is not known", hint=f"Known are: {', '.join(GPUS)}")
    return GPUS[wanted]


def gpu_of_device(device: str) -> Gpu | None:
    """The GPU that a driver calls ``device``, as in "NVIDIA A100-SXM4-80GB"; None if unknown.

    An H100 or A100 that does not say otherwise is the SXM one with 80 GB.
    """
    words = device.lower().replace("-", " ").replace("_", " ").split()
    if "h100" in words and "pcie" in words:
        return GPUS["h100-pcie"]
    if "a100" in words:
        return GPUS["a100-40gb" if "40gb" in words else "a100-80gb"]
    if "v100" in words:
        return GPUS["v100-32gb"]
    for name, gpu in GPUS.items():
        if all(part in words for part in name.split("-")):
            return gpu
    return None
