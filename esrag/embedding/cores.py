"""How many processes embed at once, and with how many threads each."""

from __future__ import annotations

import math
import os
from pathlib import Path

THREADS = 4  # of one process; more of them wait for each other more than they help
MOST_PROCESSES = 8  # each holds the model in memory
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def usable_cores(quota: Path = _QUOTA) -> int:
    """The cores that this process may use, by affinity and by its group's share of time."""
    cores = len(os.sched_getaffinity(0))
    try:
        most, period = quota.read_text(encoding="ascii").split()
        share = math.ceil(int(most) / int(period))
    except (OSError, ValueError):  # no such group, or "max": no limit
        return cores
    return max(1, min(cores, share))


def shares(cores: int, *, threads: int, processes: int) -> tuple[int, int]:
    """Threads and processes; 0 stands for what suits the cores: one process for every four."""
    if threads == 0:
        threads = max(1, min(THREADS, cores // max(1, processes)))
    if processes == 0:
        processes = max(1, min(MOST_PROCESSES, cores // threads))
    return threads, processes
