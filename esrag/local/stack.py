"""Starts, repairs and ends the local stack: Elasticsearch, the ML node process, the TGI server.

    up      check ─► start the Python members ─► prepare and start Elasticsearch ─► wait for all
    down    end every process of the stack, in the order ask, wait, kill
    reset   down, then remove what the members stored

``up`` leaves running members alone and replaces dead ones.  Whatever stops it, it ends what
this call started, so that a rerun finds either a member that is well or none.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from esrag.errors import EsragError, UnavailableError
from esrag.local import (
    certificates,
    elasticsearch,
    health,
    inspection,
    jdk,
    lock,
    logs,
    machine,
    plugins,
    ports,
    process,
    records,
)
from esrag.local.inspection import MemberStatus
from esrag.local.layout import MEMBERS, TITLES, Layout
from esrag.local.progress import Reporter
from esrag.local.records import Member, State
from esrag.settings import LocalSettings

_PATIENCE = 20.0
_GRACE = 15.0
_POLL_SECONDS = 0.2
_LOG_LINES = 30
_TRIAL_WARNING_DAYS = 5.0
_MEMORY = {"elasticsearch": 0.6, "mlnode": 0.6, "tgi": 0.9}  # GiB; the heap comes on top
_DISK = {"first": 3.0, "later": 1.0}


@dataclass(frozen=True, slots=True)
class Wish:
    """What ``up`` is asked for.  ``fast_start`` trades speed later on for a quicker start."""

    settings: LocalSettings
    environment: Mapping[str, str]
    members: tuple[str, ...] = MEMBERS
    fast_start: bool = False
    force: bool = False
    timeout: float = 300.0
    plugin_sources: Path = plugins.SOURCES


@dataclass(slots=True)
class _Start:
    """A member that is on its way up."""

    member: Member
    process: subprocess.Popen[bytes]
    since: float
