"""Who holds a lock: one process on one machine, told apart from every other.

A process number alone may have been given to another program since, so the owner also says when
its process began, in a form that only equality is asked of: no clock is compared.
"""

from __future__ import annotations

import os
import secrets
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PROC = Path("/proc")
_START_TIME = 19  # its place in /proc/<pid>/stat, counted after the command's closing bracket


@dataclass(frozen=True, slots=True)
class Owner:
    """``machine`` is "" where processes of this host cannot be told from another's."""

    host: str
    machine: str
    pid: int
    started: str
    token: str
    command: str = ""

    def describe(self) -> str:
        """The owner in words."""
        what = f" ({self.command})" if self.command else ""
        return f"process {self.pid} on {self.host}{what}"

    def as_body(self) -> dict[str, Any]:
        """The owner as it is stored."""
        return {
            "host": self.host,
            "pid": self.pid,
            "started": f"{self.machine}/{self.started}",
            "token": self.token,
            "command": self.command,
        }


def owner_from(body: Mapping[str, Any]) -> Owner:
    """The owner as it was stored."""
    machine, _, started = str(body.get("started", "")).rpartition("/")
    return Owner(
        host=str(body.get("host", "")),
        machine=machine,
        pid=int(body.get("pid", 0)),
        started=started,
        token=str(body.get("token", "")),
        command=str(body.get("command", "")),
    )


def this_process(command: str) -> Owner:
    """This process, with a new token."""
    return Owner(
        host=socket.gethostname(),
        machine=_machine(),
        pid=os.getpid(),
        started=_started(os.getpid()) or "",
        token=secrets.token_hex(8),
        command=command,
    )


def same_process(one: Owner, other: Owner) -> bool:
    """Whether both are the same process, whatever their tokens."""
    return (one.host, one.machine, one.pid, one.started) == (
        other.host,
        other.machine,
        other.pid,
        other.started,
    )


def is_dead(owner: Owner) -> bool:
    """Whether this process ran on this very machine and runs no more; False when in doubt."""
    here = bool(owner.machine) and (owner.host, owner.machine) == (socket.gethostname(), _machine())
    return here and _started(owner.pid) != owner.started


def _machine() -> str:
    """This boot of this machine, and the name space in which process numbers are unique.

    Two containers may have one host name, and then hold each other's numbers for dead.
    """
    if not sys.platform.startswith("linux"):
        return ""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        numbers = (_PROC / "self/ns/pid").readlink()
    except OSError:
        return ""
    return f"{boot}/{numbers}"


def _started(pid: int) -> str | None:
    """When a process began, in ticks since the boot; None when there is none."""
    try:
        facts = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = facts.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[_START_TIME]
