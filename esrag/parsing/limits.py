"""How much a child may take, and how the child binds itself to that.

Time counts anew for every document, so that an archive of many is not cut short; what a whole
file may take is bounded too.
"""

from __future__ import annotations

import resource
from dataclasses import dataclass
from pathlib import Path

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one child.  The parent keeps the two of wall time, the kernel the others."""

    memory_bytes: int = 1024 * MIB  # of address space
    cpu_seconds: int = 60  # for one document
    wall_seconds: float = 120.0  # that the parent waits for one document
    file_seconds: float = 1800.0  # that it waits for all documents of one file
    written_bytes: int = 256 * MIB  # of any file that the child writes
    open_files: int = 64
    retire_bytes: int = 512 * MIB  # of memory in use, above which a child makes room for another


def bind(limits: Limits) -> None:
    """Lower what the kernel grants this process; only for a child, since it is for good."""
    _lower(resource.RLIMIT_AS, limits.memory_bytes)
    _lower(resource.RLIMIT_FSIZE, limits.written_bytes)
    _lower(resource.RLIMIT_NOFILE, limits.open_files)
    _lower(resource.RLIMIT_CORE, 0)


def grant_cpu(limits: Limits) -> None:
    """Begin a document: its seconds count from now on; beyond them the kernel ends the process."""
    spent = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(spent.ru_utime + spent.ru_stime) + 1 + limits.cpu_seconds
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    soft = seconds if hard == resource.RLIM_INFINITY else min(seconds, hard)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def resident_bytes() -> int:
    """The memory that this process holds now; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * resource.getpagesize()


def _lower(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    wanted = value if hard == resource.RLIM_INFINITY else min(value, hard)
    try:
        resource.setrlimit(kind, (wanted, wanted))
    except (OSError, ValueError):  # macOS knows no limit of address space
        return
