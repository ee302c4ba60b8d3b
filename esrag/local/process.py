"""Starting, recognising and ending processes: only those that this stack started.

A process is ours when its start time is the recorded one (a number alone may have been given
to another program since), or when it carries our mark in its environment, which its children
inherit: so even processes are found whose record was never written.
"""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

MARK = "_ESRAG_LOCAL_STACK"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process number and the start time that makes it unambiguous."""

    pid: int
    started: str


def identify(pid: int) -> ProcessId | None:
    """The identity of the process that has this number now; None when there is none."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return ProcessId(pid, _start_time(process))
    except psutil.NoSuchProcess:
        return None


def is_alive(process: ProcessId) -> bool:
    """Whether exactly this process still runs (one that nobody has waited for does not)."""
    return identify(process.pid) == process


def marked(mark: str) -> list[psutil.Process]:
    """Every living process whose mark is ``mark`` or a refinement of it, see ``refined``."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            own = process.environ().get(MARK, "")
            if (own == mark or own.startswith(refined(mark, ""))) and _lives(process):
                found.append(process)
    return found


def refined(mark: str, part: str) -> str:
    """A mark that ``marked(mark)`` finds as well."""
    return f"{mark}::{part}"


def family(process: ProcessId) -> list[psutil.Process]:
    """The process and its descendants; empty when it is gone."""
    if not is_alive(process):
        return []
    try:
        parent = psutil.Process(process.pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def start(
    argv: Sequence[str],
    *,
    mark: str,
    environment: Mapping[str, str],
    log: Path,
    user: int | None,
    cwd: Path,
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, its output appended to ``log``.

    A session of its own keeps the terminal's ^C from it; ``user`` is a numeric id to run as.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**environment, MARK: mark},
            cwd=cwd,
            start_new_session=True,
            umask=0o077,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )


def stop(processes: Iterable[psutil.Process], *, patience: float) -> None:
    """End these processes: ask, wait up to ``patience`` seconds, then kill what is left."""
    remaining = list(processes)
    for request, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 5.0)):
        for process in remaining:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(request)  # psutil compares start times before it does
                if request == signal.SIGTERM:
                    process.send_signal(signal.SIGCONT)  # a suspended one could not obey
        deadline = time.monotonic() + seconds
        while (remaining := [p for p in remaining if _lives(p)]) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        if not remaining:
            return


def memory(processes: Iterable[psutil.Process]) -> int:
    """Resident bytes of all of them together."""
    total = 0
    for process in processes:
        with suppress(psutil.Error):
            total += process.memory_info().rss
    return total


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _start_time(process: psutil.Process) -> str:
    """On Linux the kernel's own count since boot: a corrected clock does not change it."""
    try:
        fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2]
        return f"{_BOOT_ID.read_text(encoding='ascii').strip()}:{fields.split()[19]}"
    except OSError:
        return f"{process.create_time():.2f}"
