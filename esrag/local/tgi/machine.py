"""What this process may use of the machine; must run before torch is imported.

The defaults of OpenMP are made for a machine of one's own: as many threads as cores, spinning
while they wait.  Beside other busy processes that cost a factor of twelve.
"""

from __future__ import annotations

import os
from pathlib import Path

_MOST_THREADS = 2


def default_threads(*, cores: int, load: float) -> int:
    """Two, or fewer where the cores are taken already."""
    return max(1, min(_MOST_THREADS, cores - int(load)))


def prepare(threads: int | None) -> int:
    """Set the environment that libraries read when they load; returns the thread count."""
    count = threads or default_threads(cores=len(os.sched_getaffinity(0)), load=os.getloadavg()[0])
    os.environ["OMP_NUM_THREADS"] = str(count)
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    return count


def available_memory() -> int:
    """Bytes that a new allocation may take without swapping."""
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
